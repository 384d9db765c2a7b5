"""Folders, files and a real stream; the expected times and indices follow from the frame rates by hand."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.camera import Camera, open_camera, shown
from drivers.errors import BadRecordingError, BadSettingError, DeviceLostError, DeviceSilentError, EndOfRecording
from drivers.frames import Frame
from drivers.opencv import read_picture
from drivers.recorded import Thinning
from tests.drivers.fakes import FakeClock
from tests.drivers.http_camera import HttpCamera
from tests.drivers.rtsp import RtspCamera


def grey(level: int) -> np.ndarray[Any, Any]:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds at 25 frames a second; frame k has grey level 4k."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for k in range(50):
        writer.write(grey(4 * k))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for number in (10, 9, 1):
        cv2.imwrite(str(path / f"{number}.png"), grey(number))
    (path / "2.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    (path / "notes.txt").write_text("no picture")
    return path


def opened(source: Path | str, clock: FakeClock | None = None, **settings: Any) -> Camera:
    chosen: dict[str, Any] = {"name": "gate", "frames_per_s": 5.0, "policy": "every", "start": 100.0} | settings
    moments: tuple[Callable[[], float], Callable[[], float]] = (
        (clock.time, clock.monotonic) if clock else (time.time, time.monotonic)
    )
    return open_camera(source, now=moments[0], monotonic=moments[1], **chosen)


def all_of(camera: Camera) -> list[Frame]:
    frames = []
    try:
        while True:
            frame = camera.read(1.0)
            assert frame is not None
            frames.append(frame)
    except EndOfRecording:
        return frames
    finally:
        camera.close()


def test_a_video_is_thinned_by_its_own_time(video: Path) -> None:
    frames = all_of(opened(video, frames_per_s=5.0))
    assert [round(frame.time - 100, 3) for frame in frames] == [round(0.2 * k, 3) for k in range(10)]
    assert [frame.index for frame in frames] == list(range(10))
    assert [round(float(frame.image.mean())) for frame in frames] == pytest.approx([20 * k for k in range(10)], abs=3)
    assert {(frame.camera, frame.image.shape, frame.image.dtype.name) for frame in frames} == {
        ("gate", (48, 64, 3), "uint8")
    }


def test_a_rate_that_does_not_divide_is_met_on_average(video: Path) -> None:
    times = [frame.time - 100 for frame in all_of(opened(video, frames_per_s=4.0))]
    assert times == pytest.approx([0.0, 0.28, 0.52, 0.76, 1.0, 1.28, 1.52, 1.76])


def test_more_frames_than_there_are_gives_all(video: Path) -> None:
    assert len(all_of(opened(video, frames_per_s=60.0))) == 50


def test_a_folder_in_natural_order_skips_what_is_no_picture(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    camera = opened(folder, picture_interval_s=2.0)
    with caplog.at_level(logging.WARNING):
        frames = all_of(camera)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 9, 10]
    assert [frame.time for frame in frames] == [100.0, 104.0, 106.0]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert camera.unreadable == 1
    assert "2.jpg cannot be read as a picture and is skipped" in caplog.text


def test_pictures_of_every_depth_become_bgr(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.full((4, 6), 0x8000, np.uint16))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((4, 6, 4), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "3.png"), np.full((1, 1), 200, np.uint8))
    frames = all_of(opened(tmp_path))
    assert [(frame.image.shape, frame.image.dtype.name, int(frame.image[0, 0, 2])) for frame in frames] == [
        ((4, 6, 3), "uint8", 128),
        ((4, 6, 3), "uint8", 77),
        ((1, 1, 3), "uint8", 200),
    ]


def test_half_a_jpeg_is_no_picture(tmp_path: Path) -> None:
    """OpenCV's own reader gives it with a grey lower half."""
    whole = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))[1].tobytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    assert read_picture(tmp_path / "half.jpg") is None


def test_paced_gives_no_frame_before_its_time(video: Path) -> None:
    clock = FakeClock()
    camera = opened(video, clock, paced=True, start=None)
    first = camera.read(0.0)
    assert first is not None
    assert first.time == clock.time()
    assert camera.read(0.0) is None
    clock.moment += 0.2
    second = camera.read(0.0)
    assert second is not None
    assert second.time == pytest.approx(first.time + 0.2)
    clock.moment += 1.0
    late = camera.read(0.0)
    assert late is not None
    assert late.time == pytest.approx(first.time + 0.4)
    assert camera.dropped == 0


def test_newest_on_a_recording_drops_what_time_has_overtaken(video: Path) -> None:
    clock = FakeClock()
    camera = opened(video, clock, policy="newest")
    assert camera.read(0.0) is not None
    clock.moment += 1.1
    frame = camera.read(0.0)
    assert frame is not None
    assert frame.time == pytest.approx(101.0)
    assert camera.dropped == 4


