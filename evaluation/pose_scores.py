"""Score one sequence of poses, and sum up a set: AP, CLEAR, HOTA and identity per joint.

AP and CLEAR equal those of the reference program poseval, its quirks included (docs/evaluation.md
lists them); `strict` scores every labelled frame person by person. HOTA, identity and the scores of
whole people have no quirks: they always take every labelled frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from evaluation.annotation_files import read_sequence
from evaluation.annotations import JOINTS, MISSING_SCORE, AnnotationError, Sequence
from evaluation.ap import JointDetections, correct_joints
from evaluation.hota import HotaCounts, hota
from evaluation.identity import IdentityCounts, identity
from evaluation.matching import FramePairs, JoinedFrames
from evaluation.mota import ClearResult, MotCounts, clear_joined
from evaluation.people_counts import PeopleCounts, count_people
from evaluation.pose_pairs import (
    PosePairs,
    frame_pairs,
    person_similarities,
    pose_pairs,
    similarities,
    without_low_scores,
)
from evaluation.regions import without_ignored
from pose.command import counted
from pose.people import BoolArray, IntArray

METRICS = ("AP", "CLEAR", "HOTA", "Identity")


class ScoreOptions(NamedTuple):
    """What to score, and how."""

    metrics: tuple[str, ...] = METRICS
    strict: bool = False  # not as poseval, but every labelled frame, person by person
    kpt_thr: float | None = None  # predicted joints scored lower are not tracked; AP takes them all
    sweep: tuple[float, ...] = ()  # further thresholds, only for MOTA
    expected: str = "auto"  # the files' format


class PoseCounts(NamedTuple):
    """All that a set's scores are computed from; counts of sequences add with +."""

    detections: JointDetections
    mot: MotCounts
    hota: HotaCounts
    identity: IdentityCounts
    people: PeopleCounts  # who agree by their OKS
    sweep: tuple[MotCounts, ...]  # one for each threshold
    frames: int  # scored
    last_frames: int  # last frames of sequences, left out of MOTA as in poseval
    empty_frames: int  # without truth or without predictions, counted as in poseval

    def __add__(self, other: PoseCounts) -> PoseCounts:  # type: ignore[override]  # sums
        return PoseCounts(
            self.detections + other.detections,
            self.mot + other.mot,
            self.hota + other.hota,
            self.identity + other.identity,
            self.people + other.people,
            tuple(a + b for a, b in zip(self.sweep, other.sweep, strict=True)),
            self.frames + other.frames,
            self.last_frames + other.last_frames,
            self.empty_frames + other.empty_frames,
        )


class SequenceScore(NamedTuple):
    """A sequence's counts, and what a report shows of it."""

    name: str
    counts: PoseCounts
    events: ClearResult  # of the frames in `clear_frames`
    clear_frames: IntArray  # their index in the file
    frame_names: tuple[str, ...]  # of the whole file
    warnings: tuple[str, ...]


def total(scores: Iterable[SequenceScore]) -> PoseCounts:
    """Sum the counts of a set of at least one sequence, in their order."""
    counts = [score.counts for score in scores]
    while len(counts) > 1:  # in pairs: one by one would copy the first detections each time
        odd = counts[-1:] if len(counts) % 2 else []
        counts = [a + b for a, b in zip(counts[0::2], counts[1::2], strict=False)] + odd
    return counts[0]


def score_files(truth_path: Path, predicted_path: Path, options: ScoreOptions) -> SequenceScore:
    """Read and score one sequence. Raises AnnotationError."""
    need_ids = any(metric != "AP" for metric in options.metrics)
    expected = options.expected
    truth = read_sequence(truth_path, truth=True, need_ids=need_ids, expected=expected)
    predicted = read_sequence(predicted_path, truth=False, need_ids=need_ids, expected=expected)
    _check_frames(truth, predicted)
    return score_sequence(truth, predicted, options)


