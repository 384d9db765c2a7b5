"""What ``check`` looks at, one function a part; each yields findings and never raises for a part that is ill.

Sensors, cameras and brokers are tried for at most a few seconds each, a sensor that is silent for some ten; sensors
are looked at in ``doctor_sensors``.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from drivers.errors import EdgeAgentError
from drivers.frames import Frame
from drivers.relays import serial_device
from edge_agent import config, doctor_sensors
from edge_agent.agent.devices import open_live_camera
from edge_agent.clock import Clock
from edge_agent.errors import ConfigError
from edge_agent.events.cases import Coder, kinds_in_use
from edge_agent.finding import Finding, each

if TYPE_CHECKING:
    from edge_agent.vision.network import Image

_CAMERA_WITHIN_S = 12.0
_CLOCK_ERROR_S = 1.0
_REAIM = "aim the camera as in the reference, or take a new reference and draw the bays on it"


class Relay(NamedTuple):
    """What switches something, and how it is called."""

    what: str
    port: str
    active_low: bool


def config_findings(whole: config.Config, file: Path) -> Iterator[Finding]:
    """What can be known without hardware and network: the configuration, what it names, models, the data folder."""
    parts = [f"{len(whole.dust)} dust sensor(s)", f"{len(whole.gate)} gate camera(s)"]
    parts += [f"{len(whole.pole)} pole camera(s)"] if whole.pole else []
    parts += [f"{len(whole.mqtt)} broker(s)"]
    yield Finding("config", "ok", f"{whole.device.site}/{whole.device.id}, {', '.join(parts)}")
    if not (whole.dust or whole.gate or whole.pole):
        yield Finding("config", "fail", "nothing to read", "add a [[dust]], a [[gate]] or a [[pole]] table")
    if not (whole.mqtt or whole.hj212):
        yield Finding("config", "warn", "no destination: events stay on this device", "add an [[mqtt]] table")
    for sensor in whole.dust:
        yield from each(f"limits {sensor.name}", lambda sensor=sensor: doctor_sensors.limits(sensor, file))
    for gate in whole.gate:
        yield from each("opencv", _opencv)
        yield from each(f"models {gate.camera.name}", lambda gate=gate: _models(gate))
        yield from each(f"adapted {gate.camera.name}", lambda gate=gate: _adapted(gate, Path(whole.device.data_dir)))
    for pole in whole.pole:
        yield from each("opencv", _opencv)
        yield from each(f"bays {pole.camera.name}", lambda pole=pole: _bays(pole, file))
        yield from each(f"models {pole.camera.name}", lambda pole=pole: _pole_models(pole))
    for broker in whole.mqtt:
        if broker.plain:
            found = f"{broker.broker} is plain text: anybody on the way can read and forge"
            yield Finding(f"broker {broker.name}", "warn", found, "use mqtts://, and take insecure = true out")
    for platform in whole.hj212:
        yield from each(f"platform {platform.name}", lambda platform=platform: _platform_settings(platform))
    if whole.gate or whole.pole:
        yield from each("evidence key", lambda: _evidence_key(whole))
    if whole.events is not None:
        yield from each("events", lambda: _events(whole, file))
    if (receiver := whole.position) is not None:
        yield from each("position", lambda: doctor_sensors.receiver_settings(receiver))
    if (card := whole.card) is not None:
        yield from each("card", lambda: _card(card, file))
    yield from each("disk", lambda: _disk(whole))


def findings(whole: config.Config, file: Path, draw: Path | None = None) -> Iterator[Finding]:
    """Everything. ``draw``: a folder for each camera's picture with line, bays and zones."""
    lamps = whole.card.lamp if whole.card else {}
    yield from config_findings(whole, file)
    yield from each("clock", _clock)
    for sensor in whole.dust:
        yield from each(f"sensor {sensor.name}", lambda sensor=sensor: doctor_sensors.sensor(sensor, whole, file))
    if (receiver := whole.position) is not None:
        yield from each("position", lambda: doctor_sensors.position(receiver))
    used = [sensor.port for sensor in whole.dust] + ([receiver.port] if receiver else [])
    used += [serial_device(port) for port in [*(a.port for a in whole.actuator), *lamps.values()]]
    yield from each("ports", lambda: doctor_sensors.unused_ports(used))
    for gate in whole.gate:
        yield from each(f"camera {gate.camera.name}", lambda gate=gate: _gate_camera(gate, draw))
    for pole in whole.pole:
        yield from each(f"camera {pole.camera.name}", lambda pole=pole: _pole_camera(pole, file, draw))
    for broker in whole.mqtt:
        yield from each(f"broker {broker.name}", lambda broker=broker: _broker(broker, whole.device))
    for platform in whole.hj212:
        yield from each(f"platform {platform.name}", lambda platform=platform: _platform(platform))
    for actuator in whole.actuator:
        relay = Relay(f"relay {actuator.name}", actuator.port, actuator.active_low)
        yield from each(relay.what, lambda relay=relay: _relay(relay))
    for colour, port in lamps.items():
        relay = Relay(f"lamp {colour}", port, False)
        yield from each(relay.what, lambda relay=relay: _relay(relay))


