"""The numbers of HJ 212: commands (CN), answers (QnRtn, ExeRtn), systems (ST), version bits of Flag."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Edition(StrEnum):
    """Which edition a platform speaks; HJ 212-2025 is in force since 2026-01-01."""

    Y2017 = "2017"
    Y2025 = "2025"

    @property
    def flag(self) -> int:
        """The version bits of Flag (bits 2 to 7): 1 for 2017, 2 for 2025."""
        return 4 if self is Edition.Y2017 else 8


FLAG_ANSWER = 1
FLAG_SPLIT = 2

ST_INTERACTION = "91"
ST_SITE_DUST = "39"


class Cn(IntEnum):
    """Command numbers this agent speaks."""

    SET_TIMEOUT = 1000
    GET_TIME = 1011
    SET_TIME = 1012
    ASK_CALIBRATION = 1013
    GET_RTD_INTERVAL = 1061
    SET_RTD_INTERVAL = 1062
    GET_MIN_INTERVAL = 1063
    SET_MIN_INTERVAL = 1064
    SET_PASSWORD = 1072
    REAL_TIME = 2011
    STOP_REAL_TIME = 2012
    DAY = 2031
    MINUTE = 2051
    HOUR = 2061
    BOOT_TIME = 2081
    REQUEST_ANSWER = 9011
    EXECUTION_RESULT = 9012
    NOTICE_ANSWER = 9013
    DATA_ANSWER = 9014
    HEARTBEAT = 9015


class QnRtn(IntEnum):
    """Why a request is taken or not."""

    READY = 1
    REFUSED = 2
    PASSWORD = 3
    MN = 4
    ST = 5
    FLAG = 6
    QN = 7
    CN = 8
    CRC = 9
    UNKNOWN = 100


class ExeRtn(IntEnum):
    """How a request ended."""

    DONE = 1
    FAILED = 2
    CONDITION = 3
    TIMEOUT = 4
    BUSY = 5
    FAULT = 6
    NO_DATA = 100


def encrypted(cn: int) -> bool:
    """Whether HJ 212-2025 §6.4 enciphers the CP of this command."""
    return 2000 <= cn <= 2999 or cn in (1014, 3020)
