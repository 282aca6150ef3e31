"""OpenPose: a folder with a JSON file per frame, joints in BODY_25 order.

Files are named NAME_000000000012_keypoints.json; `person_id` is a list of one id, as in OpenPose.
Joints that a COCO pose lacks (the feet) are 0, 0, 0, as OpenPose writes unseen joints; the neck is
the middle of the shoulders, the mid-hip that of the hips.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from pose.people import FloatArray, Poses
from pose.reading import ContentError, number, read_json, reading, whole
from pose.skeleton import COCO17
from tracking.clip_info import ClipInfo
from tracking.files import NO_TIMES, Tracks, TracksFileError, frame_without_picture, read_info
from tracking.formats.rows import boxes_around, finite, unwrapped
from tracking.formats.whole import WholeFolder, dumps
from tracking.tracks import FrameResult, TrackedPoses

_SIDES = ("right", "left")
_ARMS = tuple(f"{side}_{joint}" for side in _SIDES for joint in ("shoulder", "elbow", "wrist"))
_LEGS = tuple(f"{side}_{joint}" for side in _SIDES for joint in ("hip", "knee", "ankle"))
_FACE = ("right_eye", "left_eye", "right_ear", "left_ear")
# Other keys that OpenPose writes per person, and some readers require; empty for what was not run
_EMPTY: dict[str, list[float]] = {
    f"{part}_keypoints_{size}": []
    for size in ("2d", "3d")
    for part in ("pose", "face", "hand_left", "hand_right")
    if (part, size) != ("pose", "2d")
}
# OpenPose's doc/02_output.md, BODY_25; the six joints of the feet follow and are never given
BODY25 = ("nose", "neck", *_ARMS, "mid_hip", *_LEGS, *_FACE)
JOINTS = 25


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        if info.skeleton != COCO17:
            raise TracksFileError(
                f"OpenPose's BODY_25 has no mapping from the skeleton {info.skeleton.name}, only "
                "from COCO's; a clip's CSV keeps the network's own joints: convert that"
            )
        self._name, self._out = info.name, WholeFolder(path)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        joints = np.round(_to_body25(result.people.poses).astype(np.float64), 4)  # (N, 25, 3)
        people = [
            {"person_id": [person], "pose_keypoints_2d": flat, **_EMPTY}
            for person, flat in zip(
                result.people.ids.tolist(), joints.reshape(-1, 3 * JOINTS).tolist(), strict=True
            )
        ]
        name = f"{self._name}_{result.frame.index:012d}_keypoints.json"
        content = {"version": 1.3, "time_s": round(result.frame.time_s, 6), "people": people}
        with self._out.open(name, "w") as file:
            file.write(dumps(content))

    def close(self) -> None:
        """Complete the folder."""
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()


def _to_body25(poses: Poses) -> FloatArray:
    """(N, 25, 3) x y confidence in BODY_25 order."""
    coco = np.concatenate([poses.keypoints, poses.keypoint_scores[..., None]], axis=2)  # (N, 17, 3)
    result = np.zeros((len(poses), JOINTS, 3), np.float32)
    for place, name in enumerate(BODY25):
        if name in COCO17.names:
            result[:, place] = coco[:, COCO17.index(name)]
        else:
            pair = "shoulder" if name == "neck" else "hip"
            both = coco[:, [COCO17.index(f"left_{pair}"), COCO17.index(f"right_{pair}")]]
            result[:, place, :2] = both[..., :2].mean(axis=1)
            result[:, place, 2] = both[..., 2].min(axis=1)
    result[result[..., 2] == 0] = 0
    return result


def read(path: Path) -> Tracks:
    """Read a folder of BODY_25 files as COCO-17 poses; boxes enclose the joints."""
    info = read_info(path)
    files = sorted(path.glob("[!.]*_keypoints.json"))
    if not files:
        raise TracksFileError(
            f"{path}: no *_keypoints.json files in this folder; of other formats, name a file"
        )
    frames = []
    timed = info.frame_rate is not None
    for file in files:
        content = read_json(file, TracksFileError)
        with reading(str(file), TracksFileError):
            numbers = re.findall(r"\d+", file.stem)
            if not numbers:
                raise ContentError("its name has no number of a frame")
            index = whole(int(numbers[-1]))
            time_s = number(content.get("time_s", index * info.step_s))
            timed = timed or "time_s" in content
            frames.append(frame_without_picture(index, time_s, _people(content["people"])))
    return Tracks(info, frames, () if timed else (NO_TIMES,))


def _people(people: list[dict[str, Any]]) -> TrackedPoses:
    """The people of a frame. Raises MALFORMED errors."""
    flat = finite([person["pose_keypoints_2d"] for person in people], (len(people), JOINTS, 3))
    joints = flat[:, [BODY25.index(name) for name in COCO17.names]]  # (N, 17, 3)
    boxes = boxes_around(joints[..., :2], joints[..., 2])
    poses = Poses(boxes, joints[..., 2].mean(axis=1), joints[..., :2], joints[..., 2], COCO17)
    # OpenPose itself writes -1 for every person; people are then numbered within the frame
    ids = [
        found if (found := whole(unwrapped(person.get("person_id", -1)))) > 0 else place + 1
        for place, person in enumerate(people)
    ]
    return TrackedPoses(poses, np.array(ids, np.int64))
