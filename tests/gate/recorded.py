"""Plays what the models saw in a rendered clip through the deciders; the pictures are its boxes, drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from drivers.frames import Frame
from edge_agent.config import Camera, Gate
from edge_agent.config.gate import Wash
from edge_agent.config.pictures import Pictures
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import Draft
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.detector import Detector
from edge_agent.vision.network import Image
from edge_agent.vision.state import Judgement, StateClassifier

FOLDER = Path(__file__).parent / "situations"
LEAST_DWELL_S = 10.0
_SEEN = 0.3
_SURE = 0.9
_LEAST_PX = 8


class Recorded:
    """A recorded situation; ``truth`` is the file's object without its frames.

    With ``perfect`` the detector finds all of which 30 % and 8 pixels are seen, names it rightly, and finds nothing
    else; what a perfect classifier would say is not known, so then nothing is judged.
    """

    def __init__(self, name: str, *, perfect: bool = False) -> None:
        self.truth: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
        self._perfect = perfect
        seen, true = self.truth.pop("frames"), self.truth.pop("true")
        if perfect:
            seen = [[[label, _SURE, box] for label, share, box in rows if _fits(share, box)] for rows in true]
        self._frames: list[list[Any]] = seen
        self._now: list[Any] = []

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(len(self._frames) / self.truth["fps"])

    def drafts(
        self, rate: float, gaps: Sequence[tuple[float, float]] = (), *, clips: bool = True, looks: float = 2.5
    ) -> list[Draft]:
        """Everything decided at ``rate`` frames and ``looks`` a second, without those in the ``gaps`` (from, to)."""
        line = cast(Any, tuple(tuple(point) for point in self.truth["gate_line"]))
        wash = self.truth.get("wash_zone")
        section = Gate(
            camera=Camera(source="none", frames_per_s=rate),
            line=line,
            out="down",
            detect_per_s=looks,
            wash=Wash(zone=[tuple(point) for point in wash], min_dwell_s=LEAST_DWELL_S) if wash else None,
            pictures=Pictures() if clips else Pictures(clip_before_s=0, clip_after_s=0),
        )
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
        if self._perfect:
            return Judgement({"covered": 0.0, "unknown": 1.0}, {"clean": 0.0, "unknown": 1.0}, 0.5)
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


def _fits(share: float, box: list[int]) -> bool:
    return share >= _SEEN and min(box[2] - box[0], box[3] - box[1]) >= _LEAST_PX
