"""Which frames of a clip tracks cover, and how the frames were framed, from the tracks' header."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.video.framing import Framing
from pose.reading import number, reading, whole
from tracking.files import ClipInfo, TracksFileError


@dataclass(frozen=True, slots=True)
class Taken:
    """The frames that tracks cover."""

    framing: Framing  # coordinates are in pixels of pictures framed like this
    every: int  # every Nth frame was taken
    begins_s: float  # seconds skipped at the start of the clip
    start_frame: int  # frames skipped after that

    @property
    def as_they_are(self) -> bool:
        """True if, from the start on, every frame was taken, and none was cropped or turned."""
        return self.framing == Framing() and self.every == 1

    @property
    def begins_later(self) -> bool:
        """True if the beginning of the clip was left out."""
        return self.begins_s > 0 or self.start_frame > 0


def taken_of(info: ClipInfo, tracks: Path) -> Taken:
    """What the header `info` of `tracks` says; the whole clip if it says nothing.

    Raises TracksFileError if the header is malformed.
    """
    with reading(f"{tracks}: what it says of its clip", TracksFileError):
        clip = info.settings.get("clip", {})
        crop = clip.get("crop")
        x, y, width, height = map(whole, crop or (0, 0, 0, 0))
        begins_s, *_ = clip.get("time_range") or (0.0,)  # the end may be infinite, null in JSON
        return Taken(
            Framing(
                (x, y, width, height) if crop else None,
                whole(clip.get("rotate", 0)),
                bool(clip.get("mirror", False)),
            ),
            whole(clip.get("every", 1)),
            number(begins_s),
            whole(clip.get("start_frame", 0)),
        )
