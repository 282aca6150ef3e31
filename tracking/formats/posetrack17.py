"""PoseTrack 2017: `annolist`, in which every value is wrapped in a list.

x1 y1 x2 y2 is the HEAD's box there; the person's own stands in `box`, which other programs ignore.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pose.geometry import xyxy_to_xywh
from pose.people import Poses
from pose.skeleton import POSETRACK15
from tracking.files import ClipInfo, Tracks, frame_without_picture, read_json
from tracking.formats.rows import boxes_around, people_of, scores_of, to_posetrack15
from tracking.formats.whole import JsonLists
from tracking.pipeline import FrameResult

NECK, HEAD_TOP = POSETRACK15.index("neck"), POSETRACK15.index("head_top")


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._info = info
        self._lists = JsonLists(path, ("annolist",))

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        frame = result.frame
        poses = to_posetrack15(result.people.poses)
        self._lists.append(
            "annolist",
            {
                "image": [{"name": f"{self._info.name}/{frame.index:06d}.jpg"}],
                "imgnum": [frame.index + 1],
                "time_s": [round(frame.time_s, 6)],
                "annorect": _annorects(poses, result.people.ids.tolist()),
                "ignore_regions": [],
            },
        )

    def close(self) -> None:
        """Make the file whole."""
        self._lists.close(info=self._info.to_json())

    def abort(self) -> None:
        """Leave nothing behind."""
        self._lists.abort()


def _annorects(poses: Poses, ids: list[int]) -> list[dict[str, Any]]:
    neck, top = poses.keypoints[:, NECK], poses.keypoints[:, HEAD_TOP]  # (N, 2)
    half = np.maximum(np.linalg.norm(top - neck, axis=1, keepdims=True), 1) / 2  # (N, 1)
    middle = (neck + top) / 2
    heads = np.round(np.hstack([middle - half, middle + half]).astype(np.float64), 2)
    boxes = np.round(poses.boxes.astype(np.float64), 2).tolist()
    points = np.round(poses.keypoints.astype(np.float64), 2).tolist()
    confidences = np.round(poses.keypoint_scores.astype(np.float64), 4).tolist()
    rects = []
    for person, (head, score) in enumerate(zip(heads.tolist(), scores_of(poses), strict=True)):
        joints = [
            {"id": [joint], "x": [x], "y": [y], "score": [confidence]}
            for joint, ((x, y), confidence) in enumerate(
                zip(points[person], confidences[person], strict=True)
            )
        ]
        corners = {
            name: [value] for name, value in zip(("x1", "y1", "x2", "y2"), head, strict=True)
        }
        rects.append(
            {
                **corners,
                "score": [score],
                "track_id": [ids[person]],
                "box": [boxes[person]],
                "annopoints": [{"point": joints}],
            }
        )
    return rects


def read(path: Path) -> Tracks:
    """Read a PoseTrack 2017 file: ours, or another's with `track_id`s."""
    content = read_json(path)
    frames = []
    for place, entry in enumerate(content["annolist"]):
        found = [rect for rect in entry["annorect"] if rect.get("annopoints")]
        joints = np.zeros((len(found), len(POSETRACK15), 3), np.float32)
        for person, rect in enumerate(found):
            for point in rect["annopoints"][0]["point"]:
                score = point.get("score", [1.0])[0]
                joints[person, point["id"][0]] = point["x"][0], point["y"][0], score
        around = boxes_around(joints[..., :2], joints[..., 2])
        boxes = [rect.get("box", [box])[0] for rect, box in zip(found, around, strict=True)]
        tracked = people_of(
            POSETRACK15,
            [int(rect["track_id"][0]) for rect in found],
            [float(rect.get("score", [1.0])[0]) for rect in found],
            xyxy_to_xywh(np.array(boxes, np.float32).reshape(-1, 4)).tolist(),
            joints.reshape(len(found), len(POSETRACK15) * 3).tolist(),
        )
        index = int(entry.get("imgnum", [place + 1])[0]) - 1
        frames.append(frame_without_picture(index, entry.get("time_s", [float(place)])[0], tracked))
    info = ClipInfo.from_json(
        {**content.get("info", {}), "skeleton": {"joints": list(POSETRACK15.names)}}
    )
    return Tracks(info, frames)
