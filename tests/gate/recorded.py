"""Plays what the models saw in a rendered clip through the deciders; the pictures are its boxes, drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from drivers.frames import Frame
from edge_agent.config import Camera, Gate
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import Draft
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.detector import Detector
from edge_agent.vision.network import Image
from edge_agent.vision.state import Judgement, StateClassifier

FOLDER = Path(__file__).parent / "situations"


class Recorded:
    """A recorded situation; ``truth`` is the file's object without its frames."""

    def __init__(self, name: str) -> None:
        self.truth: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
        self._frames: list[list[Any]] = self.truth.pop("frames")
        self._now: list[Any] = []

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(len(self._frames) / self.truth["fps"])

    def drafts(self, rate: float, gaps: Sequence[tuple[float, float]] = ()) -> list[Draft]:
        """Everything decided at ``rate`` frames a second, without the frames in the ``gaps`` (from, to)."""
        line = cast(Any, tuple(tuple(point) for point in self.truth["gate_line"]))
        section = Gate(camera=Camera(source="none", frames_per_s=rate), line=line, out="down")
        watch = GateWatch(section, cast(Detector, self), cast(StateClassifier, self))
        drafts = [draft for frame in self._played(rate, gaps) for draft in watch.update(frame)]
        return drafts + watch.finish()

    def detect(self, image: Image) -> list[Detection]:
        """What the detector saw in this frame."""
        del image
        return [Detection(label, score, tuple(box)) for label, score, box, *_ in self._now]

    def judge(self, image: Image, box: Box) -> Judgement:
        """What the classifier said of it."""
        del image
        told = next(row[3] for row in self._now if tuple(row[2]) == box)
        return Judgement(told["load"], told["wheels"], told["quality"])

    def _played(self, rate: float, gaps: Sequence[tuple[float, float]]) -> Iterator[Frame]:
        step = self.truth["fps"] / rate
        assert step == int(step), f"recorded at {self.truth['fps']} frames/s, cannot be played at {rate}"
        for index, k in enumerate(range(0, len(self._frames), int(step))):
            time = k / self.truth["fps"]
            if any(begin <= time < end for begin, end in gaps):
                continue
            self._now = self._frames[k]
            image = np.full((self.truth["height"], self.truth["width"], 3), 90, np.uint8)
            for shade, row in enumerate(self._now):
                x1, y1, x2, y2 = row[2]
                image[y1:y2, x1:x2] = 30 + 20 * shade
                image[y1:y2:4, x1:x2] = 250
            yield Frame("gate", time, index, image)
