"""SM4 (GB/T 32907-2016) as HJ 212-2025 §6.4 uses it: ECB, whole blocks of 16 bytes, the remainder stays plain.

Written out here because the agent must stay small in memory and a frame has at most 60 blocks (about 1 ms). The S-box
is computed from its definition: inversion in GF(2^8) modulo x^8+x^7+x^6+x^5+x^4+x^2+1 between two affine maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

BLOCK = 16
_MASK = 0xFFFFFFFF
_FIELD = 0x1F5
_AFFINE_ROW, _AFFINE_CONSTANT = 0xA7, 0xD3
_FK = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)
_CK = tuple(int.from_bytes(bytes((4 * i + j) * 7 & 0xFF for j in range(4))) for i in range(32))


def _product(a: int, b: int) -> int:
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= _FIELD
        b >>= 1
    return result


def _inverse(a: int) -> int:
    result = 1
    for _ in range(254):
        result = _product(result, a)
    return result


def _affine(x: int) -> int:
    rows = (_AFFINE_ROW << i | _AFFINE_ROW >> 8 - i for i in range(8))
    return sum(((row & x & 0xFF).bit_count() & 1) << i for i, row in enumerate(rows)) ^ _AFFINE_CONSTANT


def _rotated(x: int, n: int) -> int:
    return (x << n | x >> 32 - n) & _MASK


@lru_cache(maxsize=1)
def _tables() -> tuple[list[int], list[list[int]]]:
    """The S-box, and for each byte position the S-box followed by the linear map L of the round function."""
    box = [_affine(_inverse(_affine(x))) for x in range(256)]
    tables = []
    for shift in (24, 16, 8, 0):
        words = (box[x] << shift for x in range(256))
        tables.append([w ^ _rotated(w, 2) ^ _rotated(w, 10) ^ _rotated(w, 18) ^ _rotated(w, 24) for w in words])
    return box, tables


@lru_cache(maxsize=8)
def _round_keys(key: bytes) -> tuple[int, ...]:
    if len(key) != BLOCK:
        raise ValueError(f"an SM4 key has 16 bytes, this one has {len(key)}")
    box, _ = _tables()
    k = [int.from_bytes(key[4 * i : 4 * i + 4]) ^ _FK[i] for i in range(4)]
    for i in range(32):
        mixed = k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ _CK[i]
        w = int.from_bytes(bytes(box[b] for b in mixed.to_bytes(4)))
        k.append(k[i] ^ w ^ _rotated(w, 13) ^ _rotated(w, 23))
    return tuple(k[4:])


def _block(data: bytes, keys: Sequence[int]) -> bytes:
    (t0, t1, t2, t3) = _tables()[1]
    a, b, c, d = (int.from_bytes(data[4 * i : 4 * i + 4]) for i in range(4))
    for key in keys:
        x = b ^ c ^ d ^ key
        a, b, c, d = b, c, d, a ^ t0[x >> 24] ^ t1[x >> 16 & 255] ^ t2[x >> 8 & 255] ^ t3[x & 255]
    return b"".join(word.to_bytes(4) for word in (d, c, b, a))


def _whole_blocks(data: bytes, keys: Sequence[int]) -> bytes:
    whole = len(data) - len(data) % BLOCK
    return b"".join(_block(data[i : i + BLOCK], keys) for i in range(0, whole, BLOCK)) + data[whole:]


def encrypt(data: bytes, key: bytes) -> bytes:
    """Whole blocks of ``data`` enciphered, the rest as it is; the length stays. Raises ValueError for a bad key."""
    return _whole_blocks(data, _round_keys(key))


def decrypt(data: bytes, key: bytes) -> bytes:
    """The inverse of ``encrypt``."""
    return _whole_blocks(data, _round_keys(key)[::-1])
