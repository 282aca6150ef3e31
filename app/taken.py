"""What tracks are of, as their header tells: which frames of a clip, and how they were turned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.video.framing import Framing
from pose.reading import number, reading, whole
from tracking.files import ClipInfo, TracksFileError


@dataclass(frozen=True, slots=True)
class Taken:
    """The frames that tracks are of."""

    framing: Framing  # the people's boxes are in pixels of pictures turned so
    every: int  # one frame of so many
    begins_s: float  # seconds and frames of the clip that were passed over before the first
    start_frame: int

    @property
    def as_they_are(self) -> bool:
        """True where every frame was taken from there on, and none was cropped or turned."""
        return self.framing == Framing() and self.every == 1

    @property
    def begins_later(self) -> bool:
        """True where the beginning of the clip was left out."""
        return self.begins_s > 0 or self.start_frame > 0


def taken_of(info: ClipInfo, tracks: Path) -> Taken:
    """What the header `info` of `tracks` tells; the whole clip where it tells nothing.

    Raises TracksFileError where it makes no sense.
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
