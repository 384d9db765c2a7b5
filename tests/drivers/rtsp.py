"""A camera that speaks RTSP (RFC 2326) and sends JPEG over RTP (RFC 2435) inside the same TCP connection."""

from __future__ import annotations

import base64
import socketserver
import struct
import threading
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=gate\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track0\r\n"


class RtspCamera:
    """Serves grey pictures whose level is the number sent; ``transports`` keeps what clients asked for."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.stalled, self.ended = threading.Event(), threading.Event()
        self.sent = 0
        self.transports: list[str] = []
        self.token = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while (request := self._request()) is not None:
                    method, fields = request
                    extra, body = "", ""
                    if camera.token and fields.get("authorization") != camera.token:
                        self._reply("401 Unauthorized", fields, 'WWW-Authenticate: Basic realm="gate"\r\n', "")
                        continue
                    if method == "OPTIONS":
                        extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
                    elif method == "DESCRIBE":
                        extra, body = "Content-Type: application/sdp\r\n", SDP
                    elif method == "SETUP":
                        camera.transports.append(fields["transport"])
                        extra = "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                    self._reply("200 OK", fields, extra, body)
                    if method == "PLAY":
                        self._stream()
                        return

            def _request(self) -> tuple[str, dict[str, str]] | None:
                first = self.rfile.readline().decode()
                if not first.strip():
                    return None
                fields = {}
                while line := self.rfile.readline().decode().strip():
                    name, _, value = line.partition(":")
                    fields[name.lower()] = value.strip()
                return first.split()[0], fields

            def _reply(self, status: str, fields: dict[str, str], extra: str, body: str) -> None:
                head = f"RTSP/1.0 {status}\r\nCSeq: {fields['cseq']}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
                self.wfile.write((head + body).encode())

            def _stream(self) -> None:
                while not camera.ended.wait(0.02):
                    if not camera.stalled.is_set():
                        packet = _packet(camera.sent, np.full((HEIGHT, WIDTH, 3), min(255, camera.sent), np.uint8))
                        try:
                            self.wfile.write(b"$\x00" + struct.pack(">H", len(packet)) + packet)
                        except OSError:
                            return
                        camera.sent += 1

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        login = f"{user}:{password}@" if user else ""
        self.address = f"rtsp://{login}127.0.0.1:{self.server.server_address[1]}/live"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def _packet(number: int, image: np.ndarray[Any, Any]) -> bytes:
    """One RTP packet that holds the whole picture; 4:2:0 is type 1, quality 255 says that tables follow."""
    _, encoded = cv2.imencode(".jpg", image)
    tables, scan = _parts(encoded.tobytes())
    rtp = struct.pack(">BBHII", 0x80, 0x80 | 26, number & 0xFFFF, number * 1800, 1)
    jpeg = struct.pack(">BBHBBBB", 0, 0, 0, 1, 255, WIDTH // 8, HEIGHT // 8)
    return rtp + jpeg + struct.pack(">BBH", 0, 0, len(tables)) + tables + scan


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """The quantisation tables and the entropy-coded scan of a baseline JPEG."""
    tables, at = b"", 2
    while True:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDB:
            segment = data[at + 4 : at + 2 + length]
            tables += b"".join(segment[n + 1 : n + 65] for n in range(0, len(segment), 65))
        at += 2 + length
        if marker == 0xDA:
            return tables, data[at:-2]
