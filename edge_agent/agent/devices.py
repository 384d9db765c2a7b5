"""Opens the sensors, receivers and cameras that the configuration names, for the agent and for the doctor alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.errors import BadSettingError
from drivers.table import driver_of, open_camera, open_sensor
from edge_agent import config
from edge_agent.clock import Clock

if TYPE_CHECKING:
    from drivers.camera import Camera
    from drivers.sensor import SensorSession


def open_dust(section: config.DustSensor, clock: Clock, *, warm_up_s: float | None = None) -> SensorSession:
    """A dust sensor; ``warm_up_s`` in place of the configured one.

    Raises UnknownDriverError, BadSettingError, DeviceLostError.
    """
    return open_sensor(
        section.driver,
        section.port,
        name=section.name,
        model=section.model,
        mode=section.mode,
        interval_s=section.interval_s,
        warm_up_s=section.warm_up_s if warm_up_s is None else warm_up_s,
        now=clock.time,
        monotonic=clock.monotonic,
    )


def check_receiver(section: config.Position) -> None:
    """Raises UnknownDriverError, BadSettingError for a driver or model that is none, or tells no position."""
    if "latitude_deg" not in driver_of(section.driver, section.model).ranges:
        raise BadSettingError(f"position.driver {section.driver!r} tells no position; allowed: nmea")


def open_receiver(section: config.Position, clock: Clock) -> SensorSession:
    """A satellite receiver; raises as ``open_dust``."""
    check_receiver(section)
    return open_sensor(
        section.driver,
        section.port,
        name="position",
        model=section.model,
        warm_up_s=0.0,
        now=clock.time,
        monotonic=clock.monotonic,
    )


def open_live_camera(section: config.Camera, clock: Clock) -> Camera:
    """A camera; a recording is played at the pace it was made.

    Raises DeviceLostError, BadSettingError, BadRecordingError.
    """
    return open_camera(
        section.source,
        name=section.name,
        frames_per_s=section.frames_per_s,
        policy=section.policy,
        silent_after_s=section.silent_after_s,
        now=clock.time,
        monotonic=clock.monotonic,
        paced=True,
    )