def score_sequence(truth: Sequence, predicted: Sequence, options: ScoreOptions) -> SequenceScore:
    """Score one sequence whose truth and prediction have the same frames."""
    thresholds = [each for each in (options.kpt_thr, *options.sweep) if each is not None]
    warnings = tuple(_warnings(truth, predicted, max(thresholds, default=None)))
    scored = truth.labelled if options.strict else truth.annotated  # (F,)
    if options.strict:  # of equally good pairs the first is taken: the file's order must not decide
        truth, predicted = truth.in_order_of_place(), predicted.in_order_of_place()
    taken = scored | truth.labelled  # only HOTA and identity need labelled frames without people
    truth, predicted = (side.select(taken[side.frame]) for side in (truth, predicted))
    regions = truth.regions
    truth, predicted = without_ignored(truth, regions), without_ignored(predicted, regions)
    pairs = pose_pairs(truth, predicted)
    tracked, tracked_pairs = predicted, pairs
    if options.kpt_thr is not None:
        tracked = without_low_scores(predicted, options.kpt_thr)
        tracked_pairs = pose_pairs(truth, tracked)

    wanted = options.metrics
    detections = JointDetections.zero(JOINTS)
    if "AP" in wanted:
        detections = _detections(truth, predicted, pairs, scored)
    frames = np.flatnonzero(scored)
    clear_frames = frames if options.strict else frames[:-1]
    if "CLEAR" not in wanted:
        clear_frames = frames[:0]
    placed, empty_frames = _clear_frames(
        truth, tracked, tracked_pairs, clear_frames, options.strict
    )
    events = clear_joined(placed)
    swept = []
    for threshold in options.sweep:
        rest = without_low_scores(predicted, threshold)
        rest_pairs = pose_pairs(truth, rest)
        placed, _ = _clear_frames(truth, rest, rest_pairs, clear_frames, options.strict)
        swept.append(clear_joined(placed))
    counts = PoseCounts(
        detections,
        events.counts,
        *_association(truth, tracked, tracked_pairs, wanted),
        tuple(result.counts for result in swept),
        len(frames),
        0 if options.strict else min(1, len(frames)),
        empty_frames,
    )
    return SequenceScore(truth.name, counts, events, clear_frames, truth.frame_names, warnings)


def _check_frames(truth: Sequence, predicted: Sequence) -> None:
    """Raise AnnotationError where the frames differ in number, or the same names in order.

    Pictures may be in other folders, or have other names (which `_warnings` reports).
    """
    if len(truth) != len(predicted):
        raise AnnotationError(
            f"{predicted.path}: {counted(len(predicted), 'frame')}, but the truth {truth.path} has "
            f"{len(truth)}; every frame must be there, also those without people"
        )
    ours, theirs = _pictures(truth), _pictures(predicted)
    if ours != theirs and sorted(ours) == sorted(theirs):
        frame = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        raise AnnotationError(
            f"{predicted.path}: its frames are in another order than the truth's: frame {frame} is "
            f"{theirs[frame]}, and not {ours[frame]}"
        )


def _pictures(sequence: Sequence) -> list[str]:
    return [PurePosixPath(name).name for name in sequence.frame_names]


def _warnings(truth: Sequence, predicted: Sequence, kpt_thr: float | None) -> Iterable[str]:
    names = zip(_pictures(truth), _pictures(predicted), strict=True)
    other = [(frame, a, b) for frame, (a, b) in enumerate(names) if b and a != b]
    if other:
        frame, ours, theirs = other[0]
        yield (
            f"{predicted.path}: {len(other)} of {len(predicted)} frames are called otherwise than "
            f"the truth's (frame {frame} is {theirs}, not {ours}); they are taken to be the same "
            "in this order"
        )
    flat = np.flatnonzero(truth.head_px == 0)
    if len(flat):
        rest = f" (and {len(flat) - 1} more in this file)" if len(flat) > 1 else ""
        yield f"{truth.where(flat[0])}: the head box has no size, nothing can match it{rest}"
    for side in (truth, predicted):
        if side.unknown_points:
            left_out = f"{counted(side.unknown_points, 'point')} of no joint, 0 to 14, left out"
            yield f"{side.path}: {left_out}; are the others in PoseTrack's order?"
    unscored = int((predicted.there & (predicted.scores == MISSING_SCORE)).sum())
    if unscored:
        untracked = "" if kpt_thr is None else f"; none reaches the threshold of {kpt_thr:g}"
        points = f"{counted(unscored, 'point')} without a score, ranked last in AP"
        yield f"{predicted.path}: {points}{untracked}"


