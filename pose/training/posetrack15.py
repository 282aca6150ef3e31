"""Convert a data set from COCO's 17 joints to PoseTrack's 15, with LSP's own joints from `lsp14`.

    python -m pose.training.posetrack15 people.json posetrack15.json

LSP pictures have hand-made labels of twelve limb joints, neck and head top; their nose, and all
joints of other pictures, are copied by name. Neck and head top of other pictures stay unlabelled.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pose.command import run_command
from pose.errors import UserError
from pose.people import FloatArray
from pose.reading import ContentError, read_json, reading
from pose.skeleton import COCO17, POSETRACK15
from pose.writing import whole_file, writing

# Leeds Sports Pose, README: the order of its 14 joints, with PoseTrack's names.
LSP14 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
    "neck", "head_top",
)  # fmt: skip


def to_posetrack15(content: dict[str, Any]) -> dict[str, Any]:
    """The same pictures and people with PoseTrack's joints."""
    own = {image["id"]: image.get("lsp14") for image in content["images"]}
    people = []
    for person in content["annotations"]:
        lsp = own.get(person["image_id"])
        joints, scores = _joints(person, None if lsp is None else np.array(lsp, np.float32))
        people.append(
            {
                **person,
                "keypoints": joints.ravel().tolist(),
                "keypoint_scores": scores.tolist(),
                "num_keypoints": int((joints[:, 2] > 0).sum()),
                "label": "teacher",  # so joints count by their scores; hand-made ones have 1
            }
        )
    category = {
        "id": 1,
        "name": "person",
        "keypoints": list(POSETRACK15.names),
        "skeleton": [[a + 1, b + 1] for a, b in POSETRACK15.limbs],
    }
    return {**content, "annotations": people, "categories": [category]}


def _joints(person: dict[str, Any], lsp: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Joints (15, 3) x y v and scores (15,); `lsp` (14, 3) overrides the person's own."""
    points, sure = person.get("keypoints") or [0] * 51, [1.0] * 17
    if person.get("label") == "teacher" and "keypoint_scores" in person:
        sure = person["keypoint_scores"]
    if (len(points), len(sure)) != (51, 17):
        raise ContentError(f"annotation {person.get('id', '?')} has not 17 joints")
    coco = np.array(points, np.float32).reshape(17, 3)
    joints = np.zeros((15, 3), np.float32)
    scores = np.zeros(15, np.float32)
    for target, name in enumerate(POSETRACK15.names):
        if lsp is not None and name in LSP14:
            x, y, visible = lsp[LSP14.index(name)]
            if visible > 0:
                joints[target], scores[target] = (x, y, 2), 1
        elif name in COCO17.names:
            source = COCO17.index(name)
            joints[target], scores[target] = coco[source], sure[source]
    return joints, scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("data", type=Path, help="labels in COCO's format")
    parser.add_argument("out", type=Path, help="the file to write")


def run(args: argparse.Namespace) -> int:
    """Convert the file; 0. Raises UserError if one cannot be read or written."""
    raw = read_json(args.data, UserError)
    with reading(f"{args.data}: not COCO labels", UserError):
        content = to_posetrack15(raw)
    with writing(args.out), whole_file(args.out) as partial:
        partial.write_text(json.dumps(content))
    return 0


main = partial(run_command, "pose.training.posetrack15", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
