"""``python -m tests.uplink.brokers_table > docs/brokers.md``: runs the checks on every broker and writes the page."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.uplink.test_brokers import BROKERS, CHECKS, examine

HEAD = """# Brokers

What works on which broker, as found by the checks of `tests/uplink/test_brokers.py`, each on a broker started for it
on loopback. Written by `python -m tests.uplink.brokers_table > docs/brokers.md`; versions are those of Debian 12.

"""

TAIL = """
The agent speaks MQTT 5 and falls back to 3.1.1 by itself where the broker refuses it, hangs up on it, or lets it wait
for 5 s; `version = "3.1.1"` in `[[mqtt]]` spares that wait. In 3.1.1 there are no reason codes: a message that the
broker does not want is acknowledged and dropped by the broker, or it hangs up; the agent then halves its packets after
three connections without an acknowledgement, and never counts a lost connection against a message.

## Several nodes

`broker` may be a list, tried in turn. `tests/uplink/test_brokers.py` kills the node in use while 200 violations are
being recorded:

| nodes | what comes |
|---|---|
| two Mosquittos, not joined | the second gets the rest, nothing is missing |
| three RabbitMQ, sessions mirrored | everything, also to a session begun on the killed node (3 of 3 runs) |
| three NATS, streams on all | another node acknowledges everything; see below |

What NATS 2.9.10 delivers afterwards is its own matter: when it was restarted in mid-stream, in 4 of 7 runs it had
acknowledged up to eight messages that it never delivered to a subscriber with a session. Where one broker is not
enough, take the RabbitMQ cluster; a city that runs NATS should take a newer one and try this first.

## What to set on each

- **Mosquitto**: `max_queued_messages 0` and a bound in bytes. The default of 1000 messages drops silently what a
  platform would have got that was away. `config/mosquitto/` has a TLS broker and an ACL. Mosquitto 2.0.11 hangs up
  after it has refused a message; the agent reconnects and the refusal is counted.
- **RabbitMQ**: enable `rabbitmq_mqtt`; sessions of subscribers are queues (`mqtt-subscription-…`), give them a policy
  with a length and, in a cluster, with `"ha-mode": "all", "ha-sync-mode": "automatic"`: else one dies with its node.
- **NATS**: needs JetStream and a `server_name`; topics must not contain dots before 2.10, so neither must `device.id`
  and `device.site`.
- **embedded**: for the demo only. It keeps everything in memory.
"""


def main() -> None:
    """Prints the page."""
    rows = {}
    for name in BROKERS:
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = examine(name, Path(folder))
            sys.stderr.write(f"{name}: {rows[name]}\n")
    out = [HEAD, f"| | {' | '.join(f'{n} {version(n)}'.strip() for n in rows)} |\n", f"|---|{'---|' * len(rows)}\n"]
    out += [f"| {what} | {' | '.join(row[what] for row in rows.values())} |\n" for what in CHECKS]
    sys.stdout.write("".join([*out, TAIL]))


def version(name: str) -> str:
    """The installed one."""
    package = BROKERS[name][1]
    if not package:
        from importlib.metadata import version as installed

        return installed("amqtt")
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
    )
    return done.stdout.partition("-")[0]


if __name__ == "__main__":
    main()