def _detections(
    truth: Sequence, predicted: Sequence, pairs: PosePairs, scored: BoolArray
) -> JointDetections:
    """The joints of the predictions, and the number of true ones, in the `scored` frames (F,)."""
    correct = correct_joints(
        pairs.matched, truth.there.sum(1), pairs.truth, pairs.predicted, len(predicted.frame)
    )
    scores = np.where(predicted.there, predicted.scores, np.nan)
    here = scored[predicted.frame]
    return JointDetections(scores[here], correct[here], truth.there[scored[truth.frame]].sum(0))


def _clear_frames(
    truth: Sequence, predicted: Sequence, pairs: PosePairs, frames: IntArray, strict: bool
) -> tuple[JoinedFrames, int]:
    """The given frames for CLEAR, and how many of them have nobody on one side.

    poseval counts such a frame as one miss and one false positive of every joint, however many
    people it has; so it becomes a frame of one true and one predicted person who cannot match.
    """
    place = np.full(len(truth), -1)  # (F,) index of each frame among those given
    place[frames] = np.arange(len(frames))
    nobody = np.zeros(0, np.int64)
    if not strict:
        sides = np.diff(pairs.truth_starts), np.diff(pairs.predicted_starts)
        empty = (sides[0] == 0) | (sides[1] == 0)  # (F,)
        nobody = np.flatnonzero(empty[frames])
        place[empty] = -1
    taken = place[truth.frame[pairs.truth]] >= 0  # (M,)
    values = np.where(pairs.matched, pairs.distances, np.nan)[taken]
    truth_number = np.cumsum(place[truth.frame] >= 0) - 1
    predicted_number = np.cumsum(place[predicted.frame] >= 0) - 1
    return JoinedFrames(
        len(frames),
        *_placed(truth, place, nobody),
        *_placed(predicted, place, nobody),
        truth_number[pairs.truth[taken]],
        predicted_number[pairs.predicted[taken]],
        values,
    ), len(nobody)


def _placed(
    people: Sequence, place: IntArray, nobody: IntArray
) -> tuple[IntArray, IntArray, BoolArray]:
    """Frame, id and joints of the people in frames with a place, and of one in each of `nobody`."""
    frame = place[people.frame]  # (N,)
    return (
        np.concatenate([frame[frame >= 0], nobody]),
        np.concatenate([people.ids[frame >= 0], np.full(len(nobody), -1)]),
        np.concatenate([people.there[frame >= 0], np.ones((len(nobody), JOINTS), bool)]),
    )


def _association(
    truth: Sequence, predicted: Sequence, pairs: PosePairs, wanted: tuple[str, ...]
) -> tuple[HotaCounts, IdentityCounts, PeopleCounts]:
    """HOTA and identity of every labelled frame: per joint, and of whole people."""
    joint_hota, joint_identity = HotaCounts.zero(JOINTS), IdentityCounts.zero(JOINTS)
    if not {"HOTA", "Identity"} & set(wanted):
        return joint_hota, joint_identity, PeopleCounts.zero()
    frames = np.flatnonzero(truth.labelled)
    if "HOTA" in wanted:
        near = similarities(pairs.distances)
        joint_hota = hota(frame_pairs(pairs, truth, predicted, near, frames), JOINTS)
    if "Identity" in wanted:
        agree = pairs.matched.astype(np.float64)
        joint_identity = identity(frame_pairs(pairs, truth, predicted, agree, frames), JOINTS)
    people = count_people(_whole_people(pairs, truth, predicted, frames))
    return joint_hota, joint_identity, people


def _whole_people(
    pairs: PosePairs, truth: Sequence, predicted: Sequence, frames: IntArray
) -> list[FramePairs]:
    """OKS of everybody who has a joint, as frames of one layer."""
    placed = frame_pairs(
        pairs, truth, predicted, person_similarities(pairs, truth, predicted), frames
    )
    return [
        frame._replace(
            truth_there=np.asarray(frame.truth_there.any(0, keepdims=True)),
            predicted_there=np.asarray(frame.predicted_there.any(0, keepdims=True)),
        )
        for frame in placed
    ]
