"""A data set as arrays: everything in it is checked, and what cannot be used is left out by name.

Left out, counted and named in the report: pictures that are missing, listed twice or marked as not
labelled; people whose picture is not listed, or who have neither box nor joints, a number that is
not finite (or is 1e9 or more), the wrong number of joints, a box without area or outside its
picture, or a malformed entry. A joint outside its picture counts as not labelled. Refused as a
whole (TrainingDataError): a file of no known format, a split without people.
"""

from __future__ import annotations

import functools
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from pose.geometry import xywh_to_xyxy
from pose.oks import SEGMENT_SHARE
from pose.people import BoolArray, FloatArray, IntArray
from pose.reading import MALFORMED, reading
from pose.skeleton import Skeleton, common_joints
from pose.training.pictures import Place, find_picture, other_size, read_picture
from pose.training.readers import Content, Row, TrainingDataError
from pose.writing import UNCODED

BOX_MARGIN = 0.15  # a box made from joints is their extent, this much longer (HRNet, 4.3)
_NAMES_SHOWN = 3
_TRIED = 3  # pictures whose size is compared with the file's before training


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPeople:
    """The people of a data set, as parallel arrays."""

    places: tuple[Place, ...]  # (I,) pictures
    image_of: IntArray  # (N,) index into places
    boxes: FloatArray  # (N, 4) x1 y1 x2 y2
    keypoints: FloatArray  # (N, K, 2); meaningless where the weight is 0
    weights: FloatArray  # (N, K) 0 = not labelled, 1 = sure
    areas: FloatArray  # (N,) of the person, for OKS
    crowd: BoolArray  # (N,) a region of people, not a person
    head_px: FloatArray  # (N,) head size for PCKh; NaN where unknown
    skeleton: Skeleton

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, mask: BoolArray | slice) -> LabelledPeople:
        """The people that `mask` picks; the list of pictures stays."""
        rows = [each.name for each in fields(self) if each.name not in ("places", "skeleton")]
        return replace(self, **{name: getattr(self, name)[mask] for name in rows})

    def digest(self) -> int:
        """A checksum that tells this data set from others."""
        names = "\n".join(place.file.name for place in self.places).encode(errors=UNCODED)
        arrays = (self.image_of, self.boxes, self.keypoints, self.weights, self.crowd)
        parts = (names, *(np.ascontiguousarray(array).tobytes() for array in arrays))
        return functools.reduce(lambda crc, part: zlib.crc32(part, crc), parts, 0)

    def as_skeleton(self, skeleton: Skeleton) -> LabelledPeople:
        """The same people with the joints of `skeleton`, matched by name; others are unlabelled."""
        keypoints = np.zeros((len(self), len(skeleton), 2), np.float32)
        weights = np.zeros((len(self), len(skeleton)), np.float32)
        own, place = common_joints(self.skeleton, skeleton)
        keypoints[:, place], weights[:, place] = self.keypoints[:, own], self.weights[:, own]
        return replace(self, keypoints=keypoints, weights=weights, skeleton=skeleton)


@dataclass(slots=True)
class DataReport:
    """What was not used of a data set, by reason."""

    names: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, reason: str, name: str) -> None:
        """Note that `name` is not used; it counts once, however often it is added."""
        self.names[reason][name] = None

    def lines(self, *, every_name: bool = False) -> list[str]:
        """One line per reason: how many names, and the first few or all of them."""
        lines = []
        for reason, names in self.names.items():
            shown = list(names)[: None if every_name else _NAMES_SHOWN]
            more = ", ..." if len(shown) < len(names) else ""
            lines.append(f"{reason}: {len(names)} ({', '.join(shown)}{more})")
        return lines


def joint_weights(person: Row, joints: int) -> FloatArray:
    """The weight (K,) of each joint's label: 0 if v is 0, below 1 if a teacher was unsure, or 1."""
    visible = np.array(person["keypoints"], np.float32).reshape(joints, 3)[:, 2] > 0
    scores = person.get("keypoint_scores")
    if person.get("label") != "teacher" or scores is None:
        return visible.astype(np.float32)
    return (visible * np.clip(np.array(scores, np.float32) / 0.5, 0, 1)).astype(np.float32)


def choose_people(
    content: Content,
    images: Path,
    split: str | None,
    report: DataReport,
    exclude: frozenset[str] = frozenset(),
) -> LabelledPeople:
    """The people of `split` ("train", "val", None for all) that can be used.

    Pictures without a field `split` are split by a hash of their video's name, or else their own:
    one in twenty goes to val. `exclude` names values of the pictures' field `source` to leave out.
    Raises TrainingDataError if nobody is left.
    """
    for other in content.others:
        report.add("left out, of another category", other)
    wanted = [
        picture
        for picture, of in zip(content.images, _splits(content.images), strict=True)
        if split in (None, of) and str(picture.get("source")) not in exclude
    ]
    place_of = _find_pictures(wanted, images, report)
    places = list(place_of.values())
    _check_sizes(places)
    index_of = {image_id: index for index, image_id in enumerate(place_of)}
    people = _usable(content, index_of, report)
    if all(person.get("iscrowd") for person in people):
        part = "" if split is None else f" in split '{split}'"
        reasons = "".join(f"; {line}" for line in report.lines())
        raise TrainingDataError(f"no usable person{part} with pictures under {images}{reasons}")
    return _as_arrays(people, places, index_of, content.skeleton)