def test_thinning_counts_each_missed_interval_once() -> None:
    thinning = Thinning(5.0)
    thinning.took(0.0)
    assert not thinning.is_due(0.198)
    assert thinning.is_due(0.1995)
    told = [thinning.missed(moment) for moment in (0.3, 0.41, 0.42, 0.59, 0.61)]
    assert told == [False, True, False, False, True]


Stream = HttpCamera | RtspCamera


@pytest.fixture(params=[HttpCamera, RtspCamera])
def stream(request: pytest.FixtureRequest) -> Iterator[Stream]:
    camera: Stream = request.param("admin", "geheim")
    yield camera
    camera.close()


def live(stream: Stream, **settings: Any) -> Camera:
    return opened(stream.address, policy="newest", frames_per_s=10.0, **settings)


def test_a_live_camera_gives_the_newest_frame_and_counts_what_nobody_took(stream: Stream) -> None:
    camera = live(stream)
    first = camera.read(10.0)
    assert first is not None
    assert abs(first.time - time.time()) < 5
    camera.read(0.0)
    before = camera.dropped
    reached = threading.Event()
    until = time.monotonic() + 20
    while camera.dropped < before + 3 and time.monotonic() < until:
        reached.wait(0.01)
    sent = stream.sent
    second = camera.read(10.0)
    assert second is not None
    assert second.index in (first.index + 1, first.index + 2)
    assert float(second.image.mean()) > sent - 40, "an old frame was kept"
    assert second.time - first.time > 0.3
    camera.close()


def test_a_live_camera_that_stalls_is_silent_and_one_that_hangs_up_is_lost(stream: Stream) -> None:
    camera = live(stream, silent_after_s=0.5)
    assert camera.read(10.0) is not None
    stream.stalled.set()
    with pytest.raises(DeviceSilentError, match=r"gate: no frame from \w+://\*\*\*@127.0.0.1:\d+/live.* for"):
        _read_on(camera)
    stream.ended.set()
    with pytest.raises(DeviceLostError, match=r"\w+://\*\*\*@127.0.0.1.* ended the stream"):
        _read_on(camera)
    camera.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "camera gate"]


def _read_on(camera: Camera) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        camera.read(0.2)


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        ("rtsp://u:geheim@127.0.0.1:9/x", DeviceLostError, "cannot be opened: check address, port 554"),
        ("/dev/video77", DeviceLostError, "/dev/video77 is not there"),
        ("absent.mp4", BadRecordingError, "absent.mp4 does not exist; a source is an rtsp:// address"),
    ],
)
def test_what_cannot_be_opened_says_what_to_try(source: str, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem) as caught:
        opened(source, policy="newest")
    assert "geheim" not in str(caught.value)


def test_bad_recordings(tmp_path: Path) -> None:
    with pytest.raises(BadRecordingError, match="holds no pictures"):
        opened(tmp_path)
    torn = tmp_path / "clip.mp4"
    torn.write_bytes(b"\x00\x00\x00\x18ftypmp42")
    with pytest.raises(BadRecordingError, match=r"clip.mp4 is no readable video"):
        opened(torn)


def test_rtsp_goes_over_tcp_and_its_password_is_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    camera = RtspCamera("admin", "geheim")
    opened(camera.address, policy="newest").close()
    assert [transport.split(";")[0] for transport in camera.transports] == ["RTP/AVP/TCP"]
    wrong = camera.address.replace("geheim", "falsch")
    with pytest.raises(DeviceLostError, match="user and password") as caught:
        opened(wrong, policy="newest")
    camera.close()
    told = capfd.readouterr()
    assert not {"geheim", "falsch"} & set(re.split(r"[^a-z]", f"{caught.value} {told.out} {told.err}"))


def test_a_video_that_ends_early_is_told(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])
    frames = all_of(opened(video, frames_per_s=60.0))
    assert 10 < len(frames) < 40
    assert "of 50 frames: is it damaged?" in caplog.text


def test_policies_that_do_not_exist_or_fit(folder: Path) -> None:
    with pytest.raises(BadSettingError, match="'latest' does not exist; allowed: newest, every"):
        opened(folder, policy="latest")
    with pytest.raises(BadSettingError, match="is live and cannot wait"):
        opened("rtsp://127.0.0.1/x", policy="every")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("rtsp://admin:p@ss/w0rd@10.0.0.9:554/ch1", "rtsp://***@10.0.0.9:554/ch1"),
        ("rtsp://10.0.0.9/s?user=a&password=b", "rtsp://10.0.0.9/s?user=***&password=***"),
        ("/srv/clip=1.mp4", "/srv/clip=1.mp4"),
    ],
)
def test_credentials_are_not_shown(source: str, text: str) -> None:
    assert shown(source) == text
