"""Rerun: a recording of boxes, joints and limbs for the Rerun viewer; needs rerun-sdk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pose.writing import partial_name, put_in_place, writing
from tracking.clip_info import ClipInfo
from tracking.files import TracksFileError
from tracking.tracks import FrameResult

try:
    import rerun as rr
except ImportError as error:
    raise TracksFileError(
        "Rerun needs rerun-sdk: pip install 'posse[formats]', or choose another --format"
    ) from error


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._path, self._partial = path, partial_name(path)
        self._skeleton = info.skeleton
        self._closed = False
        with writing(path, TracksFileError):
            # Fail here: the sink writes on its own thread, which would only log an error
            self._partial.write_bytes(b"")
        # An id derived from the clip, so that the same tracks give the same recording
        self._recording = rr.RecordingStream("posse", recording_id=f"posse-{info.name}")
        self._recording.save(str(self._partial))
        described = rr.AnyValues(drop_untyped_nones=True, **_described(info))
        self._recording.log("info", described, static=True)
        joints = [rr.AnnotationInfo(id=k, label=name) for k, name in enumerate(info.skeleton.names)]
        person = rr.ClassDescription(
            info=rr.AnnotationInfo(id=0, label="person"),
            keypoint_annotations=joints,
            keypoint_connections=list(info.skeleton.limbs),
        )
        self._recording.log("people", rr.AnnotationContext([person]), static=True)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        recording, poses = self._recording, result.people.poses
        recording.set_time("frame", sequence=result.frame.index)
        recording.set_time("time", duration=result.frame.time_s)
        ids = result.people.ids.tolist()
        recording.log(
            "people/boxes",
            rr.Boxes2D(
                array=poses.boxes,
                array_format=rr.Box2DFormat.XYXY,
                labels=[str(person) for person in ids],
            ),
        )
        joints = len(self._skeleton)
        recording.log(
            "people/joints",
            rr.Points2D(
                poses.keypoints.reshape(-1, 2),
                class_ids=0,
                keypoint_ids=np.tile(np.arange(joints), len(poses)),
            ),
            rr.AnyValues(
                id=np.repeat(result.people.ids, joints),
                confidence=poses.keypoint_scores.reshape(-1),
            ),
        )

    def close(self) -> None:
        """Complete the file."""
        if self._closed:
            return
        self._closed = True
        self._recording.disconnect()
        with writing(self._path, TracksFileError):
            put_in_place(self._partial, self._path)

    def abort(self) -> None:
        """Leave nothing behind."""
        if not self._closed:
            self._closed = True
            self._recording.disconnect()
            self._partial.unlink(missing_ok=True)


def _described(info: ClipInfo) -> dict[str, str]:
    return {key: str(value) for key, value in info.to_json().items()}
