"""A refused configuration names the file, the key path, what was given and what is allowed."""

from pathlib import Path

import pytest

from edge_agent.config import load
from edge_agent.errors import ConfigError

DEVICE = '[device]\nid = "gate-01"\nsite = "site-7"\nkind = "dust"\n'
SENSOR = '[[dust]]\ndriver = "plantower"\nport = "/dev/ttyUSB0"\n'
GATE = '[[gate]]\nline = [[0.1, 0.5], [0.9, 0.5]]\n[gate.camera]\nsource = "clip.mp4"\n'

HJ212 = '[[hj212]]\nhost = "h"\nport = 7000\nmn = "A1"\npassword = "123456"\n'
FOG = '[[actuator]]\nport = "simulated:"\non_above = 150\noff_below = 100\n'


def refusal(tmp_path: Path, text: str) -> ConfigError:
    file = tmp_path / "device.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(file) in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (DEVICE + SENSOR + "intervall_s = 2\n", "dust[0].intervall_s", ["did you mean 'interval_s'", "warm_up_s"]),
        (DEVICE + SENSOR.replace("[[dust]]", "[dust]"), "dust", ["write [[dust]], not [dust]"]),
        (DEVICE.replace("[device]", "[[device]]"), "device", ["write [device], not [[device]]"]),
        (DEVICE + "[outbx]\n", "outbx", ["did you mean 'outbox'", "mqtt"]),
        (DEVICE + SENSOR + 'interval_s = "fast"\n', "dust[0].interval_s", ["float", "'fast'"]),
        (DEVICE + SENSOR + "interval_s = 300\n", "dust[0]", ["interval_s 300 is longer than report_window_s 60"]),
        (DEVICE + SENSOR + "interval_s = -1\n", "dust[0].interval_s", [">= 0.2", "-1"]),
        (DEVICE + SENSOR + 'mode = "passive"\n', "dust[0].mode", ["'active', 'query'", "'passive'"]),
        (DEVICE.replace("gate-01", "gate 01/#"), "device.id", ["letters, digits", "'gate 01/#'"]),
        (DEVICE.replace('site = "site-7"\n', ""), "device.site", ["is missing"]),
        (DEVICE + GATE.replace("0.9", "1.9"), "gate[0].line[1][0]", ["<= 1", "1.9"]),
        (DEVICE + SENSOR + SENSOR, "dust[1].name", ["'dust' is used twice"]),
        (
            DEVICE + SENSOR + SENSOR + 'name = "b"\n',
            "dust[1].port",
            ["'/dev/ttyUSB0' is also dust[0].port", "own adapter", "blocks name their unit"],
        ),
        (
            DEVICE + SENSOR + FOG.replace("simulated:", "modbus:/dev/ttyUSB0?unit=1&coil=0"),
            "actuator[0].port",
            ["is also dust[0].port", "own adapter"],
        ),
        (DEVICE + SENSOR + '[position]\nport = "/dev/../dev/ttyUSB0"\n', "position.port", ["is also dust[0].port"]),
        (
            DEVICE + SENSOR + "[dust.quality]\nranges = { a = [5, 1] }\n",
            "dust[0].quality.ranges",
            ["lower bound first"],
        ),
        (DEVICE + '[card]\nlamp = { blue = "simulated:" }\n', "card.lamp.blue", ["is not a key here", "yellow"]),
        (DEVICE + HJ212.replace("A1", "A 1"), "hj212[0].mn", ["14 to 24", "'A 1'"]),
        (DEVICE + SENSOR + FOG + 'sensor = "hall"\n', "actuator[0].sensor", ["'hall'", "there are: dust"]),
        (DEVICE + GATE.replace("[[gate]]", "[gate]"), "gate", ["write [[gate]]"]),
        (DEVICE + "position = [95.0, 120.0]\n", "device.position[0]", ["<= 90", "95.0"]),
    ],
)
def test_says_key_given_and_allowed(tmp_path: Path, text: str, key: str, said: list[str]) -> None:
    error = refusal(tmp_path, text)
    assert error.key == key
    for words in said:
        assert words in error.problem


def test_says_where_the_file_is_no_toml(tmp_path: Path) -> None:
    assert "line 2, column 6): id = gate" in refusal(tmp_path, "[device]\nid = gate\n").problem


def test_says_which_character_an_input_method_put_there(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "[device]\nid = “gate-01”\n").problem
    assert problem.endswith("id = “gate-01”; write the plain character for “")


def test_a_recording_is_found_beside_the_configuration_from_wherever_it_is_run(tmp_path: Path) -> None:
    """systemd runs the agent in /."""
    file = tmp_path / "device.toml"
    for source, there in (
        ("clips/a.mp4", str(tmp_path / "clips/a.mp4")),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://u:p@h/1", "rtsp://u:p@h/1"),
    ):
        file.write_text(DEVICE + GATE.replace("clip.mp4", source))
        assert load(file).gate[0].camera.source == there


def test_reads_what_windows_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (DEVICE + SENSOR).replace("\n", "\r\n").encode())
    assert load(file).device.id == "gate-01"


def test_says_that_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such file"):
        load(tmp_path / "absent.toml")


def test_says_that_the_file_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_bytes(DEVICE.encode() + b"# \xc4\xcf\xcd\xa8\n")
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        load(file)


@pytest.mark.parametrize("file", sorted(Path("config").glob("*.toml")), ids=lambda f: f.name)
def test_every_shipped_configuration_is_accepted(file: Path) -> None:
    assert load(file).device.id


@pytest.mark.parametrize(("windows", "minutes", "fits"), [("300", 10, True), ("300", 1, False), ("90", 10, False)])
def test_minute_records_are_joined_of_whole_windows(tmp_path: Path, windows: str, minutes: int, fits: bool) -> None:
    platform = f'[[hj212]]\nhost = "h"\nport = 1\nmn = "A"\npassword = "1"\nmin_interval_min = {minutes}\n'
    text = DEVICE + SENSOR + f"report_window_s = {windows}\n" + platform
    if fits:
        file = tmp_path / "device.toml"
        file.write_text(text)
        assert load(file).hj212
    else:
        error = refusal(tmp_path, text)
        assert error.key == "hj212[0].min_interval_min"
        assert f"no multiple of the windows of {windows} s that sensor 'dust' reports" in error.problem
