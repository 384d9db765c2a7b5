"""Long data in several packets (PNUM, PNO) and back. A segment has at most 1024 characters, its CP at most 950."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.hj212.frame import Cp, Frame, FrameError
from edge_agent.hj212.words import FLAG_SPLIT

MAX_CP = 950
MAX_PACKETS = 9999


def split(frame: Frame, max_cp: int = MAX_CP) -> list[Frame]:
    """``frame`` itself where its CP fits, else packets between whose factors the CP is divided.

    Every packet repeats DataTime, so each can be read alone.
    Raises FrameError (length) for a factor that fits no packet.
    """
    if _width(frame.cp) <= max_cp:
        return [frame]
    common: Cp = tuple(factor for factor in frame.cp if factor[0][0] == "DataTime")
    rest = [factor for factor in frame.cp if factor not in common]
    packets: list[list[tuple[tuple[str, str], ...]]] = [[]]
    for factor in rest:
        if _width((*common, factor)) > max_cp:
            raise FrameError("length", f"the factor of {factor[0][0]} has over {max_cp} characters")
        if packets[-1] and _width((*common, *packets[-1], factor)) > max_cp:
            packets.append([])
        packets[-1].append(factor)
    if len(packets) > MAX_PACKETS:
        raise FrameError("length", f"{len(packets)} packets; at most {MAX_PACKETS}")
    header = {name: value for name, value in frame.fields.items() if name not in ("PNUM", "PNO", "RF")}
    header["Flag"] = str(frame.flag | FLAG_SPLIT)
    tail = {name: frame.fields[name] for name in ("RF",) if name in frame.fields}
    return [
        Frame({**header, "PNUM": str(len(packets)), "PNO": str(number), **tail}, (*common, *factors))
        for number, factors in enumerate(packets, 1)
    ]


def join(packets: Sequence[Frame]) -> Frame:
    """The whole frame of all its packets, in any order; a factor that every packet repeats stands once.

    Raises FrameError (structure) when a packet is missing or they do not belong together.
    """
    if len(packets) == 1 and not packets[0].is_part:
        return packets[0]
    first = packets[0]
    by_number = {int(packet.fields.get("PNO", "0")): packet for packet in packets}
    count = int(first.fields.get("PNUM", "0"))
    if any((p.qn, p.cn, p.fields.get("PNUM")) != (first.qn, first.cn, first.fields.get("PNUM")) for p in packets):
        raise FrameError("structure", "packets of different requests")
    missing = [str(number) for number in range(1, count + 1) if number not in by_number]
    if missing or len(by_number) != count:
        raise FrameError("structure", f"of {count} packets missing: {', '.join(missing) or 'none, but too many came'}")
    factors: list[tuple[tuple[str, str], ...]] = []
    for number in range(1, count + 1):
        factors += [f for f in by_number[number].cp if not (f[0][0] == "DataTime" and f in factors)]
    fields = {name: value for name, value in first.fields.items() if name not in ("PNUM", "PNO")}
    fields["Flag"] = str(first.flag & ~FLAG_SPLIT)
    return Frame(fields, tuple(factors))


def _width(cp: Cp) -> int:
    pairs = sum(len(name.encode()) + 1 + len(value.encode()) for factor in cp for name, value in factor)
    return pairs + sum(len(factor) for factor in cp) - 1 if cp else 0
