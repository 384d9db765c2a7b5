"""Certificates for tests, made by openssl: an authority and what it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.brokers import program


class Authority:
    """Its files lie in ``folder``; ``ca`` is its own certificate."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self.ca = folder / "ca.crt"
        self._key = folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "30", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.ca,
                 "-addext", "keyUsage=critical,keyCertSign",
                 "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip

    def issue(self, name: str, alternative: str = "IP:127.0.0.1", *, days: int = 30) -> tuple[Path, Path]:
        """Certificate and key; ``days`` of -1 gives one that has expired."""
        certificate, key, request = (self._folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", key, "-out", request)  # fmt: skip
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
                 "-days", str(days), "-extfile", extensions, "-out", certificate)  # fmt: skip
        key.chmod(0o600)
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([program("openssl", "openssl"), *map(str, arguments)], check=True, capture_output=True)
