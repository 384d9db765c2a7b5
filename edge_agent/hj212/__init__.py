"""HJ 212 on the wire, editions 2017 and 2025: frames to fields and back. Pure: no socket, no clock, no file.

The 2017 edition was read in full; of the 2025 edition only implementations that cite it and its published vectors.
"""

from edge_agent.hj212.crc import Dialect, crc_hj, crc_modbus
from edge_agent.hj212.frame import (
    Cp,
    Decoded,
    Frame,
    FrameError,
    cp_from_mapping,
    cp_to_mapping,
    decode,
    encode,
)
from edge_agent.hj212.framer import Framer
from edge_agent.hj212.split import join, split
from edge_agent.hj212.words import Cn, Edition, ExeRtn, QnRtn

__all__ = [
    "Cn",
    "Cp",
    "Decoded",
    "Dialect",
    "Edition",
    "ExeRtn",
    "Frame",
    "FrameError",
    "Framer",
    "QnRtn",
    "cp_from_mapping",
    "cp_to_mapping",
    "crc_hj",
    "crc_modbus",
    "decode",
    "encode",
    "join",
    "split",
]
