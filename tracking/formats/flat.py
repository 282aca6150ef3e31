"""A flat list of people, each naming its frame: what COCO and AlphaPose results share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pose.reading import ContentError, read_json, reading, shown, whole
from pose.reading import number as number_of
from pose.skeleton import SKELETONS
from tracking.clip_info import ClipInfo
from tracking.files import NO_TIMES, Tracks, TracksFileError, frame_without_picture
from tracking.formats.rows import people_of, scores_of, triplets, unwrapped, xywh
from tracking.formats.whole import WholeText, dumps
from tracking.tracks import FrameResult

# (frame index, time_s, id, score, box xywh, flat joints) -> a person's entry in the list
Entry = Callable[[int, float, int, float, list[float], list[float]], dict[str, Any]]


class FlatWriter:
    """See TracksWriter; an entry of the list per line."""

    def __init__(self, entry: Entry, path: Path, info: ClipInfo) -> None:
        self._entry = entry
        self._out = WholeText(path)
        self._out.write("[")
        self._between = "\n"
        self._closed = False

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        poses, time_s = result.people.poses, round(result.frame.time_s, 6)
        ids = result.people.ids.tolist()
        for person in zip(ids, scores_of(poses), xywh(poses.boxes), triplets(poses), strict=True):
            self._out.write(self._between + dumps(self._entry(result.frame.index, time_s, *person)))
            self._between = ",\n"

    def close(self) -> None:
        """Complete the file."""
        if not self._closed:
            self._out.write("\n]\n")
            self._out.close()
            self._closed = True

    def abort(self) -> None:
        """Leave nothing behind."""
        self._closed = True
        self._out.abort()


def tracks_of(path: Path, info: ClipInfo, image_key: str, id_key: str, box_key: str) -> Tracks:
    """The people in the list of `path` by frame, in order. Raises TracksFileError."""
    people = read_json(path, TracksFileError)
    if not isinstance(people, list):
        raise TracksFileError(f"{path}: not a list of people")
    by_frame: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for number, person in enumerate(people):
        with reading(f"{path}: person {number} of the list", TracksFileError):
            by_frame[_index(person[image_key])].append(person)
    info = _with_skeleton(info, [person for found in by_frame.values() for person in found])
    frames = []
    timed = info.frame_rate is not None
    for index, found in sorted(by_frame.items()):
        with reading(f"{path}: the people of {image_key} {index}", TracksFileError):
            tracked = people_of(
                info.skeleton,
                [
                    whole(unwrapped(person.get(id_key, place + 1)))
                    for place, person in enumerate(found)
                ],
                [person.get("score", 1.0) for person in found],
                [person.get(box_key, [0, 0, 0, 0]) for person in found],
                [person["keypoints"] for person in found],
            )
            time_s = number_of(found[0].get("time_s", index * info.step_s))
        timed = timed or "time_s" in found[0]
        frames.append(frame_without_picture(index, time_s, tracked))
    return Tracks(info, frames, () if timed or not frames else (NO_TIMES,))


def _with_skeleton(info: ClipInfo, people: list[dict[str, Any]]) -> ClipInfo:
    """`info` with the only known skeleton of the people's joint count, if no skeleton is stated."""
    counts = {
        len(joints) / 3 for person in people if isinstance(joints := person.get("keypoints"), list)
    }
    fitting = [each for each in SKELETONS.values() if counts == {len(each)}]
    if info.program or len(fitting) != 1:  # 17 joints are taken as COCO's, the default of `info`
        return info
    return replace(info, skeleton=fitting[0])


def _index(image: object) -> int:
    """The frame's index from a number, or from the last number in a picture's name."""
    numbers = re.findall(r"\d+", str(image))
    if not numbers:
        raise ContentError(f"the image {shown(image)} has no number in its name")
    return whole(int(numbers[-1]))
