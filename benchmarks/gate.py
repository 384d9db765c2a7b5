"""What a gate camera costs: a minute of 1080p at 5 frames/s, still and with trucks, against decoding it alone and
against YOLO11n 640 on every frame.

Every figure is CPU time of one child process over its loop (start-up left out), the median of ``REPEATS`` interleaved
runs. The clips are made once, from the demo's clip, under ``bench-out``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.row import Row

OUT = Path("bench-out")
DEMO = Path("config/demo/gate.mp4")
FRAMES = 300
RATE = 5
REPEATS = 3


def rows() -> list[Row]:
    """The gate's lines."""
    OUT.mkdir(exist_ok=True)
    still, trucks = _clip("still"), _clip("trucks")
    yolo = _yolo11n()
    jobs = {
        "still decode": ("decode", still),
        "still gate": ("gate", still),
        "trucks decode": ("decode", trucks),
        "trucks gate": ("gate", trucks),
        "trucks yolo": ("yolo", trucks, yolo),
    }
    runs = [{name: _child(*job) for name, job in jobs.items()} for _ in range(REPEATS)]
    cpu = {name: statistics.median(run[name]["cpu_s"] for run in runs) for name in jobs}
    resident = max(run["trucks gate"]["resident_mb"] for run in runs)
    still_ratio = cpu["still gate"] / cpu["still decode"]
    trucks_ratio = cpu["trucks gate"] / cpu["trucks yolo"]
    return [
        Row(
            f"gate, still 1080p minute at {RATE} frames/s, CPU, median of {REPEATS}",
            f"{cpu['still gate']:.2f} s = {still_ratio:.2f}× decoding",
            f"decoding alone {cpu['still decode']:.2f} s; at most 1.5×",
            still_ratio <= 1.5,
        ),
        Row(
            f"gate, 1080p minute with trucks at {RATE} frames/s, CPU, median of {REPEATS}",
            f"{cpu['trucks gate']:.2f} s = {trucks_ratio:.2f}× YOLO11n",
            f"YOLO11n 640 on every frame {cpu['trucks yolo']:.2f} s, decoding {cpu['trucks decode']:.2f} s; ≤ 0.2×",
            trucks_ratio <= 0.2,
        ),
        Row("gate deciders with both models, resident", f"{resident:.0f} MB", "at most 200 MB", resident <= 200),
    ]


def _child(*job: object) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate_child", *map(str, job)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _clip(kind: str) -> Path:
    """A minute of 1080p H.264 at 2 Mbit/s: the demo's clip enlarged, or its first frame, with sensor noise."""
    path = OUT / f"{kind}.mp4"
    if path.exists():
        return path
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        raise SystemExit("make bench needs ffmpeg to make its clips: apt-get install ffmpeg")
    encode = ["-c:v", "libx264", "-preset", "medium", "-b:v", "2M", "-pix_fmt", "yuv420p", "-r", str(RATE)]
    size = "scale=1920:1080:flags=bicubic"
    if kind == "still":
        source = ["-i", str(DEMO)]
        filters = f"select=eq(n\\,0),{size},loop=loop={FRAMES}:size=1:start=0,noise=alls=6:allf=t"
    else:
        source, filters = ["-stream_loop", "-1", "-i", str(DEMO)], f"{size},noise=alls=3:allf=t"
    subprocess.run(
        [ffmpeg, "-y", "-v", "error", *source, "-vf", filters, "-frames:v", str(FRAMES), *encode, str(path)], check=True
    )
    return path


def _yolo11n() -> Path:
    """An export with random weights, for timing only."""
    path = OUT / "yolo11n.onnx"
    if not path.exists():
        subprocess.run([sys.executable, "-m", "benchmarks.yolo11n", str(path)], check=True, stdout=subprocess.DEVNULL)
    return path
