"""Clips play, hold the frames they were given at their times, and stay within their bytes."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.agent.film import MOST_BYTES, Film
from edge_agent.messages import Picture

FFMPEG = shutil.which("ffmpeg")
WAYS = ["", *([FFMPEG] if FFMPEG else [])]


def frame(time: float, image: np.ndarray, hide: tuple[tuple[float, float, float, float], ...] = ()) -> Picture:
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
    return Picture("frame", time, "image/jpeg", content, image.shape[1], image.shape[0], hide=hide)


def grey(level: int) -> np.ndarray:
    return np.full((96, 160, 3), level, np.uint8)


def played(clip: Picture, folder: Path) -> tuple[list[np.ndarray], float]:
    """The clip's pictures and its frames a second, as OpenCV's FFmpeg reads them."""
    path = folder / ("clip.mp4" if clip.media_type == "video/mp4" else "clip.avi")
    path.write_bytes(clip.content)
    video = cv2.VideoCapture(str(path))
    images = []
    while True:
        read, image = video.read()
        if not read:
            return images, video.get(cv2.CAP_PROP_FPS)
        images.append(image)


@pytest.mark.parametrize("ffmpeg", WAYS)
def test_a_clip_plays_its_frames_at_their_pace(ffmpeg: str, tmp_path: Path) -> None:
    times = [10 + 0.4 * k for k in range(21)]
    clip = Film([frame(t, grey(20 + 10 * k)) for k, t in enumerate(times)], ffmpeg=ffmpeg).done()
    images, rate = played(clip, tmp_path)
    assert (clip.role, clip.time, clip.width, clip.height) == ("clip", 10, 160, 96)
    assert clip.media_type == ("video/mp4" if ffmpeg else "video/x-msvideo")
    assert rate == pytest.approx(2.5)
    assert [round(float(image.mean())) for image in images] == pytest.approx([20 + 10 * k for k in range(21)], abs=4)


@pytest.mark.skipif(not FFMPEG, reason="needs ffmpeg")
def test_a_gap_is_shown_as_long_as_it_was(tmp_path: Path) -> None:
    """At 2 frames a second, 3 s without a frame are 5 slots more of the frame before."""
    times = [0.0, 0.5, 1.0, 4.0, 4.5]
    assert FFMPEG
    clip = Film([frame(t, grey(40 * (k + 1))) for k, t in enumerate(times)], ffmpeg=FFMPEG).done()
    images, _ = played(clip, tmp_path)
    assert [round(float(i.mean()) / 40) for i in images] == [1, 2, *[3] * 6, 4, 5]


@pytest.mark.parametrize("ffmpeg", WAYS)
def test_a_clip_stays_within_its_bytes_whatever_it_shows(ffmpeg: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [frame(0.4 * k, rng.integers(0, 255, (360, 640, 3), np.uint8)) for k in range(21)]
    assert sum(len(each.content) for each in noise) > 2 * MOST_BYTES
    clip = Film(noise, ffmpeg=ffmpeg).done()
    assert len(clip.content) <= MOST_BYTES
    assert len(played(clip, tmp_path)[0]) >= 5


@pytest.mark.parametrize("ffmpeg", WAYS)
def test_what_is_to_be_hidden_is_hidden_in_the_clip(ffmpeg: str, tmp_path: Path) -> None:
    stripes = np.zeros((96, 160, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    frames = [frame(0.5 * k, stripes, hide=((0, 0, 80, 96),)) for k in range(3)]
    for blur in (True, False):
        images, _ = played(Film(frames, blur=blur, ffmpeg=ffmpeg).done(), tmp_path)
        contrasts = [float(image[20:80, 10:70, 0].astype(int).std()) for image in images]
        assert all(c < 40 for c in contrasts) if blur else all(c > 60 for c in contrasts)
        assert images[0][20:80, 90:150].std() > 60


def test_a_program_that_cannot_encode_leaves_motion_jpeg(tmp_path: Path) -> None:
    fails = tmp_path / "ffmpeg"
    fails.write_text("#!/bin/sh\necho Unknown encoder libx264 >&2\nexit 1\n")
    fails.chmod(0o755)
    frames = [frame(0.5 * k, grey(100)) for k in range(4)]
    for program in (str(fails), str(tmp_path / "missing")):
        clip = Film(frames, ffmpeg=program).done()
        assert clip.media_type == "video/x-msvideo"
    assert len(played(clip, tmp_path)[0]) == 4


@pytest.mark.skipif(not FFMPEG, reason="needs ffmpeg")
def test_the_same_frames_give_the_same_bytes_and_an_ended_film_leaves_nothing() -> None:
    rng = np.random.default_rng(1)
    frames = [frame(0.4 * k, cv2.resize(rng.integers(0, 255, (12, 20, 3), np.uint8), (160, 96))) for k in range(8)]
    assert Film(frames).done() == Film(frames).done()
    before = len(list(Path("/proc/self/fd").iterdir()))
    Film(frames).close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
