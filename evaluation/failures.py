"""`python -m evaluation.failures`: pictures of identities that were lost in a real video.

A failure is a true person to whom the tracker gave one id for a while and then another one for a
while. Each becomes a row: the last frame before, one in between, the first one after. The tracks
are coloured by id; the person in question has a white box, from the truth.
"""

from __future__ import annotations

import argparse
import colorsys
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from evaluation.contenders import posse, run
from evaluation.footage import frames_of
from evaluation.matching import box_iou
from evaluation.recorded_poses import gymnasts_seen
from evaluation.recordings import GYMNASTS_FROM, Recording, without_appearance
from evaluation.results import check_writable
from evaluation.rivals import Tracked
from evaluation.tracking import SHARED
from pose.command import run_command, say
from pose.errors import UserError
from pose.people import ImageArray

_A_WHILE = 6  # frames under one id, without another in between
_WIDTH = 480  # of each picture
_ROWS = 3
_MARGIN_PX = 20  # around where people are in the whole video
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Failure:
    """True person `person` had id `was` until frame `before`, and `became` from frame `after`."""

    person: int
    was: int
    became: int
    before: int
    after: int


def failures(recording: Recording, tracked: Sequence[Tracked]) -> list[Failure]:
    """Every lasting change of a person's id, in order of time."""
    sights: dict[int, list[tuple[int, int]]] = {}  # person -> (frame, id)
    truth = zip(recording.truth_boxes, recording.truth_ids, strict=True)
    for frame, ((true_boxes, people), (boxes, ids)) in enumerate(zip(truth, tracked, strict=True)):
        iou = box_iou(true_boxes, boxes)  # (G, P)
        for row, person in enumerate(people.tolist()):
            if len(ids) and iou[row].max() >= 0.5:
                sights.setdefault(person, []).append((frame, int(ids[iou[row].argmax()])))
    found = []
    for person, seen in sights.items():
        lasting = _lasting(seen)
        for (_, before, was), (after, _, became) in pairwise(lasting):
            if was != became:
                found.append(Failure(person, was, became, before, after))
    return sorted(found, key=lambda failure: failure.before)


def _lasting(seen: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """First frame, last frame and id of each run of frames under one id that lasted a while."""
    runs: list[tuple[list[int], int]] = []
    for frame, name in seen:
        if not runs or runs[-1][1] != name:
            runs.append(([], name))
        runs[-1][0].append(frame)
    return [(frames[0], frames[-1], name) for frames, name in runs if len(frames) >= _A_WHILE]


def picture(
    image: ImageArray, recording: Recording, tracked: Sequence[Tracked], frame: int, person: int
) -> ImageArray:
    """The part of a frame where people ever are, with its tracks and one true person in white."""
    drawn = image.copy()
    for box, name in zip(*tracked[frame], strict=True):
        _box(drawn, box, str(name), _colour(int(name)), 4)
    for box in recording.truth_boxes[frame][recording.truth_ids[frame] == person]:
        _box(drawn, box, "", _WHITE, 2)
    everybody = np.concatenate(recording.truth_boxes)
    left, top = np.maximum(everybody.min(0)[:2] - _MARGIN_PX, 0).astype(int).tolist()
    right, bottom = (everybody.max(0)[2:] + _MARGIN_PX).astype(int).tolist()
    drawn = drawn[top:bottom, left:right]
    cv2.putText(drawn, f"frame {frame + GYMNASTS_FROM}", (12, 40), 0, 1.2, _WHITE, 3, cv2.LINE_AA)
    height = round(_WIDTH * drawn.shape[0] / drawn.shape[1])
    return np.asarray(cv2.resize(drawn, (_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def _box(
    image: ImageArray, box: np.ndarray, name: str, colour: tuple[int, int, int], width: int
) -> None:
    x1, y1, x2, y2 = (round(value) for value in box.tolist())
    cv2.rectangle(image, (x1, y1), (x2, y2), colour, width, cv2.LINE_AA)
    if name:
        cv2.putText(image, name, (x1 + 6, y1 + 46), 0, 1.6, colour, 5, cv2.LINE_AA)


def _colour(name: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(name * 0.382 % 1, 0.8, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("output", type=Path, help="picture to write")
    text = "folder of the sets"
    parser.add_argument("--data", type=Path, default=SHARED, metavar="DIR", help=text)
    text = "what the networks saw, see evaluation.tracking"
    parser.add_argument("--keep", type=Path, metavar="DIR", help=text)


def show(args: argparse.Namespace) -> int:
    """Write the picture; returns 0."""
    check_writable(args.output)
    if not cv2.haveImageWriter(str(args.output)):
        raise UserError(f"{args.output}: no picture can be written by that name; end it in .webp")
    networks = "posse-detector", "posse-pose"
    recording = without_appearance(gymnasts_seen("gymnasts", args.data, networks, args.keep))
    tracked, _ = run(recording, posse())
    video = args.data / "gymnasts" / "gymnasts.mp4"
    images = [frame.image for frame in frames_of(video)][GYMNASTS_FROM:]
    rows = []
    for failure in failures(recording, tracked)[:_ROWS]:
        say(
            f"person {failure.person}: id {failure.was} up to frame "
            f"{failure.before + GYMNASTS_FROM}, {failure.became} from "
            f"{failure.after + GYMNASTS_FROM} on"
        )
        frames = failure.before, (failure.before + failure.after) // 2, failure.after
        drawn = [picture(images[f], recording, tracked, f, failure.person) for f in frames]
        rows.append(np.concatenate(drawn, axis=1))
    if not rows:
        say("nobody was lost")
        return 0
    args.output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.output), np.concatenate(rows), [cv2.IMWRITE_WEBP_QUALITY, 60])
    return 0


main = partial(run_command, "evaluation.failures", __doc__, add_arguments, show)

if __name__ == "__main__":
    sys.exit(main())
