"""``edge-agent listen``: subscribe to a broker, show what comes, and say what is missing.

Exit code 1 when a sequence is missing that no device reported as lost, or evidence arrived damaged.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.config.uplink import Mqtt
from edge_agent.errors import ConfigError, UplinkError
from edge_agent.evidence.assemble import PackWriter
from edge_agent.messages.envelope import Message
from edge_agent.uplink.ledger import Account, Ledger, Noticed, UnreadableError
from edge_agent.uplink.mqtt_connection import connect

_RECONNECT_S = 1.0
_FILTER = re.compile(r"(?:(?:\+|[^+#\0/]*)/)*(?:#|\+|[^+#\0/]+)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--broker", default="mqtt://127.0.0.1:1883", metavar="URL", help="mqtts://host[:port]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--topic", default="edge/v1/#", help="topic filter (default: %(default)s)")
    where.add_argument("--site", help="only this site")
    parser.add_argument("--seconds", type=_seconds, help="stop after this time")
    parser.add_argument("--count", type=_number, help="stop after this many messages")
    parser.add_argument("--since", type=_number, metavar="N", help="expect every device's sequences from N on")
    parser.add_argument("--packs", default="", metavar="FOLDER", help="write evidence packs there")
    parser.add_argument("--json", action="store_true", help="one JSON object a message, then the summary")
    parser.add_argument("--username", default="")
    parser.add_argument("--password-file", default="", metavar="FILE")
    parser.add_argument("--ca", default="", metavar="FILE", help="certificates of the authorities to trust")
    parser.add_argument("--certificate", default="", metavar="FILE")
    parser.add_argument("--key", default="", metavar="FILE")
    parser.add_argument("--insecure", action="store_true", help="allow plain text to another machine")


def _seconds(text: str) -> float:
    if text.replace(".", "", 1).isdecimal() and float(text) > 0:
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds above 0")


def _number(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")


def run(args: argparse.Namespace) -> int:
    """Listens until told to stop, by SIGINT or SIGTERM; the summary is printed all the same."""
    with contextlib.suppress(ValueError):  # not the main thread: somebody else looks after signals
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    return listen(args)


def listen(args: argparse.Namespace) -> int:
    """0 when nothing is missing, else 1. Raises ConfigError for an address or option that cannot be used."""
    try:
        settings = msgspec.convert(
            {
                "broker": args.broker,
                "username": args.username,
                "password_file": args.password_file,
                "insecure": args.insecure,
                "tls": {"ca": args.ca, "certificate": args.certificate, "key": args.key},
                "session_expiry_s": 3600,
            },
            Mqtt,
        )
    except msgspec.ValidationError as error:
        raise ConfigError("command line", "", str(error)) from error
    topic = f"edge/v1/{args.site}/#" if args.site else args.topic
    if not _FILTER.fullmatch(topic):
        allowed = "levels divided by /, of which + stands for any one, and # at the end for all that follow"
        raise ConfigError("command line", "--topic", f"{topic!r} is no topic filter; allowed are {allowed}")
    ledger = Ledger(args.since)
    show = _Show(args.json, PackWriter(Path(args.packs)) if args.packs else None)
    with contextlib.suppress(KeyboardInterrupt):
        _receive(settings, topic, ledger, show, args.seconds, args.count)
    show.summary(ledger)
    return 0 if ledger.complete else 1


def _receive(settings: Mqtt, topic: str, ledger: Ledger, show: _Show, seconds: float | None, count: int | None) -> None:
    client_id = f"edge-listen-{uuid.uuid4().hex[:12]}"
    deadline = time.monotonic() + seconds if seconds is not None else float("inf")
    came = 0
    heard = False
    while time.monotonic() < deadline:
        try:
            connection = connect(settings.addresses[0], settings, client_id)
            connection.subscribe(topic)
            while time.monotonic() < deadline:
                events = connection.step(min(0.5, max(0.0, deadline - time.monotonic())))
                if events.refused:
                    heard = False
                    raise UplinkError("; ".join(events.refused))
                heard = True
                for where, payload in events.received:
                    came += show.message(where, payload, ledger)
                    if count is not None and came >= count:
                        connection.close()
                        return
            connection.close()
        except UplinkError as error:
            if not heard:
                raise
            print(f"{error}; connecting again", file=sys.stderr)
            time.sleep(min(_RECONNECT_S, max(0.0, deadline - time.monotonic())))


class _Show:
    """Prints for a person or for a script."""

    def __init__(self, as_json: bool, packs: PackWriter | None) -> None:
        self._json = as_json
        self._packs = packs

    def message(self, topic: str, payload: bytes, ledger: Ledger) -> int:
        """How many messages there were in ``payload``."""
        try:
            noticed = ledger.update(payload, time.time())
        except UnreadableError as error:
            print(f"{topic}: {error}", file=sys.stderr)
            return 0
        for each in noticed:
            self._one(topic, each)
            self._keep(topic, each.message)
        return len(noticed)

    def _keep(self, topic: str, message: Message) -> None:
        if self._packs is None:
            return
        try:
            self._packs.update(message)
        except (ValueError, OSError) as error:
            print(f"{topic}: not kept: {error}", file=sys.stderr)

    def summary(self, ledger: Ledger) -> None:
        """The end of the report."""
        accounts = ledger.accounts()
        if self._json:
            summary = {"complete": ledger.complete, "unreadable": ledger.unreadable, "devices": accounts}
            self._line({"summary": msgspec.to_builtins(summary)})
            return
        for account in accounts:
            print(_sentence(account))
        if not accounts:
            print("nothing came")
        else:
            print("nothing is missing" if ledger.complete else "SOMETHING IS MISSING")

    def _one(self, topic: str, noticed: Noticed) -> None:
        message = noticed.message
        data = msgspec.json.decode(message.data) if isinstance(message.data, msgspec.Raw) else message.data
        if isinstance(data, dict) and "data" in data and message.type == "edge.evidence.v1":
            data = {**data, "data": f"({len(data['data'])} characters of base64)"}
        if self._json:
            plain = msgspec.to_builtins(msgspec.structs.replace(message, data=data))
            self._line({"topic": topic, "notes": noticed.notes, "message": plain})
            return
        notes = f"  [{', '.join(noticed.notes)}]" if noticed.notes else ""
        channel = topic.removeprefix(message.source + "/")
        print(f"{message.time}  {message.source}  #{message.sequence}  {channel}  {_brief(data)}{notes}", flush=True)

    def _line(self, value: Any) -> None:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()


def _brief(data: Any) -> str:
    text = msgspec.json.encode(data).decode()
    return text if len(text) <= 160 else text[:157] + "..."


def _sentence(account: Account) -> str:
    parts = [
        f"{account.device}: {account.received} messages #{account.first} to #{account.last}",
        f"{account.repeats} repeated",
        f"{account.late} late",
        f"{account.historical} historical",
        f"{account.lost_count} reported lost",
        f"{account.missing_count} missing",
    ]
    if account.missing:
        parts.append("missing " + ", ".join(f"#{a}" if a == b else f"#{a}-#{b}" for a, b in account.missing[:20]))
    return ", ".join(parts)