def _events(whole: config.Config, file: Path) -> Iterator[Finding]:
    assert whole.events is not None
    coder = Coder(whole.events, file)
    kinds = kinds_in_use(whole)
    coder.check(kinds, file)
    coded = sorted(kinds - set(whole.events.without_case))
    yield Finding("events", "ok", f"{coder.codes.name}: " + ", ".join(f"{k} {coder.codes.kind[k].code}" for k in coded))
    doubtful = [k for k in coded if not (coder.codes.kind[k].confirmed and coder.codes.kind[k].limit_confirmed)]
    if doubtful:
        found = f"code or limit of {', '.join(doubtful)} was not confirmed in the city's own table"
        yield Finding("events", "warn", found, "copy the map, correct it by the city's table, and set confirmed = true")
    if coder.holidays is None or not coder.holidays.confirmed:
        found = "no holidays file: deadlines count every Monday to Friday"
        if coder.holidays is not None:
            found = f"the days of {whole.events.holidays} are unconfirmed"
        yield Finding("events", "warn", found, "give a holidays file that a person compared with the state's notice")


def _opencv() -> Iterator[Finding]:
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        todo = "pip uninstall opencv-python, then pip install --force-reinstall opencv-python-headless"
        yield Finding("opencv", "fail", f"does not import: {error}", todo)
    else:
        yield Finding("opencv", "ok", cv2.__version__)


def _models(gate: config.Gate) -> Iterator[Finding]:
    from edge_agent.gate.watch import detector_of
    from edge_agent.vision.state import StateClassifier

    for name, loaded in ((gate.detector, detector_of(gate)), (gate.state, StateClassifier.load(gate.state))):
        card = loaded.card
        yield Finding(f"model {name}", "ok", f"{card.name} {card.version}, {card.licence}, runs")


def _adapted(gate: config.Gate, data_dir: Path) -> Iterator[Finding]:
    from edge_agent.vision import adaptation
    from edge_agent.vision.state import StateClassifier

    found = adaptation.apply(data_dir, gate.camera.name, StateClassifier.load(gate.state))
    if found is not None:
        said = ", ".join(f"{n} {h.new_right} of {h.crops} right, {h.old_right} before" for n, h in found.heads.items())
        yield Finding(f"adapted {gate.camera.name}", "ok", f"{found.made}: {said}")


def _pole_models(pole: config.Pole) -> Iterator[Finding]:
    from edge_agent.vision.bay import BayClassifier
    from edge_agent.vision.detector import Detector

    detector, classifier = Detector.load(pole.detector), BayClassifier.load(pole.classifier)
    for name, card in ((pole.detector, detector.card), (pole.classifier, classifier.card)):
        yield Finding(f"model {name}", "ok", f"{card.name} {card.version}, {card.licence}, runs")


