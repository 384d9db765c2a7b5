"""What is learnt from connections that end before anything was acknowledged. Pure.

Some brokers only hang up on what they do not want: a topic that is not permitted, in MQTT 3.1.1 a packet too large.
After a connection that brought nothing, one message at a time is sent. When the third connection in a row ends with the
same message alone on its way, packets are made smaller, telemetry is no longer packed, or the message waits while
others go before it: 60 s, then twice as long each time, at most an hour. A connection lost is no refusal: the message
is offered for ever.
"""

from __future__ import annotations

from enum import Enum

_HANG_UPS = 3
_CAREFUL_FOR = 20
_WAIT_S = 60.0
_WAIT_MAX_S = 3600.0


class Lesson(Enum):
    """What to do about the message that was alone on its way."""

    SMALLER = "packets of half the size"
    UNPACKED = "telemetry one by one"
    LATER = "others go before it"


class Caution:
    """Of one broker. ``careful``: only one message may be on its way."""

    def __init__(self) -> None:
        self.careful = False
        self._alone = 0
        self._times = 0
        self._waits: dict[int, float] = {}

    @property
    def waiting(self) -> int:
        """How many messages others go before."""
        return len(self._waits)

    def acknowledged(self, sequences: list[int], in_all: int) -> bool:
        """These arrived, ``in_all`` on this connection; whether care ends with it."""
        for sequence in sequences if self._waits else ():
            self._waits.pop(sequence, None)
        if not self.careful or in_all < _CAREFUL_FOR:
            return False
        self.careful = False
        return True

    def lost(self, acknowledged: int, alone: int, *, shrinks: bool, batch: bool) -> Lesson | None:
        """A connection ended with messages on their way, after ``acknowledged`` had arrived.

        ``alone`` is the sequence of the only one, 0 when there were several; ``shrinks``: its packet can be made
        smaller; ``batch``: it stands for many.
        """
        if acknowledged >= _CAREFUL_FOR or (acknowledged and not self.careful):
            self.careful = False
            return None
        self.careful = True
        if not alone:
            return None
        self._times = self._times + 1 if alone == self._alone else 1
        self._alone = alone
        if self._times < _HANG_UPS:
            return None
        self._alone, self.careful = 0, False
        if shrinks:
            return Lesson.SMALLER
        return Lesson.UNPACKED if batch else Lesson.LATER

    def wait_s(self, sequence: int) -> float:
        """How long others go before this message now; longer each time it is asked."""
        wait = min(2.0 * self._waits.get(sequence, _WAIT_S / 2.0), _WAIT_MAX_S)
        self._waits[sequence] = wait
        return wait
