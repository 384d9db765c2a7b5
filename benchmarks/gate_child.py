"""One measured loop in a process of its own: ``decode CLIP``, ``gate CLIP`` or ``yolo CLIP MODEL``; JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np


def decode(clip: str) -> Callable[[], None]:
    def loop() -> None:
        capture = cv2.VideoCapture(clip)
        while capture.read()[0]:
            pass

    return loop


def gate(clip: str) -> Callable[[], None]:
    from drivers.errors import EndOfRecording
    from drivers.table import open_camera
    from edge_agent.agent.machine import give_back_memory
    from edge_agent.config import Camera, Gate
    from edge_agent.gate.watch import GateWatch

    give_back_memory()
    watch = GateWatch(Gate(camera=Camera(source=clip), line=((0.0, 0.6), (1.0, 0.6))))
    camera = open_camera(clip, name="gate", frames_per_s=5.0, policy="every", now=lambda: 0.0, monotonic=time.monotonic)

    def loop() -> None:
        try:
            while True:
                frame = camera.read(1.0)
                if frame is not None:
                    watch.update(frame)
        except EndOfRecording:
            watch.finish()

    return loop


def yolo(clip: str, model: str) -> Callable[[], None]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    canvas = np.full((640, 640, 3), 114, np.uint8)

    def loop() -> None:
        capture = cv2.VideoCapture(clip)
        while True:
            more, image = capture.read()
            if not more:
                return
            canvas[:360] = cv2.resize(image, (640, 360))
            session.run(None, {name: np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32) / 255})

    return loop


def main() -> None:
    cv2.setNumThreads(1)
    kind, *rest = sys.argv[1:]
    loop = {"decode": decode, "gate": gate, "yolo": yolo}[kind](*rest)
    before = time.process_time()
    loop()
    cpu_s = time.process_time() - before
    resident_mb = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    print(json.dumps({"cpu_s": cpu_s, "resident_mb": resident_mb}))


if __name__ == "__main__":
    main()
