"""PoseTrack 2017: `annolist`, in which every value is wrapped in a list.

x1 y1 x2 y2 is the HEAD's box there; the person's own is in `box`, which other programs ignore.
A joint with confidence 0 is not listed, because evaluators count every joint that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose.people import Poses
from pose.reading import ContentError, number, read_json, reading, whole
from pose.skeleton import POSETRACK15
from tracking.clip_info import ClipInfo
from tracking.files import Tracks, TracksFileError, frame_without_picture
from tracking.formats.rows import (
    boxes_around,
    finite,
    frame_numbers,
    notes_of,
    scores_of,
    to_posetrack15,
)
from tracking.formats.whole import JsonLists
from tracking.tracks import FrameResult, TrackedPoses

NECK, HEAD_TOP = POSETRACK15.index("neck"), POSETRACK15.index("head_top")


class Writer:
    """See TracksWriter. `pictures`: names of the clip's pictures by frame index, if they exist."""

    def __init__(self, path: Path, info: ClipInfo, pictures: Sequence[str] = ()) -> None:
        self._info = info
        self._pictures = pictures
        self._lists = JsonLists(path, ("annolist",))

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        frame = result.frame
        poses = to_posetrack15(result.people.poses)
        name = f"{self._info.name}/{frame.index:06d}.jpg"
        if self._pictures:
            name = self._pictures[frame.index]
        self._lists.append(
            "annolist",
            {
                "image": [{"name": name}],
                "imgnum": [frame.index + 1],
                "time_s": [round(frame.time_s, 6)],
                "annorect": _annorects(poses, result.people.ids.tolist()),
                "ignore_regions": [],
            },
        )

    def close(self) -> None:
        """Complete the file."""
        self._lists.close(info=self._info.to_json())

    def abort(self) -> None:
        """Leave nothing behind."""
        self._lists.abort()


def _annorects(poses: Poses, ids: list[int]) -> list[dict[str, Any]]:
    neck, top = poses.keypoints[:, NECK], poses.keypoints[:, HEAD_TOP]  # (N, 2)
    half = np.maximum(np.linalg.norm(top - neck, axis=1, keepdims=True), 1) / 2  # (N, 1)
    middle = (neck + top) / 2
    heads = np.round(np.hstack([middle - half, middle + half]).astype(np.float64), 2).tolist()
    boxes = np.round(poses.boxes.astype(np.float64), 2).tolist()
    points = np.round(poses.keypoints.astype(np.float64), 2).tolist()
    confidences = np.round(poses.keypoint_scores.astype(np.float64), 4).tolist()
    rects = []
    for person, (head, score) in enumerate(zip(heads, scores_of(poses), strict=True)):
        joints = [
            {"id": [joint], "x": [x], "y": [y], "score": [confidence]}
            for joint, ((x, y), confidence) in enumerate(
                zip(points[person], confidences[person], strict=True)
            )
            if confidence > 0
        ]
        corners = {
            name: [value] for name, value in zip(("x1", "y1", "x2", "y2"), head, strict=True)
        }
        has_head = confidences[person][NECK] > 0 and confidences[person][HEAD_TOP] > 0
        rects.append(
            {
                **(corners if has_head else {}),
                "score": [score],
                "track_id": [ids[person]],
                "box": [boxes[person]],
                "annopoints": [{"point": joints}],
            }
        )
    return rects


def read(path: Path) -> Tracks:
    """Read a PoseTrack 2017 file: ours, or another's with `track_id`s."""
    content = read_json(path, TracksFileError)
    info = ClipInfo.from_json(
        {**(content.get("info") or {}), "skeleton": {"joints": list(POSETRACK15.names)}}
    )
    frames = []
    timed, regions, unlabelled = info.frame_rate is not None, 0, 0
    entries = content["annolist"]
    numbers = frame_numbers([_image_number(entry) for entry in entries])
    for place, (index, entry) in enumerate(zip(numbers, entries, strict=True)):
        with reading(f"{path}: frame {place}", TracksFileError):
            time_s = number(entry.get("time_s", [index * info.step_s])[0])
            frames.append(frame_without_picture(index, time_s, _people(entry["annorect"])))
            timed = timed or "time_s" in entry
            regions += bool(entry.get("ignore_regions"))
            unlabelled += entry.get("is_labeled", [1])[:1] in ([0], [False])
    return Tracks(info, frames, notes_of(timed or not frames, regions, unlabelled))


def _image_number(entry: dict[str, Any]) -> int | None:
    """The frame's 0-based number, or None if it has none."""
    stated = entry.get("imgnum")
    return whole(stated[0]) - 1 if stated else None


def _people(rects: list[dict[str, Any]]) -> TrackedPoses:
    """The people of a frame that have joints or a box. Raises MALFORMED errors."""
    found = [rect for rect in rects if _points(rect) or "box" in rect]
    count, joints = len(found), np.zeros((len(found), len(POSETRACK15), 3))
    for person, rect in enumerate(found):
        for point in _points(rect):
            joint = whole(point["id"][0])
            if not 0 <= joint < len(POSETRACK15):
                raise ContentError(f"there is no joint {joint} among PoseTrack's")
            score = (point.get("score") or [1.0])[0]
            joints[person, joint] = point["x"][0], point["y"][0], score
    points = finite(joints, joints.shape)  # (N, 15, 3)
    around = boxes_around(points[..., :2], points[..., 2])
    boxes = [rect.get("box", [box])[0] for rect, box in zip(found, around, strict=True)]
    scores = finite([(rect.get("score") or [1.0])[0] for rect in found], (count,))
    ids = np.array([whole(rect["track_id"][0]) for rect in found], np.int64)
    poses = Poses(finite(boxes, (count, 4)), scores, points[..., :2], points[..., 2], POSETRACK15)
    return TrackedPoses(poses, ids)


def _points(rect: dict[str, Any]) -> list[dict[str, Any]]:
    """A person's listed joints; official files have people without any."""
    listed = rect.get("annopoints")
    return (listed[0].get("point") or []) if listed else []
