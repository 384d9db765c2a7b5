"""``edge-agent bays IMAGE…``: proposes the bays of a parking pole from pictures of its camera.

Give pictures taken over a day or more, as many as there are: a place counts where vehicles stand in a quarter of them.
Bays are drawn on the pole's reference picture, or else on one of the first whose view most of the others share.
``--draw`` shows them on it; ``--write`` writes them as the ``bays_file`` of a pole's configuration. A person should
look at the drawing before the file is used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.errors import ConfigError

if TYPE_CHECKING:
    from edge_agent.vision.detections import Box
    from edge_agent.vision.finder import Proposal
    from edge_agent.vision.network import Image
    from edge_agent.vision.registration import Registration

_LEAST_PICTURES = 2
_CANDIDATES, _COMPARED = 5, 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures, where the bays go, how they are shown."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="pictures of one camera, or folders of them")
    parser.add_argument("--config", metavar="FILE", help="a pole's configuration that names a bays_file")
    parser.add_argument("--camera", metavar="NAME", help="which pole of --config, where it has several")
    parser.add_argument("--write", action="store_true", help="write the bays into the bays_file of --config")
    parser.add_argument("--force", action="store_true", help="with --write: replace a bays_file that holds bays")
    parser.add_argument("--draw", metavar="PICTURE", help="draw the bays on a picture and save it here")
    parser.add_argument("--json", action="store_true", help="one JSON object a bay on stdout")
    parser.add_argument("--detector", default="truck-detector", metavar="MODEL", help="shipped model or card file")
    parser.add_argument("--tiles", type=int, default=3, choices=range(1, 6), help="parts a side to look at (default 3)")


def run(args: argparse.Namespace) -> int:
    """Looks, proposes, shows, writes."""
    from edge_agent.vision.finder import propose

    if args.write and not args.config:
        raise ConfigError("--write", "", "needs --config FILE, the pole's configuration whose bays_file is written")
    target, reference = _named(Path(args.config), args.camera) if args.config else (None, None)
    if args.write and target and not args.force and target.exists():
        raise ConfigError(target, "", "is there already; add --force to replace its bays")
    if reference is not None and not reference.is_file():
        todo = "take the key out, and give the picture that is named below"
        _say(f"{args.config}: reference: there is no file {reference}; {todo}")
        reference = None
    files = _files(args.images)
    first, pictures = _looked_at(files, args.detector, args.tiles, reference)
    if len(pictures) < _LEAST_PICTURES:
        _say(f"{len(pictures)} picture(s) could be used, needed are at least {_LEAST_PICTURES}, better a day's worth")
        return 1
    found = propose(pictures)
    if not found:
        _say(f"no place where a vehicle stands again and again was found in {len(pictures)} pictures")
        return 1
    names = _names(found)
    for name, bay in zip(names, found, strict=True):
        print(_shown(name, bay, args.json), flush=True)
    if args.draw:
        _draw(first, names, found, Path(args.draw))
    if args.write and target:
        _write(target, names, found)
    filled = sum(bay.seen == 0 for bay in found)
    _say(
        f"{len(found)} bays in {len({bay.row for bay in found})} rows from {len(pictures)} pictures, {filled} of them "
        "put into gaps" + (f"; written to {target}" if args.write else "") + f"; {_look_at(args)}"
    )
    return 0


def _look_at(args: argparse.Namespace) -> str:
    if args.write:
        return f"look at them before use: edge-agent check {args.config} --draw FOLDER"
    return "look at them on a picture (--draw) before use"


def _files(given: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            suffixes = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
            files += sorted(each for each in path.iterdir() if each.suffix.lower() in suffixes)
        else:
            files.append(path)
    return files


def _looked_at(files: Sequence[Path], model: str, tiles: int, reference: Path | None) -> tuple[Image, list[list[Box]]]:
    """The picture that bays are drawn on, and the vehicles of every picture that shows the same, carried back to it."""
    import numpy as np

    from drivers.opencv import read_picture
    from edge_agent.vision.detector import Detector
    from edge_agent.vision.finder import look

    detector = Detector.load(model)
    usable = _readable(files)
    base = reference or _base(usable)
    registration, first = (_registered(base) if base else None), (read_picture(base) if base else None)
    if registration is None or first is None or base is None:
        return np.zeros((1, 1, 3), np.uint8), []
    _say(f"bays are drawn on {base}" + ("" if reference else "; give the pole this picture as its reference"))
    pictures: list[list[Box]] = []
    for file in usable:
        image = read_picture(file)
        if image is None:
            continue
        shift = registration.update(image)
        if not shift.trusted:
            _say(f"{file}: shows another view ({shift.state.value}); left out")
            continue
        back = np.linalg.inv(shift.matrix)
        pictures.append([_carried(box, back) for box in look(image, detector.detect, tiles)])
    return first, pictures


def _readable(files: Sequence[Path]) -> list[Path]:
    from drivers.opencv import read_picture

    found = []
    for file in files:
        if read_picture(file) is not None:
            found.append(file)
            continue
        why = "is no picture that can be read" if file.is_file() else "is not there"
        _say(f"{file} {why}; JPEG, PNG, BMP, WebP and TIFF can be read; left out")
    return found


def _base(files: Sequence[Path]) -> Path | None:
    """Of the first pictures the one whose view most of the others share: one that was taken askew must not rule."""
    from drivers.opencv import read_picture

    best, most = None, -1
    others = list(files[:: max(1, len(files) // _COMPARED)])[:_COMPARED]
    for file in files[:_CANDIDATES]:
        registration = _registered(file)
        if registration is None:
            continue
        images = (read_picture(other) for other in others)
        fits = sum(image is not None and registration.update(image).trusted for image in images)
        if fits > most:
            best, most = file, fits
        if most == len(others):
            break
    return best


def _registered(file: Path) -> Registration | None:
    from drivers.opencv import read_picture
    from edge_agent.vision.registration import Registration

    image = read_picture(file)
    try:
        return Registration(image) if image is not None else None
    except ValueError as error:
        _say(f"{file}: {error}")
        return None


def _carried(box: Box, matrix: object) -> Box:
    import numpy as np

    corners = np.array([[box[0], box[1], 1], [box[2], box[1], 1], [box[2], box[3], 1], [box[0], box[3], 1]])
    x, y, w = np.asarray(matrix) @ corners.T
    x, y = x / w, y / w
    left, right = float(x[[0, 3]].mean()), float(x[[1, 2]].mean())
    top, bottom = float(y[:2].mean()), float(y[2:].mean())
    return left, top, right, bottom


def _names(found: Sequence[Proposal]) -> list[str]:
    """A1, A2, … row by row from the far side, left to right."""
    rows = sorted({bay.row for bay in found})
    counts: dict[int, int] = {}
    names = []
    for bay in found:
        counts[bay.row] = counts.get(bay.row, 0) + 1
        index = rows.index(bay.row)
        letters = chr(65 + index) if index < 26 else chr(64 + index // 26) + chr(65 + index % 26)
        names.append(f"{letters}{counts[bay.row]}")
    return names


def _shown(name: str, bay: Proposal, as_json: bool) -> str:
    if as_json:
        return json.dumps({"id": name, "polygon": bay.polygon, "seen": round(bay.seen, 3)})
    corners = ", ".join(f"{x:.3f} {y:.3f}" for x, y in bay.polygon)
    return f"{name}: {corners} ({f'a vehicle in {bay.seen:.0%} of the pictures' if bay.seen else 'put into a gap'})"


def _named(config: Path, camera: str | None) -> tuple[Path, Path | None]:
    """The bays_file and the reference of a pole; nothing else is checked, for they may not be there yet."""
    import tomllib

    try:
        raw = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(config, "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(config, "", f"is no TOML text: {error}") from error
    poles = raw.get("pole")
    if not isinstance(poles, list) or not all(isinstance(pole, dict) for pole in poles):
        raise ConfigError(config, "pole", "there is no [[pole]] table; ready ones to copy are in the folder config")
    names = [_camera_of(pole) for pole in poles]
    if camera is None and len(poles) > 1:
        raise ConfigError(config, "pole", f"--camera must say which; allowed: {', '.join(names)}")
    if camera is not None and camera not in names:
        raise ConfigError(config, "pole", f"has no camera {camera!r}; allowed: {', '.join(names)}")
    index = names.index(camera) if camera else 0
    name = poles[index].get("bays_file")
    if not isinstance(name, str) or not name:
        key = f"pole[{index}].bays_file"
        raise ConfigError(config, key, 'is missing; name the file for the bays, such as bays_file = "bays.toml"')
    reference = poles[index].get("reference")
    return config.parent / name, config.parent / reference if isinstance(reference, str) and reference else None


def _camera_of(pole: dict[str, object]) -> str:
    camera = pole.get("camera")
    return str(camera.get("name", "pole")) if isinstance(camera, dict) else "pole"


def _write(target: Path, names: Sequence[str], found: Sequence[Proposal]) -> None:
    """Writes the whole file beside the old one, then puts it in its place."""
    lines = ["# Proposed by edge-agent bays; corners in shares of the picture's width and height.", ""]
    for name, bay in zip(names, found, strict=True):
        corners = ", ".join(f"[{x}, {y}]" for x, y in bay.polygon)
        lines += ["[[bay]]", f'id = "{name}"', f"polygon = [{corners}]", ""]
    if target.suffix.lower() == ".json":
        entries = [{"id": name, "polygon": bay.polygon} for name, bay in zip(names, found, strict=True)]
        lines = [json.dumps({"bay": entries}, indent=1), ""]
    partial = target.with_name(target.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write("\n".join(lines))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise ConfigError(target, "", f"cannot be written: {error.strerror}") from error


def _draw(image: Image, names: Sequence[str], found: Sequence[Proposal], file: Path) -> None:
    """Green outlines where vehicles stood, yellow ones in gaps."""
    import cv2

    from edge_agent.parking.drawing import GREEN, outlined

    shown = image.copy()
    for name, bay in zip(names, found, strict=True):
        outlined(shown, bay.polygon, name, GREEN if bay.seen else (0, 220, 255))
    try:
        file.write_bytes(cv2.imencode(file.suffix, shown)[1].tobytes())
    except (OSError, cv2.error) as error:
        todo = "give a name that ends in .jpg or .png in a folder that is there"
        raise ConfigError(file, "", f"cannot be written; {todo}") from error


def _say(text: str) -> None:
    print(f"edge-agent bays: {text}", file=sys.stderr)
