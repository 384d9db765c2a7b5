"""Cameras: one interface over RTSP, V4L2, video files and folders of pictures. Importing this imports no OpenCV.

``open_camera(source, …)`` chooses by ``source``: ``rtsp://`` (over TCP), ``http://``, ``/dev/videoN`` are live; a file
is a recorded video, a folder a series of pictures in natural order of their names.

What is kept when the taker is slower than the camera is a policy with a name. ``newest``: the camera runs on, what
nobody took in time is dropped and counted; a recording then runs in real time. ``every``: nothing is dropped, the taker
sets the pace (recordings only; a live camera cannot wait). ``frames_per_s`` thins: no more frames than that, by the
time of the camera or recording.

A live frame's time is ``now()`` when it arrived; a recorded one's is ``start`` plus its position, so a recording gives
the same times always. Credentials in an address never appear in a message: it is named as ``shown(source)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from drivers.errors import BadRecordingError, BadSettingError
from drivers.frames import Frame


class Policy(StrEnum):
    """What is kept when frames come faster than they are taken."""

    NEWEST = "newest"
    EVERY = "every"


class Camera(Protocol):
    """A source of frames, owned by one thread.

    ``name``; ``live``: not a recording; ``dropped``: frames that were due and that nobody took; ``unreadable``:
    pictures that could not be read and were skipped.
    """

    name: str
    live: bool
    dropped: int

    @property
    def unreadable(self) -> int: ...

    def read(self, timeout_s: float) -> Frame | None:
        """The next frame by the policy, or None when none came within ``timeout_s``.

        Raises DeviceLostError (stream ended), DeviceSilentError (stalled), EndOfRecording (recording over).
        """

    def close(self) -> None: ...


def open_camera(
    source: str | Path,
    *,
    name: str,
    frames_per_s: float,
    policy: str = Policy.NEWEST,
    now: Callable[[], float],
    monotonic: Callable[[], float],
    silent_after_s: float = 20.0,
    paced: bool = False,
    start: float | None = None,
    picture_interval_s: float = 1.0,
) -> Camera:
    """Opens a camera or a recording.

    ``paced``: a recording is not played faster than real time (always so with ``newest``). ``start``: Unix time of a
    recording's beginning; None is ``now()``. ``picture_interval_s``: the time between two pictures of a folder.
    Raises DeviceLostError when a live camera cannot be opened (within 10 s), BadRecordingError for a recording that
    cannot be read, BadSettingError for a policy that does not exist or does not fit.
    """
    source = str(source)
    if policy not in set(Policy):
        raise BadSettingError(f"policy {policy!r} does not exist; allowed: {', '.join(Policy)}")
    if is_live(source):
        if policy == Policy.EVERY:
            raise BadSettingError(f"{shown(source)} is live and cannot wait for its taker; allowed policy: newest")
        from drivers.opencv import LiveCamera

        return LiveCamera(
            source, name=name, frames_per_s=frames_per_s, silent_after_s=silent_after_s, now=now, monotonic=monotonic
        )
    from drivers.recorded import Pacer, RecordedCamera

    path = Path(source)
    if not path.exists():
        raise BadRecordingError(
            f"{source} does not exist; a source is an rtsp:// address, /dev/videoN, a video file or a picture folder"
        )
    from drivers.opencv import PictureFolder, VideoFile

    clip = PictureFolder(path, picture_interval_s) if path.is_dir() else VideoFile(path)
    return RecordedCamera(
        clip,
        name=name,
        start=now() if start is None else start,
        frames_per_s=frames_per_s,
        pacer=Pacer(monotonic) if paced or policy == Policy.NEWEST else None,
        skip_late=policy == Policy.NEWEST,
    )


def is_live(source: str) -> bool:
    """Whether ``source`` is a camera, not a recording."""
    return "://" in source or source.startswith("/dev/")


def shown(source: str) -> str:
    """``source`` fit for messages: user and password, and the values of a query, are hidden."""
    hidden = re.sub(r"(?<=://).*@", "***@", source)
    return re.sub(r"=[^&#]*", "=***", hidden) if "://" in source else hidden
