"""What every driver must do, over a real pseudo-terminal and pyserial."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from drivers.errors import DeviceLostError, DeviceSilentError
from drivers.readings import Quality, Reading
from drivers.sensor import SensorSession
from drivers.simulated.device import SimulatedDevice
from drivers.table import SENSORS, driver_of, open_sensor, simulated_sensor

CASES = [(name, mode) for name in sorted(SENSORS) for mode in driver_of(name).modes]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture
def device(case: tuple[str, str]) -> Iterator[SimulatedDevice]:
    device = SimulatedDevice(simulated_sensor(f"simulated:{case[0]}?period_s=0.05"))
    yield device
    device.close()


def opened(case: tuple[str, str], device: SimulatedDevice, **settings: float) -> SensorSession:
    return open_sensor(
        case[0],
        device.path,
        name="dust",
        mode=case[1],
        interval_s=settings.pop("interval_s", 0.05),
        warm_up_s=settings.pop("warm_up_s", 0.0),
        now=time.time,
        monotonic=time.monotonic,
        **settings,
    )


def readings(session: SensorSession, number: int) -> list[Reading]:
    taken: list[Reading] = []
    until = time.monotonic() + 20
    while len(taken) < number and time.monotonic() < until:
        reading = session.read(1.0)
        if reading is not None:
            taken.append(reading)
    assert len(taken) == number
    return taken


def test_reads_what_is_simulated(case: tuple[str, str], device: SimulatedDevice) -> None:
    with opened(case, device) as session:
        before = time.time()
        taken = readings(session, 5)
    expected = device.sensor.values(0.0)
    for reading in taken:
        assert reading.quality is Quality.NORMAL
        assert reading.values
        for name, value in reading.values.items():
            source = max((key for key in expected if name.startswith(f"{key}_") or name == key), key=len, default=None)
            assert source is not None, name
            assert value == pytest.approx(expected[source], abs=0.06, rel=0.01), name
    assert [r.time for r in taken] == sorted(r.time for r in taken)
    assert before - 0.1 <= taken[0].time <= time.time()
    assert session.rejected == 0


def test_warms_up(case: tuple[str, str], device: SimulatedDevice) -> None:
    with opened(case, device, warm_up_s=600.0) as session:
        assert {reading.quality for reading in readings(session, 2)} == {Quality.CALIBRATING}


@pytest.mark.slow
def test_unplugged_is_lost_and_plugged_again_is_found(case: tuple[str, str], device: SimulatedDevice) -> None:
    session = opened(case, device)
    readings(session, 1)
    pulled = threading.Timer(0.1, device.unplug)
    pulled.start()
    with pytest.raises(DeviceLostError, match="check plug, cable and power"):
        readings(session, 10_000)
    session.close()
    pulled.join()
    with pytest.raises(DeviceLostError, match="is not there"):
        opened(case, device)
    device.plug()
    with opened(case, device) as again:
        readings(again, 2)


@pytest.mark.slow
def test_garbage_costs_frames_but_not_the_session(case: tuple[str, str], device: SimulatedDevice) -> None:
    noise = random.Random(1)
    with opened(case, device) as session:
        readings(session, 1)
        for _ in range(5):
            device.emit(noise.randbytes(100))
            readings(session, 2)
        device.corrupt(1)
        readings(session, 3)
        assert session.rejected + session.skipped > 0


@pytest.mark.slow
def test_silence_is_noticed_and_ends(case: tuple[str, str], device: SimulatedDevice) -> None:
    session = opened(case, device, silent_after_s=0.4)
    readings(session, 1)
    device.silence()
    with pytest.raises(DeviceSilentError, match="dust: "):
        readings(session, 10_000)
    session.close()
    device.silence(False)
    with opened(case, device) as again:
        readings(again, 2)


@pytest.mark.slow
def test_a_sleeping_device_is_woken(case: tuple[str, str], device: SimulatedDevice) -> None:
    """Whatever state the last program left it in, opening brings it back."""
    with opened(case, device) as session:
        readings(session, 1)
        session.sleep()
    with opened(case, device) as again:
        readings(again, 2)
