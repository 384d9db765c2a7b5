"""What a dust post costs: ``edge-agent run`` with a simulated sensor and Mosquitto on loopback.

First message: from starting the process to the first message of the device at the broker.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.row import Row

REPEATS = 3
SETTLE_S = 20.0


def rows() -> list[Row]:
    """The dust post's lines."""
    mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    measured = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            measured.append(_run(mosquitto, Path(folder)))
    first_s = sorted(m[0] for m in measured)[REPEATS // 2]
    resident_mb = max(m[1] for m in measured)
    heavy = sorted({name for m in measured for name in m[2]})
    return [
        Row(
            f"dust post, start to first message at the broker, median of {REPEATS}",
            f"{first_s:.2f} s",
            "under 1 s",
            first_s < 1,
        ),
        Row(
            f"dust post, resident after {SETTLE_S:.0f} s, worst of {REPEATS}",
            f"{resident_mb:.1f} MB",
            "at most 45 MB",
            resident_mb <= 45,
        ),
        Row(
            "dust post, heavy libraries mapped",
            ", ".join(heavy) or "none",
            "OpenCV, onnxruntime, NumPy never",
            not heavy,
        ),
    ]


def _run(mosquitto: str, folder: Path) -> tuple[float, float, list[str]]:
    import paho.mqtt.client as mqtt

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    (folder / "device.toml").write_text(
        f'[device]\nid = "bench"\nsite = "bench"\nkind = "dust"\ndata_dir = "{folder}/data"\n'
        '[[dust]]\ndriver = "plantower"\nport = "simulated:plantower"\nwarm_up_s = 0\n'
        f'[[mqtt]]\nbroker = "mqtt://127.0.0.1:{port}"\n'
    )
    broker = subprocess.Popen([mosquitto, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
    arrived = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda *_: arrived.set()
    agent = None
    try:
        _connect(client, port)
        client.subscribe("edge/v1/#", 1)
        client.loop_start()
        started = time.monotonic()
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", str(folder / "device.toml")], stderr=subprocess.DEVNULL
        )
        if not arrived.wait(30):
            raise SystemExit("no message came within 30 s")
        first_s = time.monotonic() - started
        time.sleep(SETTLE_S)
        status = Path(f"/proc/{agent.pid}/status").read_text()
        resident_mb = next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS"))
        maps = Path(f"/proc/{agent.pid}/maps").read_text()
        return first_s, resident_mb, [name for name in ("cv2", "onnxruntime", "numpy") if f"/{name}/" in maps]
    finally:
        client.loop_stop()
        for process in (agent, broker):
            if process:
                process.terminate()
                process.wait(20)


def _connect(client: object, port: int) -> None:
    for _ in range(100):
        try:
            client.connect("127.0.0.1", port)  # type: ignore[attr-defined]
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the broker did not start")