def _bays(pole: config.Pole, file: Path) -> Iterator[Finding]:
    from edge_agent.agent.pole import reference_of

    what = f"bays {pole.camera.name}"
    found = f"{len(pole.bay)} bays, {len(pole.zone)} zones"
    todo = "" if pole.bay else "only zones are watched; give [[pole.bay]] tables or a bays_file"
    yield Finding(what, "warn" if todo else "ok", found, todo)
    if reference_of(pole, file) is None:
        found = "no reference picture: a camera that was moved while the agent was off is not noticed"
        yield Finding(f"reference {pole.camera.name}", "warn", found, "set reference to a picture of this camera")


def _pole_camera(pole: config.Pole, file: Path, draw: Path | None) -> Iterator[Finding]:
    """The camera, whether it looks where the reference picture does, and where the bays lie in it."""
    from edge_agent.parking.drawing import drawn

    frame = yield from _camera(pole.camera)
    if frame is None:
        return
    yield from _aim(pole, file, frame)
    if draw is not None:
        yield from _drawing(pole.camera.name, draw, drawn(pole, frame.image), "bays and zones are")


def _aim(pole: config.Pole, file: Path, frame: Frame) -> Iterator[Finding]:
    from edge_agent.agent.pole import reference_of
    from edge_agent.vision.registration import Registration

    try:
        reference = reference_of(pole, file)
    except ConfigError:
        return  # told with the bays
    if reference is None:
        return
    what = f"reference {pole.camera.name}"
    (height, width), (rows, columns) = frame.image.shape[:2], reference.shape[:2]
    if abs(height * columns - width * rows) > 0.03 * width * rows:
        found = f"is {columns}×{rows}, and the camera gives {width}×{height}: another shape of picture"
        yield Finding(what, "fail", found, "take the reference from this stream, and draw the bays on it")
        return
    shift = Registration(reference, ignore=[bay.polygon for bay in pole.bay]).update(frame.image)
    found = {
        "in place": "the camera looks where it did",
        "moved": f"the camera was moved by {shift.distance:.1%} of the width; the agent moves the bays along",
        "lost": "the camera looks elsewhere; the agent would call all bays unknown",
        "unknown": "the camera's picture cannot be placed on it: another place, too dark, or mostly hidden",
    }[shift.state.value]
    todo = "" if shift.state.value == "in place" else _REAIM
    yield Finding(what, "warn" if todo else "ok", found, todo)


def _disk(whole: config.Config) -> Iterator[Finding]:
    folder = Path(whole.device.data_dir)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_mb = shutil.disk_usage(existing).free >> 20
    except OSError as error:
        todo = "make it, and give it to the agent's user; or change device.data_dir"
        yield Finding("disk", "fail", f"{folder} cannot be written: {error.strerror}", todo)
        return
    floor_mb = whole.outbox.free_disk_floor_mb
    if free_mb <= floor_mb:
        found = f"{free_mb} MB free at {existing}: at {floor_mb} MB or less evidence is dropped to make room"
        yield Finding("disk", "fail", found, "make room, or use a larger card; see outbox.free_disk_floor_mb")
        return
    need_mb = whole.outbox.max_mb + floor_mb
    todo = "a larger card, or a smaller outbox.max_mb" if free_mb < need_mb else ""
    yield Finding("disk", "warn" if todo else "ok", f"{free_mb} MB free at {existing}, {need_mb} MB may be used", todo)


def _evidence_key(whole: config.Config) -> Iterator[Finding]:
    from edge_agent.evidence.key import load_key
    from edge_agent.outbox.recorder import configured_seal

    seal = configured_seal(whole)
    if seal.make_key and not seal.key_file.exists():
        yield Finding("evidence key", "ok", f"none yet; it is made at the first start as {seal.key_file}")
    else:
        yield Finding("evidence key", "ok", f"public key {load_key(seal.key_file).public}")


