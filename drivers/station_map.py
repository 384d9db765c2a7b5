"""The register map of a Modbus station: a file that says what to read and what it means.

Ready maps stand in ``config/stations``; a model is the name of one of these, or the path of another, and after a
question mark what this station's setting differs in: ``renke?unit=3&baud=9600``. Stations that share an RS-485 line are
one map whose blocks and values name their ``unit``. Keys: ``config/
stations/renke.toml`` shows all but ``byte_order`` (within a register: ``big`` as Modbus says, or ``little``) and
``word_order`` (of 32-bit pairs: ``high-first`` or ``low-first``), both for the whole map.
"""

from __future__ import annotations

import struct
import tomllib
from fractions import Fraction
from operator import add, mul, truediv
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec

from drivers.errors import BadSettingError

_ROOT = Path(__file__).parent.parent
_FOLDERS = (_ROOT / "config" / "stations", _ROOT / "edge_agent" / "share" / "config" / "stations")
_FORMATS = {"u16": "H", "s16": "h", "u32": "I", "s32": "i", "f32": "f"}

_SETTINGS = ("unit", "baud", "parity")

Register = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Unit = Annotated[int, msgspec.Meta(ge=1, le=247)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Block(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Registers read by one request (function 03); ``unit`` where it is not the map's."""

    register: Register
    count: Annotated[int, msgspec.Meta(ge=1, le=125)]
    unit: Unit | None = None

    def holds(self, value: Value) -> bool:
        return (
            self.unit == value.unit
            and self.register <= value.register
            and value.register + value.width <= self.register + self.count
        )


class Value(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``name`` = number in the registers * scale + offset; ``range`` is what the maker promises."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    register: Register
    type: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
    scale: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 1.0
    offset: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] = 0.0
    range: tuple[float, float] | None = None
    unit: Unit | None = None

    @property
    def width(self) -> int:
        return 2 if self.type.endswith("32") else 1


class StationMap(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reading is made of the answers to all of ``read``."""

    title: str
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921600)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    unit: Unit = 1
    answer_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 1.0
    byte_order: Literal["big", "little"] = "big"
    word_order: Literal["high-first", "low-first"] = "high-first"
    read: Annotated[list[Block], msgspec.Meta(min_length=1, max_length=16)]
    value: Annotated[list[Value], msgspec.Meta(min_length=1, max_length=64)]

    def registers(self, value: Value, number: float) -> list[int]:
        """The registers that hold ``number``; the inverse of ``Layout.read``."""
        raw = (number - value.offset) / value.scale
        data = struct.pack(f">{_FORMATS[value.type]}", raw if value.type == "f32" else round(raw))
        registers = list(struct.unpack(f">{value.width}H", data))
        if self.word_order == "low-first":
            registers.reverse()
        if self.byte_order == "little":
            registers = [register >> 8 | (register & 0xFF) << 8 for register in registers]
        return registers


class Layout:
    """Where the values of one block stand among the bytes of its registers, as Modbus sends them."""

    def __init__(self, station: StationMap, block: Block) -> None:
        held = [value for value in station.value if block.holds(value)]
        scales = [Fraction(str(value.scale)) if value.type != "f32" else value.scale for value in held]
        self._order = [at for value in held for at in _bytes_of(value, block, station)]
        self._numbers = struct.Struct(">" + "".join(_FORMATS[value.type] for value in held))
        self._names = [value.name for value in held]
        self._multipliers = [scale.numerator if isinstance(scale, Fraction) else scale for scale in scales]
        self._divisors = [scale.denominator if isinstance(scale, Fraction) else 1 for scale in scales]
        self._offsets = [value.offset for value in held]

    def read(self, data: bytes) -> dict[str, float]:
        """The values by name, scaled; a value in tenths is the float nearest to its decimals."""
        raw = self._numbers.unpack(bytes([data[at] for at in self._order]))
        scaled = map(truediv, map(mul, raw, self._multipliers), self._divisors)
        return dict(zip(self._names, map(add, scaled, self._offsets), strict=True))


def _bytes_of(value: Value, block: Block, station: StationMap) -> list[int]:
    """Positions of the value's bytes in the block, highest first."""
    first = 2 * (value.register - block.register)
    registers = [[first + 2 * n, first + 2 * n + 1] for n in range(value.width)]
    if station.byte_order == "little":
        registers = [register[::-1] for register in registers]
    if station.word_order == "low-first":
        registers.reverse()
    return [at for register in registers for at in register]


def ready_maps() -> dict[str, Path]:
    """The maps that travel with the product, by name."""
    return {path.stem: path for folder in _FOLDERS for path in sorted(folder.glob("*.toml"))}


def load(model: str) -> StationMap:
    """The map of that name or path; raises BadSettingError that says file, key and what is allowed."""
    ready = ready_maps()
    name, _, settings = model.partition("?")
    path = Path(name) if name.endswith(".toml") else ready.get(name)
    if path is None:
        raise BadSettingError(
            f"no station map is named {name!r}; allowed: {', '.join(sorted(ready))}, or the path of a .toml file"
        )
    try:
        station = msgspec.convert(
            tomllib.loads(path.read_text(encoding="utf-8")) | _settings(model, settings), StationMap
        )
    except OSError as error:
        raise BadSettingError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettingError(f"{path}: is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadSettingError(f"{path}: {error}; the ready maps in config/stations show what is allowed") from error
    _check(path, station)
    return station


def _settings(model: str, text: str) -> dict[str, Any]:
    given = dict(parse_qsl(text, keep_blank_values=True))
    unknown = sorted(set(given) - set(_SETTINGS))
    if unknown or bool(text) != bool(given):
        raise BadSettingError(
            f"model {model!r}: {', '.join(unknown) or text!r} cannot be set here; allowed: {', '.join(_SETTINGS)}, "
            f"as in renke?unit=3&baud=9600"
        )
    return {key: int(value) if value.isdecimal() else value for key, value in given.items()}


def _check(path: Path, station: StationMap) -> None:
    names = [value.name for value in station.value]
    for index, value in enumerate(station.value):
        key = f"{path}: value[{index}] ({value.name})"
        if value.name in names[:index]:
            raise BadSettingError(f"{key}: this name is used twice; give each value its own")
        if not any(block.holds(value) for block in station.read):
            blocks = ", ".join(f"{block.register} to {block.register + block.count - 1}" for block in station.read)
            raise BadSettingError(
                f"{key}: register {value.register} ({value.width} wide) is in no [[read]] block"
                f"{f' of unit {value.unit}' if value.unit else ''}; read are {blocks}"
            )
        if value.range and value.range[0] >= value.range[1]:
            raise BadSettingError(f"{key}: range {list(value.range)} is empty; give the lower bound first")
