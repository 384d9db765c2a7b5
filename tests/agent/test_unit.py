"""What systemd is told fits the agent: found by starting the unit under a real systemd."""

from __future__ import annotations

from pathlib import Path

UNIT = [line for line in Path("systemd/edge-agent.service").read_text().splitlines() if not line.startswith("#")]
SYSUSERS = Path("systemd/edge-agent.sysusers").read_text().splitlines()


def values(key: str) -> list[str]:
    """All words given to ``key``."""
    return [word for line in UNIT if line.startswith(f"{key}=") for word in line.partition("=")[2].split()]


def test_the_agent_may_ask_the_kernel_whether_its_clock_is_synchronised() -> None:
    """ProtectClock= filters adjtimex(2) away, and then no time is ever trusted."""
    assert values("ProtectClock") in ([], ["no"])
    allowed = values("SystemCallFilter")
    assert not allowed or {"adjtimex", "clock_adjtime"} <= set(allowed)


def test_every_group_the_unit_wants_is_made() -> None:
    """A group that is missing, as gpio is on Debian, ends the start with 216/GROUP again and again."""
    made = {line.split()[2] for line in SYSUSERS if line.startswith("m edge-agent ")}
    assert set(values("SupplementaryGroups")) == made


def test_a_refused_configuration_is_not_tried_again_every_five_seconds() -> None:
    """RestartPreventExitStatus= counts the main process's exit only, not that of ExecStartPre=."""
    assert values("RestartPreventExitStatus") == ["2"]
    assert values("ExecStartPre") == []
