"""What people do wrong on the command line ends in a sentence and an exit code, never in a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.cli.main import main
from tests.cli.test_main import edge_agent, lines

COMMAND = [sys.executable, "-m", "edge_agent"]


@pytest.mark.parametrize(
    "words", [("listen", "mqtt://127.0.0.1"), ("demo", "missing"), ("verify", "--nosuch"), ("schema", "x")]
)
def test_an_unknown_word_shows_the_usage_of_its_own_command(words: tuple[str, str]) -> None:
    done = edge_agent(*words)
    assert done.returncode == 2
    assert f"usage: edge-agent {words[0]}" in done.stderr
    assert f"unrecognized arguments: {words[1]}" in done.stderr


def test_a_folder_given_as_a_picture_is_called_a_folder(tmp_path: Path) -> None:
    done = edge_agent("detect", tmp_path)
    assert done.returncode == 1
    assert done.stdout == f"{tmp_path} is a folder; name its pictures: {tmp_path}/*.jpg\n"


@pytest.mark.slow
def test_a_name_that_is_not_utf8_does_not_kill_the_process(tmp_path: Path) -> None:
    """OpenCV ends the process by SIGSEGV when it is given such a name."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/gate\xff")
    Path(f"{name}.png").write_bytes(cv2.imencode(".png", np.full((240, 320, 3), 120, np.uint8))[1].tobytes())
    detected = edge_agent("detect", f"{name}.png", "--json")
    assert detected.returncode == 0
    assert lines(detected) == [{"file": f"{name}.png", "width": 320, "height": 240, "detections": []}]
    shutil.copy("config/demo/gate.mp4", f"{name}.mp4")
    replayed = edge_agent("replay", f"{name}.mp4", "--config", "config/gate.toml")
    assert replayed.returncode == 1
    assert "has a name that is not UTF-8: rename it" in replayed.stderr


def test_binary_on_encode_s_stdin_is_told_as_no_json() -> None:
    done = subprocess.run([*COMMAND, "hj212", "encode"], input=b"\xba\xff\n", capture_output=True, check=False)
    assert done.returncode == 1
    assert b"line 1: structure: is no line of JSON" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("redirect", [">/dev/full", ">&-", "<&-", "| head -c 1 >/dev/null"])
@pytest.mark.parametrize("words", ["schema", "hj212 encode"])
def test_an_output_that_is_full_or_closed_is_no_traceback(redirect: str, words: str) -> None:
    line = '{"fields": {"ST": "39", "CN": "2011"}, "cp": {"a34002-Rtd": "1"}}'
    command = f"printf '%s' '{line}' | {sys.executable} -m edge_agent {words} {redirect}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert (done.returncode, "the disk is full: make room" in done.stderr) == (1, True) or redirect != ">/dev/full"


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"TERM": "dumb"}])
def test_a_terminal_without_unicode_gets_the_report_escaped(locale: dict[str, str]) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "LANG", "LC_ALL")} | locale
    done = subprocess.run(
        [*COMMAND, "check", "config/dust.toml", "--config-only"],
        capture_output=True,
        env=environment,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert b"DB32/4437-2022" in done.stdout


def test_ctrl_c_ends_with_130() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits it ignored
    process = subprocess.Popen([*COMMAND, "hj212", "decode"], stdin=subprocess.PIPE, stdout=-1, stderr=-1, text=True)
    signal.signal(signal.SIGINT, before)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("##0087QN=1\r\n##0087QN=1\r\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == ""


def test_ctrl_c_that_a_library_turned_into_another_error_still_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """A C extension interrupted while it is imported raises ImportError in place of KeyboardInterrupt."""

    def interrupted(_args: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None
        return 0

    monkeypatch.setattr("edge_agent.cli.schema.run", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["schema"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("words", [["run"], ["adapt", "--undo"]])
def test_root_does_not_leave_files_that_the_agent_cannot_read(words: list[str], tmp_path: Path) -> None:
    """A key made by root kept the service from ever starting again."""
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 1, 1)
    file = tmp_path / "device.toml"
    text = Path("config/gate.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("[device]", f'[device]\ndata_dir = "{data}"'), encoding="utf-8")
    done = edge_agent(*words, file)
    assert done.returncode == 2
    assert f"{data} is daemon's; put before this command: runuser -u daemon --" in done.stderr
    assert list(data.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("--seconds", "-1"), ("--seconds", "nan"), ("--count", "0"), ("--since", "-5")], ids=" ".join
)
def test_listen_does_not_end_at_once_on_a_number_that_means_nothing(words: tuple[str, str]) -> None:
    """It ended with 0 before it had connected, as if nothing were missing."""
    done = edge_agent("listen", "--broker", "mqtt://127.0.0.1:9", *words)
    assert done.returncode == 2
    assert f"argument {words[0]}: '{words[1]}' is no" in done.stderr


@pytest.mark.parametrize(
    ("broker", "code", "said"),
    [("http://x", 2, "--broker: broker 'http://x' is no address"), ("mqtt://127.0.0.1:9", 1, "nothing listens")],
)
def test_a_demo_without_its_broker_ends_with_a_sentence(broker: str, code: int, said: str, tmp_path: Path) -> None:
    done = edge_agent("demo", "--once", "--out", tmp_path, "--broker", broker)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
