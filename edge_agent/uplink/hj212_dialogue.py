"""What the agent answers to an HJ 212 platform's commands. Pure: time and history are given.

A request is answered with 9011, then its data, then 9012; a notice with 9013 (HJ 212-2017, §6 and appendix C).
Answers carry the request's QN. Commands not known are refused with QnRtn 8.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator

import msgspec

from edge_agent.config.hj212 import MINUTES, Hj212
from edge_agent.hj212 import Cn, Cp, Edition, ExeRtn, Frame, QnRtn
from edge_agent.hj212.words import FLAG_ANSWER, ST_INTERACTION
from edge_agent.uplink.hj212_records import from_local_time, local_time

_NOTICES = (Cn.STOP_REAL_TIME,)
_OUR_ANSWERS = (Cn.REQUEST_ANSWER, Cn.EXECUTION_RESULT, Cn.NOTICE_ANSWER, Cn.DATA_ANSWER, Cn.HEARTBEAT)
RTD_SECONDS = (30, 3600)

Records = Callable[[Cn, float, float, float], Iterator[Cp]]
SetClock = Callable[[float], bool]


class PlatformState(msgspec.Struct):
    """What a platform has set; remembered over restarts."""

    password: str
    real_time_s: int
    min_interval_min: int
    timeout_s: float
    retries: int
    real_time_on: bool = True

    @classmethod
    def of(cls, settings: Hj212) -> PlatformState:
        """As configured."""
        return cls(
            settings.password, settings.real_time_s, settings.min_interval_min, settings.timeout_s, settings.retries
        )


class Dialogue:
    """``answer(frame, now)`` yields the frames to send, one after the other; ``state`` changes as commands say."""

    def __init__(
        self,
        settings: Hj212,
        state: PlatformState,
        records: Records,
        set_clock: SetClock,
        windows_s: Collection[float] = (),
    ) -> None:
        """``records(cn, begin, end, now)`` yields the CPs of history; ``set_clock(time)`` is whether that was done.

        ``windows_s``: the shortest windows of the sensors, of which minute records are joined whole; real-time values
        do not come oftener.
        """
        self._settings = settings
        self._records = records
        self._set_clock = set_clock
        self._windows_s = windows_s
        self._version = Edition(settings.edition).flag
        self.state = state

    def frame(self, cn: Cn, qn: str, cp: Cp = (), *, st: str = "", answer: bool = False, resend: bool = False) -> Frame:
        """A frame of this device. ``resend`` is written as RF=1, which only the 2025 edition has."""
        fields = {
            "QN": qn,
            "ST": st or self._settings.st,
            "CN": str(int(cn)),
            "PW": self.state.password,
            "MN": self._settings.mn,
            "Flag": str(self._version | (FLAG_ANSWER if answer else 0)),
        }
        if resend and self._settings.edition == "2025":
            fields["RF"] = "1"
        return Frame(fields, cp)

    def answer(self, request: Frame, now: float) -> Iterator[Frame]:
        """What goes back for a command of the platform; nothing for its answers to us."""
        if request.cn in _OUR_ANSWERS:
            return
        refusal = self._refusal(request)
        if request.cn in _NOTICES and refusal is None:
            self.state.real_time_on = False
            yield self._interaction(Cn.NOTICE_ANSWER, request.qn)
            return
        code = refusal or QnRtn.READY
        yield self._interaction(Cn.REQUEST_ANSWER, request.qn, "QnRtn", code)
        if refusal is not None:
            return
        result = yield from self._execute(request, now)
        yield self._interaction(Cn.EXECUTION_RESULT, request.qn, "ExeRtn", result)

    def _interaction(self, cn: Cn, qn: str, name: str = "", code: int = 0) -> Frame:
        return self.frame(cn, qn, ((((name, str(int(code))),)),) if name else (), st=ST_INTERACTION)

    def _refusal(self, request: Frame) -> QnRtn | None:
        fields = request.fields
        if len(request.qn) < 14:
            return QnRtn.QN
        if fields.get("PW", self.state.password) != self.state.password:
            return QnRtn.PASSWORD
        if fields.get("MN", self._settings.mn) != self._settings.mn:
            return QnRtn.MN
        if fields.get("ST", self._settings.st) not in (self._settings.st, ST_INTERACTION):
            return QnRtn.ST
        return None if request.cn in _COMMANDS or request.cn in _NOTICES else QnRtn.CN

    def _execute(self, request: Frame, now: float) -> Generator[Frame, None, ExeRtn]:
        command = Cn(request.cn)
        if command in _HISTORY:
            return (yield from self._history(command, request, now))
        if command in _GET:
            yield self.frame(command, request.qn, (self._said(command, now),))
            return ExeRtn.DONE
        if command is Cn.REAL_TIME:
            self.state.real_time_on = True
            return (yield from self._sent(command, request.qn, self._records(command, 0.0, now, now)))
        try:
            return self._set(command, request)
        except ValueError:
            return ExeRtn.CONDITION

    def _said(self, command: Cn, now: float) -> tuple[tuple[str, str], ...]:
        if command is Cn.GET_TIME:
            return (("SystemTime", local_time(now, self._settings.utc_offset_h)),)
        if command is Cn.GET_RTD_INTERVAL:
            return (("RtdInterval", str(self.state.real_time_s)),)
        return (("MinInterval", str(self.state.min_interval_min)),)

    def _set(self, command: Cn, request: Frame) -> ExeRtn:
        """Raises ValueError for what cannot be set so."""
        state = self.state
        if command is Cn.SET_TIME:
            time = from_local_time(request.get("SystemTime"), self._settings.utc_offset_h)
            return ExeRtn.DONE if self._set_clock(time) else ExeRtn.CONDITION
        if command is Cn.SET_RTD_INTERVAL:
            seconds = _within(request.get("RtdInterval"), *RTD_SECONDS)
            if any(seconds < window_s for window_s in self._windows_s):
                return ExeRtn.CONDITION
            state.real_time_s = seconds
        elif command is Cn.SET_MIN_INTERVAL:
            minutes = _within(request.get("MinInterval"), MINUTES[0], MINUTES[-1])
            if minutes not in MINUTES or any(minutes * 60 % window_s for window_s in self._windows_s):
                return ExeRtn.CONDITION
            state.min_interval_min = minutes
        elif command is Cn.SET_TIMEOUT:
            timeout_s, retries = request.get("OverTime"), request.get("ReCount")
            state.timeout_s = float(_within(timeout_s, 1, 300)) if timeout_s else state.timeout_s
            state.retries = _within(retries, 0, 10) if retries else state.retries
        else:
            password = request.get("NewPW")
            if not 1 <= len(password) <= 9:
                return ExeRtn.CONDITION
            state.password = password
        return ExeRtn.DONE

    def _history(self, command: Cn, request: Frame, now: float) -> Generator[Frame, None, ExeRtn]:
        try:
            begin = from_local_time(request.get("BeginTime"), self._settings.utc_offset_h)
            end = from_local_time(request.get("EndTime"), self._settings.utc_offset_h)
        except ValueError:
            return ExeRtn.CONDITION
        return (yield from self._sent(command, request.qn, self._records(command, begin, end, now)))

    def _sent(self, command: Cn, qn: str, records: Iterator[Cp]) -> Generator[Frame, None, ExeRtn]:
        result = ExeRtn.NO_DATA
        for cp in records:
            result = ExeRtn.DONE
            yield self.frame(command, qn, cp)
        return result


_HISTORY = (Cn.MINUTE, Cn.HOUR, Cn.DAY)
_GET = (Cn.GET_TIME, Cn.GET_RTD_INTERVAL, Cn.GET_MIN_INTERVAL)
_SET = (Cn.SET_TIMEOUT, Cn.SET_TIME, Cn.SET_RTD_INTERVAL, Cn.SET_MIN_INTERVAL, Cn.SET_PASSWORD)
_COMMANDS = (Cn.REAL_TIME, *_HISTORY, *_GET, *_SET)


def _within(text: str, low: int, high: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not low <= number <= high:
        raise ValueError(f"{number} is not within {low} and {high}")
    return number
