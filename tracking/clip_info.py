"""ClipInfo: what a tracks file says about its clip, and about how the tracks were made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pose.command import program_version
from pose.reading import ContentError, shown, whole
from pose.skeleton import COCO17, SKELETONS, Skeleton

USUAL_RATE = Fraction(25)  # frames a second, assumed where no rate is given


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """A clip's name, size and frame rate, and the settings and weights behind its tracks."""

    name: str  # of the clip, without suffix
    size_wh: tuple[int, int]
    skeleton: Skeleton
    frame_rate: Fraction | None = None  # nominal
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the pipeline, JSON values
    weights: Mapping[str, str] = field(default_factory=dict)  # "detector", "pose" -> SHA-256
    program: str = field(default_factory=program_version)

    @property
    def frame_s(self) -> float:
        """Seconds between frames that were taken."""
        return float(1 / (self.frame_rate or USUAL_RATE))

    @property
    def step_s(self) -> float:
        """Seconds between consecutive frame numbers, some of which may not have been taken."""
        every = whole(self.settings.get("clip", {}).get("every", 1))
        return float(1 / (self.frame_rate * every if self.frame_rate else USUAL_RATE))

    def to_json(self) -> dict[str, Any]:
        """As JSON values, from which `from_json` makes an equal ClipInfo."""
        return {
            "program": self.program,
            "clip": self.name,
            "size_wh": list(self.size_wh),
            "frame_rate": None if self.frame_rate is None else str(self.frame_rate),
            "skeleton": {"name": self.skeleton.name, "joints": list(self.skeleton.names)},
            "settings": dict(self.settings),
            "weights_sha256": dict(self.weights),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ClipInfo:
        """Read what `to_json` wrote; what is absent gets its default. Raises MALFORMED errors."""
        rate = content.get("frame_rate")
        stated = content.get("skeleton") or {}
        width, height = map(whole, content.get("size_wh", (0, 0)))
        return cls(
            name=str(content.get("clip", "")),
            size_wh=(width, height),
            skeleton=skeleton_named(stated.get("name", COCO17.name), stated.get("joints")),
            frame_rate=None if rate is None else _rate(rate),
            settings=dict(content.get("settings", {})),
            weights=dict(content.get("weights_sha256", {})),
            program=str(content.get("program", "")),
        )


def _rate(value: Any) -> Fraction:
    """Frames a second from text such as `30000/1001` or a number above 0. Raises ContentError."""
    plain = re.fullmatch(r"\d{1,9}(\.\d{1,20}|/\d{1,9})?", str(value))  # 1e999999 would take hours
    if plain is None or float(str(value).rpartition("/")[2]) == 0 or not Fraction(str(value)):
        raise ContentError(f"{shown(value)} is not a frame rate")
    return Fraction(str(value))


def skeleton_named(name: str, joints: list[str] | None = None) -> Skeleton:
    """A known skeleton, or a bare one (no limbs, sigmas of 0.05) with the given `joints`.

    Raises ContentError where there is no such skeleton, or `joints` are not names.
    """
    known = SKELETONS.get(name)
    if known is not None and (joints is None or tuple(joints) == known.names):
        return known
    if joints is None:
        raise ContentError(f"no skeleton {shown(name)}; known are {', '.join(SKELETONS)}")
    matching = next((s for s in SKELETONS.values() if s.names == tuple(joints)), None)
    if matching is not None:
        return matching
    if not isinstance(joints, list) or not all(isinstance(joint, str) for joint in joints):
        raise ContentError(f"{shown(joints)} are not names of joints")
    count = len(joints)
    return Skeleton(name, tuple(joints), (), tuple(range(count)), (0.05,) * count)
