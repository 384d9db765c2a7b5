"""The card's lamp and the relays: switched by what is recorded, tried again when they were away, off in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import BadSettingError, DeviceLostError
from drivers.relays import SimulatedRelay
from edge_agent.agent import site as site_module
from edge_agent.agent.site import Site
from edge_agent.clock import Clock
from edge_agent.config import Actuator, Card, Config, Device
from edge_agent.messages import Draft, DustData, Statistic, ViolationData
from edge_agent.messages.envelope import rfc3339

NOON = 1784088000.0


class HandClock(Clock):
    """Moved by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def dust(end: float, mean: float) -> Draft:
    value = Statistic(mean=mean, min=mean, max=mean, count=60, flag="N")
    data = DustData(sensor="dust", start=rfc3339(end - 60), window_s=60, values={"pm10_ug_m3": value})
    return Draft("dust", end, data)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the card's day is written."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def relays(monkeypatch: pytest.MonkeyPatch) -> dict[str, SimulatedRelay]:
    """Relays by port, made when they are opened; a port named away:… cannot be opened until it is in the dict."""
    made: dict[str, SimulatedRelay] = {}

    def open_relay(port: str, **_: object) -> SimulatedRelay:
        if port.startswith("away:") and port not in made:
            raise DeviceLostError(f"{port} is not there")
        return made.setdefault(port, SimulatedRelay())

    monkeypatch.setattr(site_module, "open_relay", open_relay)
    return made


def config(**parts: object) -> Config:
    return Config(device=Device(id="d", site="s", kind="dust", data_dir="."), **parts)  # type: ignore[arg-type]


def test_the_lamp_shows_the_card(relays: dict[str, SimulatedRelay]) -> None:
    lamp = {"green": "simulated:g", "yellow": "simulated:y", "red": "simulated:r"}
    site = Site(config(card=Card(lamp=lamp)), Path("x"), HandClock())  # type: ignore[arg-type]
    site.update(dust(NOON, 10))
    assert [relays[port].on for port in lamp.values()] == [True, False, False]
    muddy = ViolationData(kind="muddy_truck", confidence=0.9)
    assert [d.data.colour for d in site.update(Draft("violation", NOON + 1, muddy))] == ["yellow"]  # type: ignore[attr-defined]
    assert [relays[port].on for port in lamp.values()] == [False, True, False]
    site.close(NOON + 2)
    assert not any(relay.on for relay in relays.values())


def test_a_relay_that_was_away_gets_the_newest_state(relays: dict[str, SimulatedRelay]) -> None:
    clock = HandClock()
    fog = Actuator(port="away:1", on_above=150, off_below=100)
    site = Site(config(actuator=[fog]), Path("x"), clock)
    assert site.problems() == ["fog: away:1 is not there"]
    assert [d.channel for d in site.update(dust(NOON, 200))] == ["actuation"]
    relays["away:1"] = SimulatedRelay()
    site.tick(NOON + 1)
    assert not relays["away:1"].on, "tried every 10 s"
    clock.now = 10.0
    site.tick(NOON + 10)
    assert relays["away:1"].on
    assert (site.problems(), site.state()) == ([], {"fog": True})
    assert [d.data.on for d in site.close(NOON + 11)] == [False]  # type: ignore[attr-defined]
    assert not relays["away:1"].on


def test_without_card_and_actuator_nothing_follows() -> None:
    site = Site(config(), Path("x"), HandClock())
    assert site.update(dust(NOON, 900)) == site.tick(NOON) == site.close(NOON) == []


def test_a_port_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(BadSettingError, match="is no relay"):
        Site(config(actuator=[Actuator(port="usb", on_above=2, off_below=1)]), Path("x"), HandClock())


def test_a_board_that_lost_its_power_gets_its_state_again(relays: dict[str, SimulatedRelay]) -> None:
    """It came back with its coil open, and the fog cannon stood still for as long as it was wanted."""
    clock = HandClock()
    fog = Actuator(port="simulated:f", on_above=150, off_below=100)
    site = Site(config(actuator=[fog]), Path("x"), clock)
    site.update(dust(NOON, 200))
    relays["simulated:f"].switch(False)
    clock.now = 9.0
    site.tick(NOON + 9)
    assert not relays["simulated:f"].on
    clock.now = 10.0
    site.tick(NOON + 10)
    assert relays["simulated:f"].on


def test_a_relay_that_fails_is_closed_before_it_is_opened_again(relays: dict[str, SimulatedRelay]) -> None:
    """Each try left a serial port open."""
    clock, closed = HandClock(), list[str]()
    site = Site(config(actuator=[Actuator(port="simulated:f", on_above=150, off_below=100)]), Path("x"), clock)

    def fail(on: bool) -> None:
        raise DeviceLostError(f"cannot be switched {'on' if on else 'off'}")

    relays["simulated:f"].switch = fail  # type: ignore[method-assign]
    relays["simulated:f"].close = lambda: closed.append("f")  # type: ignore[method-assign]
    site.update(dust(NOON, 200))
    assert (closed, site.problems()) == (["f"], ["fog: cannot be switched on"])
