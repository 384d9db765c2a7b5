r"""One frame: ``##LLLL<segment>CCCC\r\n``, the segment ``QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;CP=&&…&&``.

Read with the tolerance the field needs: QN, Flag, MN's length, the whole CP may be missing or short; Flag may promise
packet numbers that are not there; a ``;`` may trail; header fields come in any order; the CRC in either case and either
dialect; the line end may be missing. Refused with the reason: ``length`` (the declared length is not the segment's),
``crc`` (neither dialect fits), ``structure`` (anything else). Since the CRC lets one corruption in 256 pass, every
header field must also have its form.

Enciphered frames of the 2025 edition (SM4) carry raw bytes; the CRC is that of the plain segment. The standard prints
them as ``{0x..,0x..}``; that notation is read too, and written where a platform wants it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from drivers.errors import Action, EdgeAgentError
from edge_agent.hj212 import sm4
from edge_agent.hj212.crc import CRC, Dialect
from edge_agent.hj212.words import FLAG_ANSWER, FLAG_SPLIT, encrypted

Reason = Literal["length", "crc", "structure"]
Notation = Literal["raw", "print"]
Cp = tuple[tuple[tuple[str, str], ...], ...]

MAX_SEGMENT = 9999
_HEAD = re.compile(rb"##(\d{4})")
_CRC = re.compile(rb"[0-9A-Fa-f]{4}")
_PRINTED = re.compile(rb"\{\s*(?:0[xX][0-9A-Fa-f]{2}\s*(?:,\s*|(?=\})))*\}")
_FORMS: dict[str, re.Pattern[str]] = {
    "QN": re.compile(r"\d{14}(\d{3})?", re.ASCII),
    "ST": re.compile(r"\d{2}", re.ASCII),
    "CN": re.compile(r"\d{4}", re.ASCII),
    "MN": re.compile(r"[0-9A-Za-z_.-]{1,27}"),
    "Flag": re.compile(r"[0-9]{1,3}"),
    "PNUM": re.compile(r"\d{1,4}", re.ASCII),
    "PNO": re.compile(r"\d{1,4}", re.ASCII),
    "RF": re.compile(r"[01]"),
}
_NAME = re.compile(r"[^\s=;,&#]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FrameError(EdgeAgentError, ValueError):
    """Bytes that are no frame: drop them, the next one may be good."""

    action = Action.RETRY

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Frame:
    """``fields`` are the header's, in order, without CP. ``cp`` is factors of ``(name, value)`` pairs."""

    fields: Mapping[str, str]
    cp: Cp = ()

    @property
    def cn(self) -> int:
        """Command number."""
        return int(self.fields["CN"])

    @property
    def qn(self) -> str:
        """Request number, a time; empty where there is none."""
        return self.fields.get("QN", "")

    @property
    def flag(self) -> int:
        """Version bits, packet bit, answer bit; 0 where there is none."""
        return int(self.fields.get("Flag", "0"))

    @property
    def wants_answer(self) -> bool:
        """Bit A."""
        return bool(self.flag & FLAG_ANSWER)

    @property
    def is_part(self) -> bool:
        """Whether it is one packet of several; a Flag without PNUM and PNO does not count."""
        return bool(self.flag & FLAG_SPLIT) and "PNUM" in self.fields and "PNO" in self.fields

    def get(self, name: str) -> str:
        """The value of ``name`` in CP, empty where it is missing."""
        return next((value for factor in self.cp for key, value in factor if key == name), "")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame and the checksum it came with."""

    frame: Frame
    crc: Dialect


def decode(raw: bytes, *, key: bytes | None = None, dialect: Dialect | None = None) -> Decoded:
    """The frame in ``raw``, line end or not.

    ``key`` deciphers SM4; plain frames are read with it too. ``dialect`` None accepts both checksums. Raises
    FrameError.
    """
    raw = raw.rstrip(b"\r\n")
    head = _HEAD.match(raw)
    if not head:
        raise FrameError("structure", f"no ## and four digits at the start: {_shown(raw[:12])}")
    declared = int(head[1])
    segment, check = _from_print(raw[6:-4]), raw[-4:]
    if len(segment) != declared or len(raw) < 10:
        raise FrameError("length", f"declared {declared}, the segment has {max(0, len(segment))} bytes")
    if not _CRC.fullmatch(check):
        raise FrameError("structure", f"no four hexadecimal digits at the end: {_shown(check)}")
    given = int(check, 16)
    dialects = [dialect] if dialect else list(Dialect)
    for candidate in _plain_candidates(segment, key):
        for one in dialects:
            if CRC[one](candidate) == given:
                return Decoded(_parsed(candidate), one)
    expected = " or ".join(f"{CRC[one](segment):04X} ({one})" for one in dialects)
    hint = "" if segment.isascii() else "; is the key right?" if key else "; an enciphered frame needs its key"
    raise FrameError("crc", f"the frame says {given:04X}, its bytes give {expected}{hint}")


def encode(
    frame: Frame,
    *,
    dialect: Dialect = Dialect.HJ,
    key: bytes | None = None,
    notation: Notation = "raw",
) -> bytes:
    """The bytes of ``frame``; with ``key`` the CP of commands that HJ 212-2025 enciphers is enciphered.

    Raises FrameError (structure) for names or values that cannot be written, (length) over 9999 bytes.
    """
    segment = _written(frame)
    if len(segment) > MAX_SEGMENT:
        raise FrameError("length", f"the segment has {len(segment)} bytes, four digits can say at most {MAX_SEGMENT}")
    check, length = CRC[dialect](segment), len(segment)
    if key is not None and encrypted(frame.cn):
        before, region, after = _regions(segment)
        region = sm4.encrypt(region, key)
        if notation == "print":
            region = b"{%s}" % b",".join(b"0x%02X" % byte for byte in region)
        segment = before + region + after
    return b"##%04d%s%04X\r\n" % (length, segment, check)


def cp_to_mapping(cp: Cp) -> dict[str, str | list[str]]:
    """Name to value; a name that comes again has the list of its values."""
    out: dict[str, str | list[str]] = {}
    for factor in cp:
        for name, value in factor:
            known = out.get(name)
            if known is None:
                out[name] = value
            else:
                out[name] = [*(known if isinstance(known, list) else [known]), value]
    return out


def cp_from_mapping(values: Mapping[str, str | list[str]]) -> Cp:
    """Factors from names: neighbours with the same part before their last ``-`` belong together."""
    factors: list[list[tuple[str, str]]] = []
    last = ""
    for name, value in values.items():
        factor = name.rpartition("-")[0]
        for one in value if isinstance(value, list) else [value]:
            if factor and factor == last:
                factors[-1].append((name, one))
            else:
                factors.append([(name, one)])
            last = factor
    return tuple(tuple(pairs) for pairs in factors)


def _shown(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace") or "nothing"


def _regions(segment: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the ``&&`` of CP; without CP all stands before."""
    start = segment.find(b"CP=&&")
    if start < 0 or len(segment) < start + 7 or not segment.endswith(b"&&"):
        return segment, b"", b""
    return segment[: start + 5], segment[start + 5 : -2], segment[-2:]


