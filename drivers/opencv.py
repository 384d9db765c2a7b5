"""What OpenCV does for cameras; the only module of the drivers that imports it.

RTSP goes over TCP, opening and reading time out after ``TIMEOUT_S``, FFmpeg is quiet (its messages would show
addresses with their credentials), and OpenCV keeps to one thread. FFmpeg decodes with ``DECODER_THREADS``: left alone
it takes one for each core, and four cost 13 MB more than two at 1080p and save no time of the processor.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from drivers.camera import shown
from drivers.errors import BadRecordingError, DeviceLostError, DeviceSilentError
from drivers.frames import Frame
from drivers.recorded import Thinning

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMEOUT_S = 10.0
DECODER_THREADS = 2
PICTURE_MAX_BYTES = 256 << 20
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

_log = logging.getLogger(__name__)
cv2.setNumThreads(1)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_picture(path: Path) -> NDArray[np.uint8] | None:
    """The picture as H×W×3 BGR, 8 bits, turned upright by its EXIF mark; None when it is none.

    Python opens the file: OpenCV kills the process over a name that is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            image = cv2.imdecode(np.frombuffer(file.read(PICTURE_MAX_BYTES), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return None if image is None else image.astype("uint8", copy=False)


class PictureFolder:
    """A folder's pictures, ``interval_s`` apart, in natural order (9.jpg before 10.jpg)."""

    def __init__(self, folder: Path, interval_s: float) -> None:
        """Raises BadRecordingError when the folder holds no pictures or cannot be listed."""
        self.unreadable = 0
        self._interval_s = interval_s
        try:
            files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
        except OSError as error:
            raise BadRecordingError(f"{folder} cannot be listed: {error.strerror}") from error
        if not files:
            kinds = ", ".join(sorted(PICTURE_SUFFIXES))
            raise BadRecordingError(f"{folder} holds no pictures ({kinds}): name another folder")
        self._files = sorted(files, key=lambda path: _natural(path.name))
        self._at = -1

    def advance(self) -> float | None:
        self._at += 1
        return self._at * self._interval_s if self._at < len(self._files) else None

    def picture(self) -> NDArray[np.uint8] | None:
        file = self._files[self._at]
        image = read_picture(file)
        if image is None:
            self.unreadable += 1
            _log.warning("%s cannot be read as a picture and is skipped", file)
        return image

    def close(self) -> None:
        """Nothing is held open."""


class VideoFile:
    """A video file; positions are its presentation times where it has them, else its frame rate."""

    def __init__(self, path: Path) -> None:
        """Raises BadRecordingError when the file is no video that FFmpeg can read, or its name is not UTF-8."""
        self.unreadable = 0
        if os.fsencode(path).decode(errors="replace") != str(path):
            raise BadRecordingError(f"{path} has a name that is not UTF-8: rename it, or link it to another name")
        self._path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, DECODER_THREADS])
        if not self._capture.isOpened():
            raise BadRecordingError(f"{path} is no readable video: check that it plays, or convert it to H.264 MP4")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._frame_s = 1 / rate if rate > 0 else 0.04
        self._expected = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._seen = 0
        self._position_s = -self._frame_s
        self._first_s: float | None = None

    def advance(self) -> float | None:
        if not self._capture.grab():
            if self._seen < 0.9 * self._expected:
                _log.warning("%s ended after %d of %.0f frames: is it damaged?", self._path, self._seen, self._expected)
            return None
        self._seen += 1
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._first_s is None:
            self._first_s = stamp_s
            self._position_s = 0.0
        elif stamp_s - self._first_s > self._position_s:
            self._position_s = stamp_s - self._first_s
        else:
            self._position_s += self._frame_s
        return self._position_s

    def picture(self) -> NDArray[np.uint8] | None:
        good, image = self._capture.retrieve()
        if not good:
            self.unreadable += 1
            return None
        return image.astype("uint8", copy=False)

    def close(self) -> None:
        self._capture.release()


class LiveCamera:
    """A camera that runs by itself, newest frame wins.

    Its thread takes every frame off the stream (``grab``) so that none grows old, and converts (``retrieve``) only what
    is due and asked for. The thread is owned by this object, ends at ``close`` within ``TIMEOUT_S`` and shows progress
    by the time of the last frame.
    """

    live = True
    unreadable = 0

    def __init__(
        self,
        source: str,
        *,
        name: str,
        frames_per_s: float,
        silent_after_s: float,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Raises DeviceLostError when the camera cannot be opened within ``TIMEOUT_S``."""
        self.name = name
        self.dropped = 0
        self._shown = shown(source)
        self._silent_after_s = silent_after_s
        self._now, self._monotonic = now, monotonic
        self._thinning = Thinning(frames_per_s)
        self._capture = _open_live(source, self._shown)
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._wanted = False
        self._ended = False
        self._taken: tuple[float, NDArray[np.uint8]] | None = None
        self._index = 0
        self._grabbed_at = monotonic()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Frame | None:
        with self._change:
            self._wanted, self._taken = True, None
            self._change.wait_for(lambda: self._taken is not None or self._ended, timeout_s)
            self._wanted = False
            if self._taken is not None:
                time, image = self._taken
                self._taken = None
                self._index += 1
                return Frame(self.name, time, self._index - 1, image)
            if self._ended:
                raise DeviceLostError(f"{self.name}: {self._shown} ended the stream: check the camera and its network")
            quiet_s = self._monotonic() - self._grabbed_at
            if quiet_s > self._silent_after_s:
                raise DeviceSilentError(
                    f"{self.name}: no frame from {self._shown} for {quiet_s:.0f} s: check the camera and its network"
                )
            return None

    def close(self) -> None:
        """Ends the thread; a thread stuck in a dead stream is given ``TIMEOUT_S`` and then left to end by itself."""
        self._stop.set()
        self._thread.join(TIMEOUT_S + 1)
        if self._thread.is_alive():
            _log.error("%s: the capture thread did not end within %.0f s", self.name, TIMEOUT_S + 1)

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._capture.grab():
                self._offer(self._now(), self._monotonic())
        finally:
            self._capture.release()
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _offer(self, time: float, moment: float) -> None:
        with self._change:
            self._grabbed_at = moment
            if not self._thinning.is_due(moment):
                return
            if not self._wanted:
                self.dropped += self._thinning.missed(moment)
                return
        good, image = self._capture.retrieve()
        if not good:
            return
        with self._change:
            self._thinning.took(moment)
            if self._wanted:
                self._taken = (time, image.astype("uint8", copy=False))
                self._wanted = False
            else:
                self.dropped += 1
            self._change.notify_all()


def _open_live(source: str, named: str) -> cv2.VideoCapture:
    if source.startswith("/dev/"):
        if not Path(source).exists():
            raise DeviceLostError(f"{named} is not there: plug the camera in; see: ls /dev/video*")
        capture = cv2.VideoCapture(source, cv2.CAP_V4L2)
        advice = "check that no other program uses it, and that the user is in the group video"
    else:
        limit_ms = round(TIMEOUT_S * 1000)
        settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
        settings += [cv2.CAP_PROP_N_THREADS, DECODER_THREADS]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, settings)
        advice = "check address, port 554, user and password, and that the camera answers ping"
    if not capture.isOpened():
        capture.release()
        raise DeviceLostError(f"{named} cannot be opened: {advice}")
    return capture


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
