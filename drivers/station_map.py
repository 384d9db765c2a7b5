"""The register map of a Modbus station: a file that says what to read and what it means.

Ready maps stand in ``config/stations``; a model is the name of one of these, or the path of another. Keys: ``config/
stations/renke.toml`` shows all but ``byte_order`` (within a register: ``big`` as Modbus says, or ``little``) and
``word_order`` (of 32-bit pairs: ``high-first`` or ``low-first``), both for the whole map.
"""

from __future__ import annotations

import struct
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.errors import BadSettingError

_ROOT = Path(__file__).parent.parent
_FOLDERS = (_ROOT / "config" / "stations", _ROOT / "edge_agent" / "share" / "config" / "stations")
_FORMATS = {"u16": "H", "s16": "h", "u32": "I", "s32": "i", "f32": "f"}

Register = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Block(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Registers read by one request (function 03)."""

    register: Register
    count: Annotated[int, msgspec.Meta(ge=1, le=125)]

    def holds(self, value: Value) -> bool:
        return self.register <= value.register and value.register + value.width <= self.register + self.count


class Value(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``name`` = number in the registers * scale; ``range`` is what the maker promises."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    register: Register
    type: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    range: tuple[float, float] | None = None

    @property
    def width(self) -> int:
        return 2 if self.type.endswith("32") else 1


class StationMap(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reading is made of the answers to all of ``read``."""

    title: str
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921600)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    unit: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    answer_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 1.0
    byte_order: Literal["big", "little"] = "big"
    word_order: Literal["high-first", "low-first"] = "high-first"
    read: Annotated[list[Block], msgspec.Meta(min_length=1, max_length=16)]
    value: Annotated[list[Value], msgspec.Meta(min_length=1, max_length=64)]

    def number(self, value: Value, registers: list[int]) -> float:
        """What ``registers`` (as many as the value is wide, as Modbus gives them) hold, scaled."""
        if self.byte_order == "little":
            registers = [register >> 8 | (register & 0xFF) << 8 for register in registers]
        if self.word_order == "low-first":
            registers = registers[::-1]
        data = struct.pack(f">{len(registers)}H", *registers)
        raw: float = struct.unpack(f">{_FORMATS[value.type]}", data)[0]
        return round(raw * value.scale, 9) if value.type != "f32" else raw * value.scale

    def registers(self, value: Value, number: float) -> list[int]:
        """The registers that hold ``number``; the inverse of ``number``."""
        raw = number / value.scale
        data = struct.pack(f">{_FORMATS[value.type]}", raw if value.type == "f32" else round(raw))
        registers = list(struct.unpack(f">{value.width}H", data))
        if self.word_order == "low-first":
            registers.reverse()
        if self.byte_order == "little":
            registers = [register >> 8 | (register & 0xFF) << 8 for register in registers]
        return registers


def ready_maps() -> dict[str, Path]:
    """The maps that travel with the product, by name."""
    return {path.stem: path for folder in _FOLDERS for path in sorted(folder.glob("*.toml"))}


def load(model: str) -> StationMap:
    """The map of that name or path; raises BadSettingError that says file, key and what is allowed."""
    ready = ready_maps()
    path = Path(model) if model.endswith(".toml") else ready.get(model)
    if path is None:
        raise BadSettingError(
            f"no station map is named {model!r}; allowed: {', '.join(sorted(ready))}, or the path of a .toml file"
        )
    try:
        station = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), StationMap)
    except OSError as error:
        raise BadSettingError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettingError(f"{path}: is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadSettingError(f"{path}: {error}; the ready maps in config/stations show what is allowed") from error
    _check(path, station)
    return station


def _check(path: Path, station: StationMap) -> None:
    names = [value.name for value in station.value]
    for index, value in enumerate(station.value):
        key = f"{path}: value[{index}] ({value.name})"
        if value.name in names[:index]:
            raise BadSettingError(f"{key}: this name is used twice; give each value its own")
        if not any(block.holds(value) for block in station.read):
            blocks = ", ".join(f"{block.register} to {block.register + block.count - 1}" for block in station.read)
            raise BadSettingError(
                f"{key}: register {value.register} ({value.width} wide) is in no [[read]] block; read are {blocks}"
            )
        if value.range and value.range[0] >= value.range[1]:
            raise BadSettingError(f"{key}: range {list(value.range)} is empty; give the lower bound first")