def _from_print(segment: bytes) -> bytes:
    before, region, after = _regions(segment)
    if not _PRINTED.fullmatch(region):
        return segment
    return before + bytes(int(text, 16) for text in re.findall(rb"0[xX]([0-9A-Fa-f]{2})", region)) + after


def _plain_candidates(segment: bytes, key: bytes | None) -> list[bytes]:
    if key is None:
        return [segment]
    before, region, after = _regions(segment)
    return [before + sm4.decrypt(region, key) + after, segment]


def _parsed(segment: bytes) -> Frame:
    try:
        text = segment.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start}: text in GBK, or enciphered, which needs its key"
        raise FrameError("structure", problem) from error
    if _CONTROL.search(text):
        raise FrameError("structure", "control characters; an enciphered frame needs its key")
    header, mark, region = text.partition("CP=&&")
    if mark:
        if not region.endswith("&&"):
            raise FrameError("structure", "CP is not closed by &&")
        region = region[:-2]
    elif "CP=" in header:
        raise FrameError("structure", "CP does not open with &&")
    return Frame(_header(header), _cp(region))


def _header(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for item in text.removesuffix(";").split(";"):
        name, mark, value = item.partition("=")
        if not mark or not _NAME.fullmatch(name):
            raise FrameError("structure", f"{item!r} in the header is no name=value")
        if name in fields:
            raise FrameError("structure", f"{name} stands twice in the header")
        form = _FORMS.get(name)
        if form and not form.fullmatch(value):
            raise FrameError("structure", f"{name}={value} has not the form of {name}")
        if "&" in value or "," in value:
            raise FrameError("structure", f"{name}={value} in the header holds a separator")
        fields[name] = value
    if "CN" not in fields:
        raise FrameError("structure", "no CN in the header")
    _check_numbers(fields)
    return fields


def _check_numbers(fields: Mapping[str, str]) -> None:
    if int(fields.get("Flag", "0")) > 255:
        raise FrameError("structure", f"Flag={fields['Flag']} is more than one byte")
    if "PNUM" in fields and "PNO" in fields and not 1 <= int(fields["PNO"]) <= int(fields["PNUM"]):
        raise FrameError("structure", f"packet PNO={fields['PNO']} of PNUM={fields['PNUM']}")


def _cp(region: str) -> Cp:
    factors = []
    for factor in region.removesuffix(";").split(";") if region else ():
        pairs = []
        for item in factor.split(","):
            name, mark, value = item.partition("=")
            if not mark or not _NAME.fullmatch(name) or "&&" in value:
                raise FrameError("structure", f"{item!r} in CP is no name=value")
            pairs.append((name, value))
        factors.append(tuple(pairs))
    return tuple(factors)


def _written(frame: Frame) -> bytes:
    header = "".join(f"{name}={value};" for name, value in frame.fields.items())
    region = ";".join(",".join(f"{name}={value}" for name, value in factor) for factor in frame.cp)
    segment = f"{header}CP=&&{region}&&".encode()
    if _parsed(segment) != Frame(dict(frame.fields), cast(Cp, tuple(tuple(factor) for factor in frame.cp))):
        raise FrameError("structure", "a name or value holds a separator of the frame")
    return segment
