"""``edge-agent adapt``: a head fitted on reviewed crops is used, kept where it is no better, undone, and never half."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.agent.evidence import models
from edge_agent.agent.sources import gate_classifier
from edge_agent.cli.main import main
from edge_agent.config import Camera, Config, Device, Gate
from edge_agent.errors import ModelError
from edge_agent.vision import adaptation
from edge_agent.vision.state import StateClassifier

HEAD = "file,load_state,mud_state,note,camera,box\n"
BOX = (0.0, 0.0, 192.0, 128.0)
STATES = ("covered", "empty")


def picture(state: str, seed: int) -> np.ndarray:
    """No truck at all, but what a camera may learn by: covered is bluish and fine-grained, empty reddish and smooth."""
    rng = np.random.default_rng(seed)
    small = (4, 6) if state == "empty" else (64, 96)
    grain = cv2.resize(rng.integers(60, 200, (*small, 1), np.uint8), (192, 128), interpolation=cv2.INTER_CUBIC)
    colour = np.array([0.5, 0.7, 1.0] if state == "empty" else [1.0, 0.7, 0.5])
    return (grain[:, :, None] * colour).astype(np.uint8)


def labelled(folder: Path, count: int) -> Path:
    """A label file with ``count`` pictures, each of its own passage."""
    folder.mkdir(exist_ok=True)
    rows = []
    for n in range(count):
        cv2.imwrite(str(folder / f"{n}.png"), picture(STATES[n % 2], n))
        rows.append(f"{n}.png,{STATES[n % 2]},not judged,pass {n},gate,0 0 192 128\n")
    file = folder / "labels.csv"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    return file


def right(classifier: StateClassifier) -> int:
    """Of 20 pictures that no label file holds."""
    said = [(STATES[n % 2], classifier.judge(picture(STATES[n % 2], 1000 + n), BOX).load) for n in range(20)]
    return sum(max(load, key=lambda state: load[state]) == state for state, load in said)


def adapted(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, object]:
    assert main(["adapt", "--json", *map(str, words)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.slow
def test_a_head_is_fitted_used_and_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    before = right(StateClassifier.load("truck-state"))
    report = adapted(capsys, "--data-dir", data, "--labels", labelled(tmp_path / "labels", 16))
    assert report["changed"] is True
    classifier = StateClassifier.load("truck-state")
    made = adaptation.apply(data, "gate", classifier)
    assert made is not None
    assert list(made.heads) == ["load"]
    assert made.heads["load"].new_right > made.heads["load"].old_right
    assert right(classifier) >= 18 > before
    plain = StateClassifier.load("truck-state").judge(picture("empty", 5), BOX)
    assert np.array_equal(classifier.judge(picture("empty", 5), BOX).logits["load"], plain.logits["load"])

    assert adapted(capsys, "--data-dir", data, "--undo")["in_use"] == "the shipped head"
    assert adaptation.read(data, "gate", classifier.identity) is None
    assert main(["adapt", "--data-dir", str(data), "--undo"]) == 2


def written(data: Path, model: str, width: int) -> None:
    head = adaptation.Head(
        mean=[0.0] * width, spread=[1.0] * width, weights=[[0.0] * 4] * width, bias=[9.0, 0, 0, 0],
        crops=9, old_right=1, new_right=8,
    )  # fmt: skip
    adaptation.write(data, adaptation.Adaptation(camera="gate", model=model, made="now", heads={"load": head}))


def test_the_one_before_comes_back_and_one_of_another_model_is_refused(tmp_path: Path) -> None:
    classifier = StateClassifier.load("truck-state")
    width = len(classifier.judge(picture("empty", 1), BOX).features)
    written(tmp_path, classifier.identity, width)
    written(tmp_path, "0" * 64, width)
    with pytest.raises(ModelError, match="was made for the model 0000000000000000"):
        adaptation.apply(tmp_path, "gate", classifier)
    assert adaptation.undo(tmp_path, "gate") == "the correction before it"
    assert adaptation.apply(tmp_path, "gate", classifier) is not None
    assert classifier.judge(picture("empty", 1), BOX).load["covered"] > 0.9
    written(tmp_path, classifier.identity, width - 1)
    with pytest.raises(ModelError, match="shapes"):
        adaptation.apply(tmp_path, "gate", StateClassifier.load("truck-state"))
    (tmp_path / "adapt" / "gate.json").write_bytes(b'{"camera": "gate", ')
    with pytest.raises(ModelError, match="cannot be read"):
        adaptation.read(tmp_path, "gate", classifier.identity)


def test_a_gate_starts_with_its_correction_and_without_one_that_does_not_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    section = Gate(camera=Camera(source="frames"), line=((0.1, 0.5), (0.9, 0.5)))
    plain = gate_classifier(section, tmp_path)
    shipped = plain.judge(picture("empty", 1), BOX).load
    written(tmp_path, plain.identity, len(plain.judge(picture("empty", 1), BOX).features))
    assert gate_classifier(section, tmp_path).judge(picture("empty", 1), BOX).load["covered"] > 0.9
    written(tmp_path, "0" * 64, 3)
    assert gate_classifier(section, tmp_path).judge(picture("empty", 1), BOX).load == shipped
    assert "the shipped head judges" in caplog.text


def test_a_manifest_names_the_correction_that_judged(tmp_path: Path) -> None:
    device = Device(id="d", site="s", kind="gate", data_dir=str(tmp_path))
    section = Gate(camera=Camera(source="frames"), line=((0.1, 0.5), (0.9, 0.5)))
    config = Config(device=device, gate=[section])
    shipped = models(config)
    classifier = StateClassifier.load("truck-state")
    written(tmp_path, classifier.identity, len(classifier.judge(picture("empty", 1), BOX).features))
    (named,) = (each for each in models(config) if each not in shipped)
    content = (tmp_path / "adapt" / "gate.json").read_bytes()
    assert (named.name, named.version) == ("truck-state corrected for gate", "now")
    assert named.sha256 == hashlib.sha256(content).hexdigest()
    written(tmp_path, "0" * 64, 3)
    assert models(config) == shipped


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0.png,closed,clean,,,0 0 9 9\n", "labels.csv:2: load_state 'closed'"),
        ("0.png,covered,clean,,,0 0 9 9\ngone.png,covered,clean,,,0 0 9 9\n", "labels.csv:3: the picture 'gone.png'"),
        ("text.png,covered,clean,,,0 0 9 9\n", "labels.csv:2: 'text.png' is no picture"),
        ("0.png,covered,clean,,street,0 0 9 9\n", "no judged row of the camera 'gate'"),
        ("0.png,unknown,n/a,,,0 0 9 9\n", "no judged row"),
    ],
)
def test_a_bad_label_file_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, said: str
) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), picture("empty", 0))
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "labels.csv").write_text(HEAD + rows, encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    assert main(["adapt", "--data-dir", str(data), "--labels", str(tmp_path / "labels.csv")]) == 1
    assert said in capsys.readouterr().err
    assert list(data.iterdir()) == []


def test_too_few_crops_keep_the_head_and_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = adapted(capsys, "--data-dir", tmp_path, "--labels", labelled(tmp_path / "labels", 3))
    assert report["changed"] is False
    assert "at least 5" in json.dumps(report["heads"])
    assert not (tmp_path / "adapt").exists()


GATE = '[[gate]]\nline = [[0.1, 0.5], [0.9, 0.5]]\ncamera = { name = "%s", source = "frames" }\n'


@pytest.mark.parametrize(
    ("gates", "words", "said"),
    [
        (GATE % "a" + GATE % "b", [], "gate: --camera must say which; allowed: a, b"),
        (GATE % "a", ["--camera", "c"], "gate: has no camera 'c'; allowed: a"),
    ],
)
def test_which_camera_must_be_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gates: str, words: list[str], said: str
) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('[device]\nid = "d"\nsite = "s"\nkind = "gate"\n' + gates, encoding="utf-8")
    assert main(["adapt", str(file), "--undo", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_dust_post_is_refused_without_importing_vision(tmp_path: Path) -> None:
    file = tmp_path / "dust.toml"
    file.write_text('[device]\nid = "d"\nsite = "s"\nkind = "dust"\n', encoding="utf-8")
    code = (
        "import sys; from edge_agent.cli.main import main; code = main(sys.argv[1:]);"
        "bad = {'cv2', 'onnxruntime', 'numpy'} & set(sys.modules); sys.exit(f'imported {bad}' if bad else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "adapt", str(file), "--labels", "labels.csv"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "only a gate's camera has a head to adapt" in done.stderr