def _clock() -> Iterator[Finding]:
    trust = Clock().trust()
    if trust.trusted:
        result: Literal["ok", "warn"] = "ok" if trust.error_s <= _CLOCK_ERROR_S else "warn"
        todo = "" if result == "ok" else f"GA/T 832-2014 asks for {_CLOCK_ERROR_S:g} s; look at the time server"
        yield Finding("clock", result, f"synchronised, off by at most {trust.error_s * 1000:.0f} ms", todo)
    else:
        todo = "start systemd-timesyncd or chrony; until then events say that their time is not trusted"
        yield Finding("clock", "warn", "not synchronised", todo)


def _camera(section: config.Camera) -> Generator[Finding, None, Frame | None]:
    camera = open_live_camera(section, Clock())
    try:
        frame = camera.read(_CAMERA_WITHIN_S)
    finally:
        camera.close()
    what = f"camera {section.name}"
    if frame is None:
        yield Finding(what, "fail", f"opened, but no picture came within {_CAMERA_WITHIN_S:.0f} s", "look at its cable")
        return None
    height, width = frame.image.shape[:2]
    if width < 1280 or height < 720:
        todo = "choose a larger stream of this camera"
        yield Finding(what, "warn", f"{width}×{height}; evidence needs 1280×720 (GA/T 832-2014)", todo)
    else:
        yield Finding(what, "ok", f"{width}×{height}")
    return frame


def _gate_camera(gate: config.Gate, draw: Path | None) -> Iterator[Finding]:
    frame = yield from _camera(gate.camera)
    if frame is None or draw is None:
        return
    from edge_agent.gate.drawing import drawn

    yield from _drawing(gate.camera.name, draw, drawn(gate, frame.image), "line and zones are")


def _drawing(camera: str, folder: Path, image: Image, what: str) -> Iterator[Finding]:
    from edge_agent.vision.jpeg import encoded

    picture = folder / f"{camera}.jpg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(encoded(image, 90))
    except OSError as error:
        yield Finding(f"drawing {camera}", "fail", f"{picture} cannot be written: {error.strerror}")
        return
    yield Finding(f"drawing {camera}", "ok", f"{what} drawn in {picture}; look at it")


def _broker(broker: config.Mqtt, device: config.Device) -> Iterator[Finding]:
    from edge_agent.uplink.mqtt_connection import connect

    for address in broker.addresses:
        client = f"{device.site}.{device.id}.{broker.name}.check"
        try:
            connection = connect(address, broker, client)
        except EdgeAgentError as error:
            yield Finding(f"broker {broker.name}", "fail", str(error))
            continue
        connection.close()
        version = "5" if connection.version == 5 else "3.1.1"
        yield Finding(f"broker {broker.name}", "ok", f"{address} accepted us, MQTT {version}")


def _platform_settings(section: config.Hj212) -> Iterator[Finding]:
    from edge_agent.uplink.hj212_link import read_key

    key = read_key(section)
    if key is None and section.host not in ("localhost", "127.0.0.1", "::1"):
        found = f"HJ 212 to {section.host} is plain text: anybody on the way can read and forge"
        todo = "over the internet use a VPN, or edition 2025 with sm4_key_file"
        yield Finding(f"platform {section.name}", "warn", found, todo)


def _platform(section: config.Hj212) -> Iterator[Finding]:
    from edge_agent.uplink.hj212_link import Link, read_key

    Link(section, read_key(section)).close()
    found = f"{section.host}:{section.port} takes our connection; HJ 212-{section.edition}, MN {section.mn}"
    yield Finding(f"platform {section.name}", "ok", found)


def _card(section: config.Card, file: Path) -> Iterator[Finding]:
    from edge_agent.config.card import read_rules

    rules = read_rules(section.rules, file)
    yield Finding("card", "ok", f"{rules.name}: {len(rules.rule)} rules; source: {rules.source or 'not told'}")


def _relay(relay: Relay) -> Iterator[Finding]:
    from drivers.relays import open_relay

    open_relay(relay.port, active_low=relay.active_low).close()
    yield Finding(relay.what, "ok", f"{relay.port} can be had, and is off")
