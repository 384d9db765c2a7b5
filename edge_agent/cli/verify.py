"""``edge-agent verify PACK…``: what an evidence pack proves and what it does not, offline.

PACK is a folder, or a zip or tar of it; a folder of packs (a device's evidence folder, or what ``listen --packs``
wrote) must hold every link of its chain between the first and the last. That none was cut off at an end is seen with
``--span``, from the numbers in the device's health messages. Exit code 0 when all is as it was signed (with ``--key``:
by that key), 1 when not, 2 for wrong usage. Anybody can make a key: without ``--key`` nobody's hand is proven, and the
verdict is UNCHANGED, in ``--json`` too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_agent.errors import ConfigError
from edge_agent.evidence.key import load_key, read_public_key
from edge_agent.evidence.packs import Found, UnreadablePackError, open_packs
from edge_agent.evidence.verify import ASK_KEY, ChainReport, PackReport, chains, judge, plain

_MOST_DIGITS = 18


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Packs, and what is known of them."""
    parser.add_argument("packs", nargs="*", metavar="PACK", help="folder, zip or tar: a pack, or a folder of packs")
    parser.add_argument("--key", help="the device's public key: 64 hexadecimal digits or a PEM file")
    parser.add_argument("--span", metavar="FIRST-LAST", help="numbers that one chain must hold, such as 1-17")
    parser.add_argument("--whole", action="store_true", help="pieces that were not sent must be there too")
    parser.add_argument("--json", action="store_true", help="one JSON object a pack, then the summary")
    parser.add_argument("--show-key", metavar="CONFIG", help="print the public key of a configured device, and stop")


def run(args: argparse.Namespace) -> int:
    """Verifies and prints."""
    if args.show_key:
        print(public_key(Path(args.show_key)))
        return 0
    if not args.packs:
        raise ConfigError("command line", "PACK", "is missing: name a pack or a folder of packs")
    try:
        key = "" if args.key is None else read_public_key(args.key)
    except ValueError as error:
        raise ConfigError("command line", "--key", str(error)) from error
    verdict = _Verdict(key, _span(args.span), whole=args.whole, as_json=args.json)
    for path in args.packs:
        verdict.take(Path(path))
    return 0 if verdict.summary() else 1


def public_key(file: Path) -> str:
    """The public key of the device configured in ``file``. Raises ConfigError; makes no key."""
    from edge_agent.config import load
    from edge_agent.outbox.recorder import configured_seal

    key_file = configured_seal(load(file)).key_file
    if not key_file.exists():
        raise ConfigError(key_file, "", "is not there yet; the agent makes it when it first starts with a camera")
    return load_key(key_file).public


