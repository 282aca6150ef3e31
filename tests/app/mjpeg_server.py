"""An MJPEG camera on loopback: `python mjpeg_server.py PORT FRAMES`; FRAMES per connection, then
it hangs up in the middle of a picture."""

from __future__ import annotations

import itertools
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


class Camera(BaseHTTPRequestHandler):
    frames = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in itertools.count():
            image = np.full((120, 160, 3), (index * 5) % 250, np.uint8)
            jpeg = cv2.imencode(".jpg", image)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            if index == self.frames:
                self.wfile.write(head.encode() + jpeg[: len(jpeg) // 2])
                return
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.02)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Camera.frames = int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Camera)
    print(server.server_address[1], flush=True)
    server.serve_forever()
