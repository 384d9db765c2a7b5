"""Makes a clip of encoded frames: H.264 in MP4 where the ``ffmpeg`` program can (libx264), else Motion JPEG in AVI.

OpenCV's own wheel has no H.264 encoder (only v4l2m2m, which needs the hardware), its VP8 takes five times the CPU.
ffmpeg reads the JPEGs from memory in a process of its own, so a clip that is begun in time costs the camera's thread
next to nothing; nothing is written to disk. A clip is at most ``MOST_BYTES``.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise

from edge_agent.messages.envelope import Picture
from edge_agent.vision.avi import MEDIA_TYPE as AVI
from edge_agent.vision.avi import motion_jpeg
from edge_agent.vision.blur import pixelated
from edge_agent.vision.jpeg import decoded, encoded

log = logging.getLogger(__name__)

MOST_BYTES = 1_100_000
MP4 = "video/mp4"
ROLE = "clip"
_WITHIN_S = 20.0
_QUALITY = 70
_MOST_RATE, _LEAST_RATE = 15.0, 1.0
_MOST_FRAMES = 400


class Film:
    """One clip in the making. ``blur``: what is to be hidden in its frames is pixelated."""

    def __init__(self, frames: Sequence[Picture], *, blur: bool = True, ffmpeg: str | None = None) -> None:
        """``ffmpeg``: the program's path; by default the one that is found, empty for none."""
        self._first = frames[0]
        self._rate, self._order = _timed([frame.time for frame in frames])
        self._jpegs = [hidden(frame, _QUALITY) if blur and frame.hide else frame.content for frame in frames]
        self._process: subprocess.Popen[bytes] | None = None
        program = shutil.which("ffmpeg") if ffmpeg is None else ffmpeg
        if program:
            self._begin(program)

    def done(self) -> Picture:
        """The clip; waits for it, at most 20 s, after which it is Motion JPEG."""
        content, media_type = self._h264(), MP4
        if not content:
            content, media_type = self._motion_jpeg(), AVI
        return Picture(ROLE, self._first.time, media_type, content, self._first.width, self._first.height)

    def close(self) -> None:
        """Ends it unfinished."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None
            os.close(self._out)

    def _begin(self, program: str) -> None:
        given, self._out = os.memfd_create("frames"), os.memfd_create("clip")
        try:
            os.write(given, b"".join(self._jpegs[k] for k in self._order))
            os.lseek(given, 0, os.SEEK_SET)
            self._process = subprocess.Popen(  # noqa: S603, the program is found on PATH
                [program, *_arguments(self._rate, len(self._order)), f"/proc/self/fd/{self._out}"],
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(self._out,),
            )
        except OSError as error:
            log.warning("%s cannot be run (%s); clips are Motion JPEG", program, error)
            os.close(self._out)
        finally:
            os.close(given)

    def _h264(self) -> bytes:
        process, self._process = self._process, None
        if process is None:
            return b""
        try:
            _, said = process.communicate(timeout=_WITHIN_S)
            content = os.pread(self._out, os.fstat(self._out).st_size, 0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            said, content = b"took more than 20 s", b""
        finally:
            os.close(self._out)
        if process.returncode == 0 and 0 < len(content) <= MOST_BYTES:
            return content
        log.warning("no H.264 of ffmpeg: %s; the clip is Motion JPEG", said.decode(errors="replace").strip() or "empty")
        return b""

    def _motion_jpeg(self) -> bytes:
        """Every frame that fits into the bytes, evenly; those left out repeat the one before."""
        whole = sum(len(jpeg) for jpeg in self._jpegs)
        step = -(-whole // MOST_BYTES)
        slots: list[bytes] = []
        shown = -1
        for k in self._order:
            k -= k % step
            slots.append(b"" if k == shown else self._jpegs[k])
            shown = k
        return motion_jpeg(slots, self._rate, self._first.width, self._first.height)


def hidden(picture: Picture, quality: int) -> bytes:
    """The JPEG of the picture with its boxes pixelated."""
    return encoded(pixelated(decoded(picture.content), picture.hide), quality)


def _timed(times: Sequence[float]) -> tuple[float, list[int]]:
    """Frames a second, by the median distance, and which frame is shown in each slot of that length."""
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    rate = min(_MOST_RATE, max(_LEAST_RATE, 1 / steps[len(steps) // 2])) if steps else _LEAST_RATE
    count = min(_MOST_FRAMES, round((times[-1] - times[0]) * rate) + 1)
    order, k = [], 0
    for slot in range(count):
        now = times[0] + (slot + 0.5) / rate
        while k + 1 < len(times) and times[k + 1] < now:
            k += 1
        order.append(k)
    return rate, order


def _arguments(rate: float, frames: int) -> list[str]:
    """One thread, so that the same frames give the same bytes; bit rate and a buffer of a second bound the size."""
    kbit = round(MOST_BYTES * 8 / 1000 / (frames / rate + 1))
    return [
        "-v", "error", "-y", "-f", "mjpeg", "-framerate", f"{rate:.3f}", "-threads", "1", "-i", "-",
        "-c:v", "libx264", "-preset", "superfast", "-crf", "28", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k",
        "-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart", "-fflags", "+bitexact", "-f", "mp4",
    ]  # fmt: skip
