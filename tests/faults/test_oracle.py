"""Nothing is lost, made up or changed while the agent is killed and the network misbehaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.oracle import Oracle


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_conservation_under_kills_broker_restarts_cuts_and_stalls(tmp_path: Path) -> None:
    result = Oracle(tmp_path, seed=20260101).run(kills=40)
    assert result.failures == []
    assert result.kills >= 35
    assert result.committed > 1000
    assert result.evidence > 50


@pytest.mark.slow
def test_the_oracle_sees_a_message_that_was_taken_away(tmp_path: Path) -> None:
    """The oracle can fail: a committed message is removed from the database behind the agent's back."""
    oracle = Oracle(tmp_path, seed=1)
    real = oracle._judge

    def judge_after_tampering(collector: object) -> None:
        journal = tmp_path / "journal"
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        lines.insert(0, {**lines[-1], "id": "never-came", "sequence": 10**6})
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        real(collector)  # type: ignore[arg-type]

    oracle._judge = judge_after_tampering  # type: ignore[method-assign,assignment]
    assert any("never came" in failure for failure in oracle.run(kills=1).failures)


@pytest.mark.slow
def test_a_full_disk_stops_nothing_but_what_is_evicted(tmp_path: Path) -> None:
    """On a file system of 20 MB that is filled to the last byte, and then freed."""
    script = Path(__file__).with_name("small_disk.py")
    inside = f"mount -t tmpfs -o size=20m small {tmp_path} && exec {sys.executable} {script} {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", inside],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if "Operation not permitted" in done.stderr and "Traceback" not in done.stderr:
        pytest.xfail("this machine lets nobody mount a small file system")
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["unexplained"] == []
    assert told["violations_while_full"] == 30
    assert told["evicted"].keys() == {"disk-full"}
    assert "violation" not in told["evicted"]["disk-full"]
    assert told["telemetry_after_space_returned"] == 50
    assert told["chain"] == []
