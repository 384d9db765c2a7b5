"""Writes a clip: H.264 through the `ffmpeg` program where it is installed, else MPEG-4 through OpenCV."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray


class Encoder:
    """Takes BGR pictures of one size; the file is whole when the context is left."""

    def __init__(self, path: Path, width: int, height: int, fps: int, crf: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._pipe: subprocess.Popen[bytes] | None = None
        self._writer: cv2.VideoWriter | None = None
        program = shutil.which("ffmpeg")
        if program:
            self._pipe = subprocess.Popen(
                [
                    program,
                    "-y",
                    "-loglevel",
                    "error",
                    "-f",
                    "rawvideo",
                    "-pix_fmt",
                    "bgr24",
                    "-s",
                    f"{width}x{height}",
                    "-r",
                    str(fps),
                    "-i",
                    "-",
                    "-c:v",
                    "libx264",
                    "-preset",
                    "slow",
                    "-crf",
                    str(crf),
                    "-pix_fmt",
                    "yuv420p",
                    "-g",
                    str(fps * 4),
                    "-threads",
                    "1",
                    "-movflags",
                    "+faststart",
                    "-fflags",
                    "+bitexact",
                    str(path),
                ],
                stdin=subprocess.PIPE,
            )
        else:
            self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))

    def add(self, picture: NDArray[np.uint8]) -> None:
        if self._pipe:
            assert self._pipe.stdin is not None
            self._pipe.stdin.write(picture.tobytes())
        elif self._writer:
            self._writer.write(picture)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pipe:
            assert self._pipe.stdin is not None
            self._pipe.stdin.close()
            if self._pipe.wait() and kind is None:
                raise RuntimeError("ffmpeg could not write the clip; its message is above")
        if self._writer:
            self._writer.release()
