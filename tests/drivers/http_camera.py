"""A camera that serves motion JPEG over HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


class HttpCamera:
    """Serves grey pictures whose level is the number sent, 50 a second; can stall or hang up."""

    def __init__(self, user: str, password: str) -> None:
        self.stalled, self.ended = threading.Event(), threading.Event()
        self.sent = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not camera.ended.wait(0.02):
                    if not camera.stalled.is_set():
                        _, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), min(255, camera.sent), np.uint8))
                        data = jpeg.tobytes()
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                        self.wfile.write(head.encode() + data + b"\r\n")
                        camera.sent += 1

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://{user}:{password}@127.0.0.1:{self.server.server_port}/live.mjpg"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
