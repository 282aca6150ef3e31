"""The screen as a camera, through the device of FFmpeg that grabs it on this system.

`screen` is all of it, `screen:left` and `screen:right` a half: Posse's own window, with the people
it draws, would otherwise be in the picture.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from app.video.source import MediaError
from pose.people import ImageArray

RATE = Fraction(30)


@dataclass(frozen=True, slots=True)
class Grabber:
    """An input device of FFmpeg, https://ffmpeg.org/ffmpeg-devices.html."""

    name: str
    screen: str  # what it calls the screen
    options: dict[str, str] = field(default_factory=dict)


class Screen:
    """One of SCREENS; CameraSource reads it."""

    trouble = ""

    def __init__(self, spec: str) -> None:
        grabber = grabber_here()
        if grabber.name not in av.formats_available:
            raise MediaError(
                f"{spec}: the installed PyAV cannot grab the screen (it lacks {grabber.name}); "
                "install it with pip"
            )
        options = {"framerate": str(RATE), **grabber.options}
        try:
            self._container = av.open(grabber.screen, format=grabber.name, options=options)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(
                f"{spec}: cannot be grabbed ({reason}); check that this program may see it"
            ) from None
        stream = self._container.streams.video[0]
        self._frames = self._container.decode(stream)
        self._reformatter = VideoReformatter()
        self._spec = spec
        width, height = stream.codec_context.width, stream.codec_context.height
        middle = width // 2
        halves = {"left": (0, middle), "right": (middle, width)}
        self._columns = halves.get(spec.partition(":")[2], (0, width))
        self.size_wh = self._columns[1] - self._columns[0], height
        self.frame_rate: Fraction | None = RATE

    def read(self) -> ImageArray:
        """The picture now. Raises MediaError where there is none any more."""
        try:
            decoded = next(self._frames, None)
        except (av.error.FFmpegError, OSError):
            decoded = None
        if decoded is None:  # as after another resolution was set
            raise MediaError(f"{self._spec}: the screen gives no more pictures; restart it")
        picture = self._reformatter.reformat(decoded, format="bgr24").to_ndarray()
        return np.ascontiguousarray(picture[:, slice(*self._columns)], np.uint8)

    def close(self) -> None:
        """Release the screen; safe to call twice."""
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()


def grabber_here() -> Grabber:
    """What grabs the screen on this system. Raises MediaError where nothing can."""
    if sys.platform == "win32":
        return Grabber("gdigrab", "desktop", {"draw_mouse": "0"})
    if sys.platform == "darwin":
        # It offers no default that its screens have; of those they have, this needs no conversion
        return Grabber("avfoundation", "Capture screen 0:none", {"pixel_format": "bgr0"})
    if os.environ.get("WAYLAND_DISPLAY"):  # to an X11 program the screen there is black
        raise MediaError(
            "screen: under Wayland no program sees it; choose Xorg where the login offers it"
        )
    display = os.environ.get("DISPLAY")
    if not display:
        raise MediaError("screen: there is none here (DISPLAY is not set)")
    return Grabber("x11grab", display, {"draw_mouse": "0"})
