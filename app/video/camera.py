"""Cameras: plugged in, through OpenCV; on the network, through PyAV, with automatic reconnection.

The screen counts as one (app.video.screen).

Times are by this machine's clock: `time_s` is when the frame arrived, counted from the first.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Self
from urllib.parse import parse_qs, urlsplit

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from app.video.screen import Screen
from app.video.source import SCREENS, MediaError
from pose.people import Frame, ImageArray

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 6.0
STALL_S = 3.0  # a network camera that sends nothing for this long is reconnected
RETRY_S = (0.5, 1.0, 2.0, 5.0)  # waits between tries to reconnect; the last repeats for ever
# Low latency: no buffering to reorder or probe; TCP, since lost UDP packets smear the picture
_OPTIONS = {"fflags": "nobuffer", "flags": "low_delay", "rtsp_transport": "tcp"}


class CameraSource:
    """Frames of a camera (`0`, `/dev/video0`, `camera://0?size=1280x720&rate=30`), of a stream
    (`rtsp://...`, `http://...`) or of the screen (`screen`, `screen:left`); see FrameSource.
    `stop` may be called from any thread.
    """

    live = True
    frame_count: int | None = None

    def __init__(self, spec: str) -> None:
        self.name = spec
        self._stopped = threading.Event()
        self._camera: _Plugged | _Stream | Screen
        if spec in SCREENS:
            self._camera = Screen(spec)
        elif spec.isdecimal() or spec.startswith(("/dev/video", "camera://")):
            self._camera = _Plugged(spec)
        else:
            self._camera = _Stream(spec, self._stopped)
        self.size_wh = self._camera.size_wh
        self.frame_rate = self._camera.frame_rate

    @property
    def trouble(self) -> str:
        """What the source is waiting for, in one line; empty while frames arrive."""
        return self._camera.trouble

    def __iter__(self) -> Iterator[Frame]:
        start_s: float | None = None
        index = 0
        while not self._stopped.is_set() and (image := self._camera.read()) is not None:
            now_s = time.monotonic()
            start_s = now_s if start_s is None else start_s
            yield Frame(index, now_s - start_s, image)
            index += 1

    def seek(self, time_s: float) -> None:
        """Raise MediaError: a camera has no past."""
        raise MediaError(f"{self.name}: a camera cannot be sent to a time")

    def skip(self, count: int) -> int:
        """Skip up to `count` frames; return how many."""
        passed = 0
        while passed < count and not self._stopped.is_set() and self._camera.read() is not None:
            passed += 1
        return passed

    def stop(self) -> None:
        """End the iteration, even while it waits to reconnect."""
        self._stopped.set()

    def close(self) -> None:
        """Release the camera; safe to call twice."""
        self._stopped.set()
        self._camera.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_spec(spec: str) -> tuple[int, tuple[int, int] | None, Fraction | None]:
    """Number, (width, height) and rate that `0`, `/dev/video0` or `camera://0?...` ask for.

    None leaves the choice to the camera. Raises MediaError.
    """
    parts = urlsplit(spec if "://" in spec else f"camera://{spec.removeprefix('/dev/video')}")
    wanted = parse_qs(parts.query)
    try:
        size_wh = None
        if "size" in wanted:
            width, height = map(int, wanted["size"][0].split("x"))
            size_wh = width, height
        rate = Fraction(wanted["rate"][0]) if "rate" in wanted else None
        return int(parts.netloc), size_wh, rate
    except (ValueError, ZeroDivisionError):
        raise MediaError(
            f"{spec}: not a camera; write its number, 0, or camera://0?size=1280x720&rate=30"
        ) from None


def open_plugged(index: int) -> cv2.VideoCapture:
    """Camera `index` in OpenCV, which is told to leave it to us to say what is wrong."""
    # Its warnings go to the terminal: three lines for a camera that is missing
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2.VideoCapture(index)


class _Plugged:
    """A camera plugged into this machine."""

    trouble = ""

    def __init__(self, spec: str) -> None:
        self._spec = spec
        index, size_wh, rate = parse_spec(spec)
        self._capture = open_plugged(index)
        if not self._capture.isOpened():
            raise MediaError(
                f"camera {index}: cannot be opened; check that it is plugged in "
                "and that no other program uses it"
            )
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # never deliver an old picture
        if size_wh is not None:
            # Uncompressed pictures of this size do not fit through USB 2 at full rate
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
        if rate is not None:
            self._capture.set(cv2.CAP_PROP_FPS, float(rate))
        self.size_wh = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        given = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = Fraction(given).limit_denominator(1001) if given > 0 else None

    def read(self) -> ImageArray | None:
        there, image = self._capture.read()
        if not there:
            raise MediaError(
                f"{self._spec}: the camera gives no more pictures; plug it in again and restart it"
            )
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        self._capture.release()


class _Stream:
    """A network stream. The first connection must succeed; reconnection is tried for ever."""

    def __init__(self, url: str, stopped: threading.Event) -> None:
        self.trouble = ""
        self._url = url
        self._stopped = stopped
        self._reformatter = VideoReformatter()
        self._container, self._stream = self._connect()
        context = self._stream.codec_context
        self.size_wh = (context.width, context.height)
        rate = self._stream.average_rate
        self.frame_rate = Fraction(rate) if rate and 0 < rate <= 240 else None
        self._finite = bool(self._container.duration)  # a video file on a server: played once
        # Both deliver frames faster than real time: a file all of them, HLS segment by segment
        self._paced = self._finite or self._container.format.name == "hls"
        self._began_s = -float("inf")  # when a frame of time 0 is due
        self._frames = self._container.decode(self._stream)

    def read(self) -> ImageArray | None:
        """The next picture, after reconnecting if needed; None at the end or when stopped.

        Raises MediaError if a video file breaks off.
        """
        while not self._stopped.is_set():
            try:
                decoded = next(self._frames, None)
            except (av.error.FFmpegError, OSError) as error:
                log.info("%s: %s", self._url, error)
                if self._finite:
                    raise MediaError(f"{self._url}: breaks off ({error})") from None
                decoded = None
            if decoded is not None:
                self.trouble = ""
                if self._paced and decoded.time is not None:
                    self._wait_until_due(decoded.time)
                picture = self._reformatter.reformat(decoded, *self.size_wh, "bgr24")
                return np.asarray(picture.to_ndarray(), np.uint8)
            if self._finite:
                return None
            self._reconnect()
        return None

    def close(self) -> None:
        with contextlib.suppress(av.error.FFmpegError, OSError):  # the connection may be gone
            self._container.close()

    def _connect(self) -> tuple[av.container.InputContainer, av.VideoStream]:
        try:
            container = av.open(self._url, options=_OPTIONS, timeout=(OPEN_TIMEOUT_S, STALL_S))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(
                f"{self._url}: no connection ({reason}); check the address and the network"
            ) from None
        if not container.streams.video:
            container.close()
            raise MediaError(f"{self._url}: the stream has no pictures")
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"  # frame threads delay the picture by one frame per thread
        return container, stream

    def _wait_until_due(self, time_s: float) -> None:
        """Wait until the frame of `time_s` is due; restart the clock if off by over STALL_S."""
        ahead_s = self._began_s + time_s - time.monotonic()
        if abs(ahead_s) > STALL_S:
            self._began_s, ahead_s = time.monotonic() - time_s, 0.0
        self._stopped.wait(max(0.0, ahead_s))

    def _reconnect(self) -> None:
        """Close and reconnect; returns once connected or stopped."""
        self.close()
        tries = 0
        while not self._stopped.is_set():
            self.trouble = f"{self._url}: connection lost, trying again ({tries + 1})"
            if self._stopped.wait(RETRY_S[min(tries, len(RETRY_S) - 1)]):
                return
            tries += 1
            try:
                self._container, self._stream = self._connect()
            except MediaError as error:
                log.info("%s", error)
                continue
            self._frames = self._container.decode(self._stream)
            return
