"""What a driver is: data about one family of devices, and pure functions over its bytes. No port, no clock, no thread.

A driver says how the line is set, what to write at opening, how to ask, how frames are cut (``measure``, ``fault``, see
``drivers.framer``) and what a whole frame means (``decode``). ``drivers.sensor.SensorSession`` does the rest for all.

To add one outside this project: subclass ``Driver`` in your own package and name it in your ``pyproject.toml``::

    [project.entry-points."edge_agent.drivers"]
    acme-dust = "acme.dust:AcmeDust"

Then ``driver = "acme-dust"`` works in the configuration, in ``replay`` and in ``check``.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from drivers.errors import BadSettingError
from drivers.framer import Framer
from drivers.port import Line


class Mode(StrEnum):
    """``active``: the device sends by itself; ``query``: it answers when asked."""

    ACTIVE = "active"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Command:
    """Bytes to write, and the seconds the device needs before it takes the next command."""

    data: bytes
    settle_s: float = 0.1


class Sample(msgspec.Struct, frozen=True):
    """The values of one frame, units in their names; ``fault`` is what the device says of itself."""

    values: Mapping[str, float]
    fault: str = ""


def reader(layout: str, divisors: Mapping[str, float]) -> Callable[[bytes], dict[str, float]]:
    """A function that unpacks ``layout`` (of ``struct``) and gives each number, divided, its name, in their order.

    It is written out as source and compiled, as namedtuples are: a third of what a loop over names costs.
    """
    numbers = ", ".join(f"n{at}" for at in range(len(divisors)))
    values = ", ".join(f"{name!r}: n{at} / {divisor!r}" for at, (name, divisor) in enumerate(divisors.items()))
    scope: dict[str, Any] = {"unpack": struct.Struct(layout).unpack}
    exec(f"def read(frame):\n    {numbers}, = unpack(frame)\n    return {{{values}}}", scope)  # noqa: S102
    read: Callable[[bytes], dict[str, float]] = scope["read"]
    return read


class Driver(ABC):
    """One family of devices.

    ``models``, ``modes``: the first is taken where none is named. ``ranges``: what the maker promises to measure, by
    value name. ``silent_after_s``: a working device is never silent for longer. ``answer_s``: nor later with an answer.
    ``pause_s``: a pause of this length lies between frames, never inside one. ``wires``: what
    is easily wired wrongly. ``starts``, ``longest``, ``shared``: see ``drivers.framer``.
    """

    name: ClassVar[str]
    models: tuple[str, ...]
    modes: ClassVar[tuple[Mode, ...]] = (Mode.ACTIVE, Mode.QUERY)
    starts: bytes
    longest: int
    shared: ClassVar[int] = 0
    ranges: Mapping[str, tuple[float, float]] = {}
    silent_after_s: ClassVar[float] = 10.0
    answer_s: float = 1.0
    pause_s: ClassVar[float] = 0.3
    wires: ClassVar[str] = "RX to TX?"

    def __init__(self, model: str = "") -> None:
        """Raises BadSettingError for a model this driver does not know."""
        known = {name.lower(): name for name in self.models}
        if model and model.lower() not in known:
            raise BadSettingError(
                f"driver {self.name} knows no model {model!r}; allowed: {', '.join(self.models)}, or leave it out"
            )
        self.model = known[model.lower()] if model else self.models[0]

    @property
    def line(self) -> Line:
        return Line()

    @abstractmethod
    def opening(self, mode: Mode) -> Sequence[Command]:
        """What wakes the device and sets ``mode``, in order."""

    def sleeping(self) -> Sequence[Command]:
        """What stops fan and laser until the next opening; empty for devices that cannot."""
        return ()

    def queries(self) -> Sequence[bytes]:
        """The requests whose answers together make one reading; empty for devices that cannot be asked."""
        return ()

    @abstractmethod
    def measure(self, head: bytes) -> int:
        """The length of the frame beginning at ``head[0]``, or ``framer.MORE`` or ``framer.NONE``."""

    @abstractmethod
    def fault(self, frame: bytes) -> str:
        """Why ``frame`` is broken; ``""`` when it is whole."""

    @abstractmethod
    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:
        """What a whole frame says; None when it is no measurement (an acknowledgement).

        ``query`` is the request it answers, for protocols whose answers do not say which. Raises BadFrameError for a
        whole frame that cannot be understood, DeviceRefusedError when the device declines the request for good.
        """

    def framer(self) -> Framer:
        return Framer(self.measure, self.fault, starts=self.starts, longest=self.longest, shared=self.shared)

    def check_mode(self, mode: str) -> Mode:
        """``mode`` as a Mode, ``""`` as the usual one; raises BadSettingError when this driver or model has it not."""
        if not mode:
            return self.modes[0]
        if mode not in self.modes:
            raise BadSettingError(
                f"driver {self.name}, model {self.model}: no mode {mode!r}; allowed: {', '.join(self.modes)}"
            )
        return Mode(mode)
