"""Labelled pictures in number: `labels.jsonl` has one line a picture, `crops.jsonl` one a truck crop.

Runs are resumable: scenes whose line is already there are skipped, and a scene's line is written after its pictures.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.degrade import develop, sample_defects, soften_edges
from models.scenes.labels import label
from models.scenes.render import Renderer
from models.scenes.scene import compose


def render(
    out: Path, count: int, seed: int, size: tuple[int, int], crops: bool, backgrounds: Path | None = None
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    index = out / ("crops.jsonl" if crops else "labels.jsonl")
    done = {json.loads(line)["seed"] for line in index.read_text().splitlines()} if index.exists() else set()
    photos = (
        sorted(p for p in backgrounds.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")) if backgrounds else []
    )
    renderer = Renderer(*size, samples=0, shadow=1024)
    started, fresh = time.monotonic(), 0
    with index.open("a") as lines:
        for s in range(seed, seed + count):
            if s in done:
                continue
            entries = picture(renderer, s, size, crops, out, photos)
            lines.writelines(json.dumps(e) + "\n" for e in entries)
            lines.flush()
            fresh += 1
            if fresh % 25 == 0:
                rate = fresh / (time.monotonic() - started)
                print(f"\r{s - seed + 1}/{count} scenes, {rate:.1f} a second", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def picture(
    renderer: Renderer, seed: int, size: tuple[int, int], crops: bool, out: Path, photos: list[Path]
) -> list[dict[str, Any]]:
    """Render scene `seed`, write its picture or crops, and return the lines for the index."""
    rng = np.random.default_rng([21, seed])
    scene = compose(seed, crops)
    linear, idents, alone = renderer.render(scene)
    defects = sample_defects(rng, scene.lighting)
    image = develop(soften_edges(linear, idents), scene.lighting, defects, rng)
    if photos and rng.random() < 0.5:
        image = _pasted(image, idents, photos[rng.integers(len(photos))], rng)
    labels = label(scene, idents, alone, image)
    common = {
        "seed": seed,
        "view": scene.camera.name,
        "light": scene.lighting.time,
        "dark": scene.lighting.dark,
        "wet": round(scene.lighting.wet, 2),
        "rain": round(scene.lighting.rain, 2),
    }
    if not crops:
        name = f"{seed:07d}.jpg"
        cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        return [{"file": name, "width": size[0], "height": size[1], **common, "objects": labels}]
    entries: list[dict[str, Any]] = []
    for truck in (o for o in labels if o["label"] == "truck" and o["visible"] > 0.45 and o["inside"] > 0.5):
        x1, y1, x2, y2 = truck["box"]
        if x2 - x1 < 56 or y2 - y1 < 48:
            continue
        left, top, right, bottom = rng.uniform(0.05, 0.15, 4) * (x2 - x1, y2 - y1, x2 - x1, y2 - y1)
        a, b = max(0, int(x1 - left)), max(0, int(y1 - top))
        c, d = min(size[0], int(x2 + right) + 1), min(size[1], int(y2 + bottom) + 1)
        name = f"{seed:07d}-{truck['id']}.jpg"
        cv2.imwrite(str(out / name), image[b:d, a:c], [cv2.IMWRITE_JPEG_QUALITY, 92])
        wheels = [
            {"box": _moved(w["box"], a, b, c, d), "visible": w["visible"]} for w in labels if w.get("of") == truck["id"]
        ]
        entries.append(
            {
                "file": name,
                "width": c - a,
                "height": d - b,
                **common,
                **truck,
                "box": _moved(truck["box"], a, b, c, d),
                "wheel_boxes": wheels,
            }
        )
    return entries or [{"file": None, **common}]


def _moved(box: list[int], a: int, b: int, c: int, d: int) -> list[int]:
    x1, y1, x2, y2 = box
    return [max(x1, a) - a, max(y1, b) - b, min(x2, c) - a, min(y2, d) - b]


def _pasted(
    image: NDArray[np.uint8], idents: NDArray[np.int32], photo: Path, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The vehicles of `image` over a part of `photo`, with the ground darkened under them."""
    back = cv2.imread(str(photo))
    if back is None:
        return image
    h, w = image.shape[:2]
    scale = max(w / back.shape[1], h / back.shape[0]) * rng.uniform(1.0, 1.4)
    back = cv2.resize(back, None, fx=scale + 1e-3, fy=scale + 1e-3)
    y, x = rng.integers(back.shape[0] - h + 1), rng.integers(back.shape[1] - w + 1)
    back = back[y : y + h, x : x + w]
    mask = (idents > 0).astype(np.float32)
    alpha = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None]
    shade = np.roll(cv2.GaussianBlur(mask, (0, 0), w / 60), h // 50, axis=0)[..., None]
    level = float(np.median(image)) / max(float(np.median(back)), 8.0)
    back = np.clip(back * np.clip(level, 0.25, 2.0), 0, 255) * (1 - 0.55 * shade)
    return np.asarray(image * alpha + back * (1 - alpha), np.uint8)
