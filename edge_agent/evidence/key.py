"""The device's Ed25519 key (RFC 8032): made on first use, private, in PEM (PKCS 8) so that other programs can use it.

Imports ``cryptography`` (some 14 MB resident): only devices that keep pictures import this module.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_agent.errors import ConfigError
from edge_agent.evidence.files import Files


class SigningKey:
    """A private key; ``public`` is its public key in hexadecimal."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(content)


def load_key(file: Path) -> SigningKey:
    """The private key in ``file``. Raises ConfigError where there is none, or others may read or change it."""
    try:
        mode = file.stat().st_mode
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(file, "", f"cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(file, "", f"others may use this key (mode {stat.S_IMODE(mode):o}); run: chmod 600 {file}")
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(file, "", f"holds no usable private key ({error}); it must be Ed25519, PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(file, "", "holds a key of another kind; make one: openssl genpkey -algorithm ed25519")
    return SigningKey(private)


def make_key(file: Path, files: Files | None = None) -> SigningKey:
    """A new key in ``file``, readable by its owner alone, safe from a power cut when it returns. Raises OSError."""
    private = Ed25519PrivateKey.generate()
    content = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = files or Files()
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    files.write(new, content)
    files.move(new, file)
    files.sync_folder(file.parent)
    return SigningKey(private)


def read_public_key(text: str) -> str:
    """A public key given as 64 hexadecimal digits or as the path of a PEM file, in hexadecimal. Raises ValueError."""
    if not text:
        raise ValueError("is empty; give 64 hexadecimal digits or a PEM file")
    if len(text) == 64:
        try:
            return bytes.fromhex(text).hex()
        except ValueError:
            pass
    try:
        content = Path(text).read_bytes()
        if b"PRIVATE KEY" in content:
            raise ValueError(f"{text} is a private key; give the public one, and keep that one secret")
        public = serialization.load_pem_public_key(content)
    except OSError as error:
        raise ValueError(f"{text}: {error.strerror}; give 64 hexadecimal digits or a PEM file") from error
    except UnsupportedAlgorithm as error:
        raise ValueError(f"{text}: {error}") from error
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError(f"{text} is not an Ed25519 key")  # noqa: TRY004
    return public.public_bytes_raw().hex()


def signed_by(key: str, content: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``content`` was made with the private key of ``key`` (hexadecimal)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def sm3(content: bytes) -> str:
    """SM3 (GB/T 32905-2016) in hexadecimal."""
    return Sm3(content).hexdigest()


class Sm3:
    """The same of what comes in parts."""

    def __init__(self, content: bytes = b"") -> None:
        self._state = hashes.Hash(hashes.SM3())
        self._state.update(content)

    def update(self, content: bytes) -> None:
        """Takes the next part in."""
        self._state.update(content)

    def hexdigest(self) -> str:
        """Once, of all parts."""
        return self._state.finalize().hex()
