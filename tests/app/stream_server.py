"""Network cameras on loopback for tests: RTSP with Motion JPEG (RFC 2326, 2435), and HLS."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np

SIZE_WH = (160, 120)
RATE = 25
PACKET_BYTES = 1200


def picture(index: int) -> np.ndarray:
    """A plain grey picture that differs from the one before."""
    return np.full((SIZE_WH[1], SIZE_WH[0], 3), 40 + index * 7 % 200, np.uint8)


class RtspCamera:
    """One stream, packets interleaved with the answers on the same TCP connection."""

    def __init__(self, port: int = 0) -> None:
        handler = type("Handler", (_RtspHandler,), {"connections": self})
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._open: list[socket.socket] = []
        self.port = self._server.server_address[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def add(self, connection: socket.socket) -> None:
        """Remember a connection, to break it off."""
        self._open.append(connection)

    def close(self) -> None:
        """Break off every connection and give the port back."""
        self._server.shutdown()
        self._thread.join()
        for connection in self._open:
            with_linger = struct.pack("ii", 1, 0)  # a reset, as of a camera without power
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, with_linger)
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._server.server_close()


class _RtspHandler(socketserver.StreamRequestHandler):
    connections: RtspCamera

    def handle(self) -> None:
        self.connections.add(self.connection)
        try:
            while (request := self._request()) is not None:
                self._answer(*request)
                if request[0] == "PLAY":
                    self._play()
        except OSError:  # whoever looked is gone
            return

    def _request(self) -> tuple[str, str] | None:
        """The method and the sequence number of the next request."""
        line = self.rfile.readline().decode()
        if not line:
            return None
        sequence = ""
        while header := self.rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            if name.lower() == "cseq":
                sequence = value.strip()
        return line.split()[0], sequence

    def _answer(self, method: str, sequence: str) -> None:
        headers, body = [f"CSeq: {sequence}"], ""
        if method == "OPTIONS":
            headers.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        if method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 26\r\na=control:video\r\n"
                f"a=framerate:{RATE}\r\n"
            )
            headers += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        if method in ("SETUP", "PLAY"):
            headers.append("Session: 1")
        if method == "SETUP":
            headers.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        text = "RTSP/1.0 200 OK\r\n" + "\r\n".join(headers) + "\r\n\r\n" + body
        self.wfile.write(text.encode())

    def _play(self) -> None:
        number = 0
        for index in range(10**6):
            scan, tables = _jpeg_parts(picture(index))
            stamp = index * 90000 // RATE
            for offset in range(0, len(scan), PACKET_BYTES):
                piece = scan[offset : offset + PACKET_BYTES]
                last = offset + PACKET_BYTES >= len(scan)
                rtp = struct.pack(">BBHII", 0x80, 26 | last << 7, number % 65536, stamp, 7)
                # Type 1 is 4:2:0; Q 255 says that the tables are in the first packet
                jpeg = struct.pack(">IBBBB", offset, 1, 255, SIZE_WH[0] // 8, SIZE_WH[1] // 8)
                if offset == 0:
                    jpeg += struct.pack(">BBH", 0, 0, len(tables)) + tables
                packet = rtp + jpeg + piece
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                number += 1
            time.sleep(1 / RATE)


def _jpeg_parts(image: np.ndarray) -> tuple[bytes, bytes]:
    """The entropy-coded scan and the two quantisation tables of `image` as JPEG 4:2:0."""
    options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    data = cv2.imencode(".jpg", image, options)[1].tobytes()
    tables, place = b"", 2
    while data[place + 1] != 0xDA:  # start of scan
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        if data[place + 1] == 0xDB:
            body = data[place + 4 : place + 2 + length]
            tables += b"".join(body[i + 1 : i + 65] for i in range(0, len(body), 65))
        place += 2 + length
    length = struct.unpack(">H", data[place + 2 : place + 4])[0]
    return data[place + 2 + length : -2], tables


class BreakingFilm:
    """A film over HTTP of which only the first 60% are ever sent."""

    def __init__(self, film: Path) -> None:
        content = film.read_bytes()

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) * 6 // 10])
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/film.mkv"
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._serving.start()

    def close(self) -> None:
        """End the thread and give the port back."""
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()


class HlsCamera:
    """A live playlist of half-second pieces over HTTP, that grows while it is looked at."""

    def __init__(self, folder: Path, pieces: int = 40) -> None:
        self._folder, self._pieces = folder, pieces
        handler = partial(_QuietHandler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/live.m3u8"
        self._ending = threading.Event()
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._writing = threading.Thread(target=self._write)
        self._serving.start()
        self._writing.start()

    def close(self) -> None:
        """End both threads."""
        self._ending.set()
        self._writing.join()
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()

    def _write(self) -> None:
        options = {"hls_time": "0.5", "hls_list_size": "6", "hls_flags": "omit_endlist"}
        with av.open(str(self._folder / "live.m3u8"), "w", format="hls", options=options) as out:
            stream = out.add_stream("libx264", rate=RATE, options={"g": "12", "bf": "0"})
            stream.width, stream.height = SIZE_WH
            stream.pix_fmt = "yuv420p"
            for index in range(self._pieces * RATE // 2):
                frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
                out.mux(stream.encode(frame))
                if self._ending.wait(1 / RATE if index > 3 * RATE else 0):
                    break
            out.mux(stream.encode(None))


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