def _span(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    numbers = [int(each) for each in (first, last) if each.isdecimal() and len(each) <= _MOST_DIGITS]
    if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        raise ConfigError("command line", "--span", f"{text!r} is not FIRST-LAST, such as 1-17")
    return numbers[0], numbers[1]


class _Verdict:
    """Takes one argument after the other; ``summary`` judges their chains."""

    def __init__(self, key: str, span: tuple[int, int] | None, *, whole: bool, as_json: bool) -> None:
        self._key = key
        self._span = span
        self._whole = whole
        self._json = as_json
        self._complete = span is not None
        self._reports: list[PackReport] = []
        self._problems: list[str] = []

    def take(self, path: Path) -> None:
        try:
            with open_packs(path) as found:
                self._found(found)
        except UnreadablePackError as error:
            self._problems.append(str(error))

    def summary(self) -> bool:
        """Prints it; whether everything is as it was signed, and by the key if one was given."""
        found = chains(self._reports, complete=self._complete)
        problems = [*self._problems, *(problem for link in found for problem in link.problems)]
        problems += self._out_of_span(found)
        for device in sorted({(report.site, report.device) for report in self._reports}):
            keys = {report.key for report in self._reports if (report.site, report.device) == device}
            if len(keys) > 1:
                problems.append(f"packs of {device[1]} are signed by {len(keys)} keys; give --key and the packs of one")
        good, count = sum(report.verdict != "not proven" for report in self._reports), len(self._reports)
        holds = bool(self._reports) and not problems and good == count
        if self._json:
            links = [plain(link) for link in found]
            verdict = ("proven" if self._key else "unchanged") if holds else "not proven"
            self._line({"summary": {"verdict": verdict, "packs": count, "packs_good": good,
                                    "chains": links, "problems": problems}})  # fmt: skip
            return holds
        for link in found:
            _say(_chain_sentence(link))
        for problem in problems:
            _say(f"    ✗ {problem}")
        for question in self._open_questions(found):
            _say(f"    ? not proven: {question}")
        _say(self._sentence(good, count, holds=holds))
        return holds

    def _open_questions(self, found: list[ChainReport]) -> list[str]:
        """What is open of all packs alike."""
        out = []
        if not self._key:
            out += [f"that the key {link.key} belongs to {link.device}: {ASK_KEY}" for link in found]
        if found and self._span is None:
            out.append("that no pack came before or after these: give --span and the numbers in its health messages")
        return out

    def _sentence(self, good: int, count: int, *, holds: bool) -> str:
        if not count:
            return "NOT PROVEN: there is no pack here to judge"
        if good < count:
            return f"NOT PROVEN: {count - good} of {count} packs; ✗ above says why"
        if not holds:
            return f"NOT PROVEN: each of the {count} packs is as it was signed, but not all of them together: see ✗"
        if self._key:
            return f"PROVEN: {count} of {count} packs are as the device with this key signed them"
        return f"UNCHANGED: {count} of {count} packs are as they were signed; by whom is proven only with --key"

    def _out_of_span(self, found: list[ChainReport]) -> list[str]:
        if self._span is None:
            return []
        if len(found) != 1:
            return [f"--span is of one chain; these packs are of {len(found)}"]
        first, last = self._span
        if found[0].first <= first and found[0].last >= last:
            return []
        return [f"numbers {first} to {last} are expected, {found[0].first} to {found[0].last} are here"]

    def _found(self, found: Found) -> None:
        if not found.packs:
            raise UnreadablePackError(f"{found.path} holds no manifest.jsonl: it is no evidence pack")
        self._problems += [f"{found.path}: {name} lies in no pack: no manifest names it" for name in found.strays]
        self._complete |= not found.single
        for pack in found.packs:
            report = judge(pack, key=self._key, whole=self._whole)
            gone = [file.name for file in report.files if file.state == "removed"]
            if found.single and gone:
                report.verdict = "not proven"
                report.problems.append(f"the device removed {', '.join(gone)}; only the manifest can be verified")
            self._reports.append(report)
            self._show(report)

    def _show(self, report: PackReport) -> None:
        if self._json:
            self._line({"pack": plain(report)})
            return
        _say(f"{report.verdict.upper()}  {report.place}")
        if report.number:
            _say(f"    {report.kind} by {report.device} of {report.site}, {_clock_face(report.time)}")
            if report.message not in report.place:
                _say(f"    message {report.message}")
        for problem in report.problems:
            _say(f"    ✗ {problem}")
        same = [f"{file.name} ({file.role})" for file in report.files if file.state == "unchanged"]
        if same and report.signed:
            _say(f"    ✓ byte for byte as signed: {', '.join(same)}")
        if report.signed:
            _say(f"    ✓ number {report.number} of its chain, signed by the key {report.key[:8]}…")
        for question in report.not_proven:
            if ASK_KEY not in question:
                _say(f"    ? not proven: {question}")

    @staticmethod
    def _line(value: Any) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)


def _say(line: str) -> None:
    """One line, whatever names and manifests of others hold: what does not print, or turns the writing, is escaped."""
    print("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line))


def _chain_sentence(link: ChainReport) -> str:
    span = f"number {link.first}" if link.first == link.last else f"numbers {link.first} to {link.last}"
    holes = f", {len(link.missing)} of them not here" if link.missing else ""
    return f"Chain {link.chain} of {link.device}: {span}{holes}"


def _clock_face(time: str) -> str:
    return f"{time[:10]} {time[11:].removesuffix('Z')} UTC"
