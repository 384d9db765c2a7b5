"""Real brokers for tests: each started on a free port with a folder of its own, stopped, killed and started again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

READY_WITHIN_S = 90.0


# Under the ports that connections are given as their own (32,768 and up): one of those would be free now and taken by
# another test's connection while a broker restarts. Every process counts from a place of its own.
_PORTS = range(10_000, 32_000)
_candidates = itertools.cycle([*_PORTS[os.getpid() * 997 % len(_PORTS) :], *_PORTS[: os.getpid() * 997 % len(_PORTS)]])


def free_port() -> int:
    """A port nobody listens on now, and that nobody but us is going to take."""
    for port in itertools.islice(_candidates, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port from {_PORTS.start} to {_PORTS.stop} is free")


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until something accepts connections there."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the broker ended at once:\n{log.read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"the broker did not listen on {port} within {READY_WITHIN_S} s:\n{log.read_text()[-2000:]}")


def program(name: str, package: str) -> str:
    """Where ``name`` is; the test fails with what to install when it is nowhere."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/rabbitmq/bin")
    if found is None:
        pytest.fail(f"{name} is missing; install it with: apt-get install {package}", pytrace=False)
    return found


class Broker:
    """A process with a port; subclasses say how it is started."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """For ``broker`` in the configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Added to ours."""
        return {}

    def start(self) -> None:
        """Returns when it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, env={**os.environ, **self.environment()}
            )
        wait_for_port(self.port, self._process, self._log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, by default so that it writes its persistence; nothing where it does not run."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(READY_WITHIN_S)
            self._process = None

    def restart(self) -> None:
        """Stops and starts it with the same port and folder."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Lets it hang: connections stay, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Ends ``freeze``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class Mosquitto(Broker):
    """Mosquitto 2 with persistence; ``extra`` are more lines of its configuration."""

    def __init__(self, folder: Path, extra: str = "", *, anonymous: bool = True, listener: str = "") -> None:
        super().__init__(folder)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}"
            f"allow_anonymous {str(anonymous).lower()}\n"
            "log_type error\nlog_type warning\nlog_type notice\nlog_type information\nlog_type subscribe\n"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\n"
            f"{'' if os.geteuid() else f'user root{chr(10)}'}{extra}\n"
        )

    def command(self) -> list[str]:
        return [program("mosquitto", "mosquitto mosquitto-clients"), "-c", str(self._config)]

    def read(self, topic: str, count: int, timeout_s: float = 20.0) -> list[str]:
        """``count`` payloads of ``topic`` as mosquitto_sub sees them, one a line."""
        sub = program("mosquitto_sub", "mosquitto mosquitto-clients")
        done = subprocess.run(
            [sub, "-p", str(self.port), "-t", topic, "-C", str(count), "-W", str(int(timeout_s)), "-q", "1"],
            capture_output=True,
            text=True,
            timeout=timeout_s + 5,
            check=False,
        )
        return done.stdout.splitlines()


class Nats(Broker):
    """NATS with JetStream and MQTT; ``cluster`` gives the route ports of all nodes, this one's first."""

    def __init__(self, folder: Path, cluster: tuple[int, ...] = ()) -> None:
        super().__init__(folder)
        self._config = folder / "nats.conf"
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in cluster)
        clustered = (
            f'cluster {{ name: "edge", listen: "127.0.0.1:{cluster[0]}", routes: [{routes}] }}\n' if cluster else ""
        )
        replicas = f", stream_replicas: {len(cluster)}, consumer_replicas: {len(cluster)}" if cluster else ""
        self._config.write_text(
            f'server_name: "node-{self.port}"\nlisten: "127.0.0.1:{free_port()}"\n'
            f'jetstream {{ store_dir: "{folder}/store" }}\n{clustered}'
            f'mqtt {{ listen: "127.0.0.1:{self.port}"{replicas} }}\n'
        )

    def command(self) -> list[str]:
        return [program("nats-server", "nats-server"), "-c", str(self._config)]


class RabbitMq(Broker):
    """RabbitMQ with its MQTT plugin, in an Erlang node of its own or, before it is started, made one of a cluster."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.node = f"edge{self.port}@localhost"
        self._names = free_port()
        (folder / "enabled_plugins").write_text("[rabbitmq_mqtt].\n")
        (folder / ".erlang.cookie").write_text("edge")
        (folder / ".erlang.cookie").chmod(0o400)
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {free_port()}\nmqtt.listeners.tcp.default = {self.port}\n"
            "mqtt.allow_anonymous = true\nmqtt.default_user = guest\nmqtt.default_pass = guest\n"
            "default_user = guest\ndefault_pass = guest\n"
        )

    @staticmethod
    def join(nodes: Sequence[RabbitMq]) -> None:
        """Writes into the configuration of each that they belong together."""
        formation = "cluster_formation.peer_discovery_backend = classic_config\n" + "".join(
            f"cluster_formation.classic_config.nodes.{n} = {node.node}\n" for n, node in enumerate(nodes, 1)
        )
        for node in nodes:
            node._names = nodes[0]._names
            with (node.folder / "rabbitmq.conf").open("a") as config:
                config.write(formation)

    def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` answers."""
        found = program("rabbitmqctl", "rabbitmq-server")
        inner = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
        done = subprocess.run(
            [str(inner) if inner.exists() else found, "-n", self.node, *arguments],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=READY_WITHIN_S,
            check=True,
        )
        return done.stdout

    def command(self) -> list[str]:
        found = program("rabbitmq-server", "rabbitmq-server")
        inner = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return [str(inner) if inner.exists() else found]

    def environment(self) -> dict[str, str]:
        here = str(self.folder)
        return {
            "HOME": here,
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_MNESIA_BASE": f"{here}/mnesia",
            "RABBITMQ_LOG_BASE": f"{here}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/enabled_plugins",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_PID_FILE": f"{here}/pid",
            "ERL_EPMD_PORT": str(self._names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if how is signal.SIGKILL and self._process is not None:
            # The server is a child of the script that was started, which cannot hand this signal on.
            with suppress(ProcessLookupError):
                os.kill(int((self.folder / "pid").read_text()), how)
        super().stop(how)
        epmd = shutil.which("epmd")
        if epmd:
            subprocess.run([epmd, "-port", str(self._names), "-kill"], capture_output=True, check=False, timeout=10)
