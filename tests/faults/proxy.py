"""A TCP proxy on loopback that cuts and stalls what passes through it."""

from __future__ import annotations

import select
import socket
import threading

from tests.brokers import free_port


class Proxy:
    """Listens on ``port`` and connects each client to ``target``; ``passed`` counts bytes, both ways."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.passed = 0
        self._target = target
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._cut = threading.Event()
        self._stalled = threading.Event()
        self._stop = threading.Event()
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Resets every connection."""
        self._cut.set()

    def stall(self, stalled: bool) -> None:
        """Stops, or goes on, passing bytes; connections stay open."""
        (self._stalled.set if stalled else self._stalled.clear)()

    def close(self) -> None:
        """Ends it."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._cut.is_set():
                self._cut.clear()
                self._drop_all()
            watched = [self._server, *([] if self._stalled.is_set() else self._pairs)]
            for ready in select.select(watched, [], [], 0.05)[0]:
                if ready is self._server:
                    self._accept()
                elif ready in self._pairs:
                    self._pass_on(ready)
        self._drop_all()
        self._server.close()

    def _accept(self) -> None:
        client, _ = self._server.accept()
        try:
            target = socket.create_connection(("127.0.0.1", self._target), 1.0)
        except OSError:
            client.close()
            return
        self._pairs[client], self._pairs[target] = target, client

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if data:
                self.passed += len(data)
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._drop(source)

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one)
        self._pairs.pop(other)
        one.close()
        other.close()

    def _drop_all(self) -> None:
        for one in list(self._pairs):
            if one in self._pairs:
                self._drop(one)
