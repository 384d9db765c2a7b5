"""Text is put below the picture and hides nothing of it."""

import numpy as np
import pytest

from edge_agent.vision import overlay
from edge_agent.vision.overlay import framed, with_text


@pytest.mark.parametrize("chinese", [False, overlay.CHINESE])
@pytest.mark.parametrize(("height", "width"), [(720, 1280), (90, 120), (1080, 1920)])
def test_the_picture_stays_and_every_line_is_seen_whole(
    monkeypatch: pytest.MonkeyPatch, height: int, width: int, chinese: bool
) -> None:
    monkeypatch.setattr(overlay, "CHINESE", chinese)
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    before = image.copy()
    lines = ["short", "sha256 " + "0123456789abcdef" * 4, "last gpq"]
    out = with_text(image, lines)
    assert np.array_equal(out[:height], before)
    assert np.array_equal(image, before)
    band = out[height:]
    assert band.shape[1] == width
    assert (band[:, -1] == 32).all()
    assert (band[-1] == 32).all()
    inked = (band > 120).any(axis=(1, 2))
    blocks = np.count_nonzero(np.diff(np.concatenate([[False], inked]).astype(int)) == 1)
    assert blocks >= len(lines) if height > 100 else blocks >= 1


@pytest.mark.skipif(not overlay.CHINESE, reason="this OpenCV has no font with Chinese characters")
def test_chinese_is_written_as_chinese() -> None:
    image = np.zeros((300, 600, 3), np.uint8)
    assert not np.array_equal(with_text(image, ["车轮带泥"]), with_text(image, ["未密闭运"]))


def test_a_frame_marks_its_corners_and_hides_nothing_between() -> None:
    image = np.full((200, 400, 3), 90, np.uint8)
    out = framed(image, (0.25, 0.1, 0.75, 0.9))
    assert (image == 90).all()
    changed = (out != 90).any(axis=2)
    for x, y in ((100, 20), (300, 20), (100, 180), (300, 180)):
        assert changed[y - 2 : y + 3, x - 2 : x + 3].any(), (x, y)
    assert not changed[50:150].any()
    assert not changed[:, 150:250].any()
    beyond = (framed(image, (-0.5, 0.5, 0.2, 1.5)) != 90).any(axis=2)
    assert beyond[:, :4].any()
    assert beyond[-5:].any()