def _find_pictures(pictures: list[Row], folder: Path, report: DataReport) -> dict[Any, Place]:
    """Where the usable ones among `pictures` are, by their ids."""
    place_of: dict[Any, Place] = {}
    seen: set[Place | None] = set()
    for picture in pictures:
        name = str(picture.get("file_name"))
        with reading(f"picture {name}", TrainingDataError):
            place = find_picture(folder, picture)
        if picture["id"] in place_of or place in seen:
            report.add("left out, picture listed twice", name)
        elif place is None:
            report.add("left out, picture missing", name)
        elif not picture.get("is_labeled", True):  # PoseTrack lists these too
            report.add("left out, picture not labelled", name)
        else:
            place_of[picture["id"]] = place
            seen.add(place)
    return place_of


def _check_sizes(places: list[Place]) -> None:
    """Raise TrainingDataError if the pictures were resized after they were labelled."""
    tried = [(place, read_picture(place)) for place in places[:_TRIED]]
    faults = [(place, other_size(image, place)) for place, image in tried if image is not None]
    if faults and all(fault for _, fault in faults):
        place, fault = faults[0]
        raise TrainingDataError(f"{place} {fault}; were the pictures resized after labelling?")


def _splits(images: list[Row]) -> list[str]:
    """The split of each picture; if a data set is too small for a twentieth, one group goes to val.

    The frames of a video are a group and stay together, unless there is only one video.
    """
    keys = [
        next((str(row[k]) for k in ("video", "vid_id", "file_name") if row.get(k, "") != ""), "")
        for row in images
    ]
    if len(set(keys)) == 1:
        keys = [str(row.get("file_name")) for row in images]
    hashes = {key: zlib.crc32(key.encode(errors=UNCODED)) for key in keys}
    val = {key for key, value in hashes.items() if value % 20 == 0}
    if not val and len(hashes) > 1:
        val = {min(hashes, key=lambda key: hashes[key])}
    return [
        str(row.get("split", "val" if key in val else "train"))
        for row, key in zip(images, keys, strict=True)
    ]


def _usable(content: Content, index_of: dict[Any, int], report: DataReport) -> list[Row]:
    """The people that can be trained on, with their boxes and joints completed."""
    every_id = {image["id"]: image for image in content.images}
    people = []
    for person in content.people:
        image = every_id.get(person.get("image_id"))
        if image is None:
            report.add("left out, its picture is not listed", f"annotation {person.get('id', '?')}")
        elif person["image_id"] in index_of:
            try:
                reason = _mend(person, image, len(content.skeleton), report)
            except MALFORMED:
                reason = "left out, not built as it should be"
            if reason is None:
                people.append(person)
            else:
                report.add(reason, _name(person, image))
    return people


def _name(person: Row, image: Row) -> str:
    return f"{image.get('file_name')} (annotation {person.get('id', '?')})"


def _mend(person: Row, image: Row, joints: int, report: DataReport) -> str | None:
    """Complete one person in place; why it cannot be used, or None if it can."""
    points = person.get("keypoints") or [0.0] * (3 * joints)  # a box alone serves the detector
    if len(points) != 3 * joints:
        return f"left out, not {joints} joints"
    box = person.get("bbox")
    if box is not None and not any(box):  # COCO Annotator writes zeros if only joints are labelled
        box = None
    if box is not None and len(box) != 4:
        return "left out, not a box of four numbers"
    if not _finite([*points, *(box or ()), person.get("area") or 0, person.get("head_px") or 0]):
        return "left out, a number is not finite"
    scores = person.get("keypoint_scores")
    if scores is not None and (len(scores) != joints or not _finite(scores)):
        return "left out, not a score for each joint"
    triples = np.array(points, np.float32).reshape(joints, 3)
    labelled = triples[:, 2] > 0
    if box is None:
        if not labelled.any():
            return "left out, no box and no joints"
        low, high = triples[labelled, :2].min(0), triples[labelled, :2].max(0)
        margin = BOX_MARGIN / 2 * (high - low)
        box = np.concatenate([low - margin, high - low + 2 * margin])
    x1, y1, x2, y2 = xywh_to_xyxy(np.array(box, np.float32))
    if min(x2 - x1, y2 - y1) <= 1:
        return "left out, a box without area"
    if "width" in image and "height" in image:
        size = np.array([image["width"], image["height"]], np.float64)
        if min(x2, y2) <= 0 or x1 >= size[0] or y1 >= size[1]:
            return "left out, a box outside its picture"
        outside = labelled & ((triples[:, :2] < -1) | (triples[:, :2] > size)).any(1)
        if outside.any():
            report.add("joints not counted, outside their picture", _name(person, image))
            triples[outside] = 0
    person["box"] = [x1, y1, x2, y2]
    person["keypoints"] = triples.ravel().tolist()
    return None


def _finite(numbers: Any) -> bool:
    """Whether all are numbers below 1e9 in size: the square of 1e30 would overflow float32."""
    try:
        return bool((np.abs(np.array(numbers, np.float64)) < 1e9).all())
    except (TypeError, ValueError, OverflowError):
        return False


def _as_arrays(
    people: list[Row], places: list[Place], index_of: dict[Any, int], skeleton: Skeleton
) -> LabelledPeople:
    joints = len(skeleton)
    boxes = np.array([person["box"] for person in people], np.float32)
    lengths = boxes[:, 2:] - boxes[:, :2]
    points = np.array([person["keypoints"] for person in people], np.float32)
    covered = SEGMENT_SHARE * lengths.prod(1)
    given = np.array([person.get("area") or 0 for person in people], np.float32)
    return LabelledPeople(
        places=tuple(places),
        image_of=np.array([index_of[person["image_id"]] for person in people], np.int64),
        boxes=boxes,
        keypoints=points.reshape(-1, joints, 3)[..., :2],
        weights=np.stack([joint_weights(person, joints) for person in people]),
        areas=np.where(given > 0, given, covered),
        crowd=np.array([bool(person.get("iscrowd")) for person in people]),
        head_px=np.array([person.get("head_px") or np.nan for person in people], np.float32),
        skeleton=skeleton,
    )
