"""A small MQTT 3.1.1 broker in a thread of this process, for the demo where no other is at hand. Loopback only."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from types import TracebackType

from edge_agent.errors import EdgeAgentError

_START_WITHIN_S = 20.0


class BrokerError(EdgeAgentError):
    """The embedded broker did not start."""


class EmbeddedBroker:
    """A context manager; ``url`` says where it listens."""

    def __init__(self) -> None:
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def __enter__(self) -> EmbeddedBroker:
        self._thread.start()
        if not self._started.wait(_START_WITHIN_S) or self._error:
            raise BrokerError(
                f"the embedded broker did not start ({self._error}); install the extra with "
                "pip install 'edge-agent[demo]', or name a broker with --broker mqtt://127.0.0.1:1883"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_WITHIN_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - told by __enter__, in the thread that waits for it
            self._error = error
            self._started.set()

    async def _serve(self) -> None:
        from amqtt.broker import Broker

        for name in ("amqtt", "transitions", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        await broker.start()
        self.url = f"mqtt://127.0.0.1:{port}"
        self._started.set()
        await self._stop.wait()
        await broker.shutdown()
