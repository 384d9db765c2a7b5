"""A sensor that somebody works on: its data says so, is in no mean, and raises nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.readings import Quality, Reading
from edge_agent.agent.commands import answer
from edge_agent.agent.marks import MarkCommand, MarkFile, handler, mark
from edge_agent.cli.main import main
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.quality import Mark
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import Draft, DustData, ExceedanceData
from tests.agent.process import AgentProcess
from tests.agent.test_commands import publish
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China
FILTER = Mark(Quality.MAINTENANCE, "filter changed", MIDNIGHT + 120, MIDNIGHT + 300)


def minutes(watch: DustWatch, first: int, last: int) -> list[Draft]:
    """Readings of 300 µg/m3 each second of these minutes."""
    drafts = []
    for second in range(60 * first, 60 * last):
        drafts += watch.update(Reading(MIDNIGHT + second, "dust", {"pm10_ug_m3": 300.0 + second % 2}))
    return drafts


def watch() -> DustWatch:
    limit = Limit(value_name="pm10_ug_m3", value=150, window_s=60)
    return DustWatch(DustSensor(driver="x", port="y", limits=[limit], long_windows_s=()))


def told(drafts: list[Draft]) -> list[tuple[str, str, int]]:
    found = [draft.data.values["pm10_ug_m3"] for draft in drafts if isinstance(draft.data, DustData)]
    return [(value.flag, value.reason, value.count) for value in found]


def test_marked_windows_carry_flag_and_reason_and_are_held_against_no_limit() -> None:
    watched = watch()
    watched.mark(FILTER)
    drafts = minutes(watched, 0, 6) + watched.tick(MIDNIGHT + 360)
    maintained = ("M", "filter changed", 0)
    assert told(drafts) == [("N", "", 60), ("N", "", 60), maintained, maintained, maintained, ("N", "", 60)]
    exceeding = [draft.data.start[11:19] for draft in drafts if isinstance(draft.data, ExceedanceData)]
    assert exceeding == ["16:00:00", "16:01:00", "16:05:00"]


def test_a_sensor_that_was_taken_off_for_service_is_not_called_lost() -> None:
    watched = watch()
    watched.mark(FILTER)
    drafts = minutes(watched, 0, 2) + watched.tick(MIDNIGHT + 420)
    assert [flag for flag, _, _ in told(drafts)] == ["N", "N", "M", "M", "M", "B", "B"]


def test_a_mark_is_kept_in_a_file_that_all_may_read_until_it_is_ended(tmp_path: Path) -> None:
    file = MarkFile(tmp_path / "laser.mark")
    assert not file.poll(0.0)
    asked = MarkCommand(flag="C", reason="zero air", for_s=600)
    assert mark(asked, ["laser"], tmp_path, MIDNIGHT).startswith("laser is marked C (zero air) until 2026-07-1")
    assert (tmp_path / "laser.mark").stat().st_mode & 0o777 == 0o644
    assert not file.poll(0.5), "it looks once a second"
    assert file.poll(1.0)
    assert file.mark == Mark(Quality.CALIBRATING, "zero air", MIDNIGHT, MIDNIGHT + 600)
    assert not file.poll(2.0)
    mark(MarkCommand(flag="N"), ["laser"], tmp_path, MIDNIGHT)
    assert (file.poll(3.0), file.mark) == (True, None)
    (tmp_path / "laser.mark").write_text("nonsense")
    assert (file.poll(4.0), file.mark) == (False, None)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"flag": "M", "sensor": "post"}, "a reason is missing"),
        ({"flag": "M", "reason": "x", "sensor": "laser"}, "no dust sensor is named 'laser'; there are: post, station"),
        ({"flag": "M", "reason": "x"}, "no dust sensor is named ''"),
        ({"flag": "D", "reason": "x", "sensor": "post"}, "Invalid enum value 'D'"),
        ({"flag": "M", "reason": "x", "sensor": "post", "for_s": 1e9}, "<= 2678400"),
    ],
)
def test_what_cannot_be_marked_is_refused_with_what_is_allowed(
    tmp_path: Path, payload: dict[str, object], problem: str
) -> None:
    commands = {"mark": handler(["station", "post"], tmp_path, lambda: MIDNIGHT)}
    ack = answer("mark", json.dumps(payload).encode(), commands)
    assert not ack.ok
    assert problem in ack.detail
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "post.toml"
    config.write_text(
        f'[device]\nid = "d"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n'
        '[[dust]]\ndriver = "nova"\nport = "simulated:"\n'
    )
    assert main(["mark", str(config), "M"]) == 2
    assert "a reason is missing" in capsys.readouterr().err
    assert main(["mark", str(config), "M", "--reason", "filter", "--sensor", "laser"]) == 2
    assert "no dust sensor is named 'laser'; there are: dust" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["mark", str(config), "M", "--reason", "filter", "--minutes", "soon"])
    assert "'soon' is no number of minutes" in capsys.readouterr().err


@pytest.mark.slow
def test_a_mark_from_the_box_and_its_end_from_the_platform(mosquitto: Mosquitto, tmp_path: Path) -> None:
    def flags() -> list[str]:
        windows = [message.data for message in receiver.of("dust") if message.data["window_s"] == 1]
        return [window["values"]["pm10_ug_m3"]["flag"] for window in windows]

    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: "N" in flags())
        command = [sys.executable, "-m", "edge_agent", "mark", str(agent.config), "M", "--reason", "HEPA filter on"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("dust is marked M (HEPA filter on) until ")
        wait_until(lambda: "M" in flags())
        wait_until(lambda: "HEPA filter on" in str(receiver.of("status")[-1].data["problems"]))
        publish(mosquitto, "mark", '{"flag": "N"}')
        wait_until(lambda: flags()[-1] == "N" and "M" in flags())
        assert agent.stop() == 0
