"""The second pass over a finished video: link broken tracks, fill short gaps, smooth.

Live tracking knows only the past. Afterwards both ends of a gap are known: pieces of tracks are
joined by the cheapest assignment over all gaps (Zhang, Li and Nevatia, CVPR 2008, as one bipartite
step), and each person's coordinates are smoothed forward and backward (Rauch, Tung and Striebel,
1965) under the tracker's own motion model, which also fills the gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pose.people import DoubleArray, FloatArray, IntArray, Poses
from pose.skeleton import Skeleton
from tracking import motion
from tracking.assignment import assign
from tracking.config import TrackerConfig
from tracking.observation import boxes_of, clear_joints, coordinates, joints_of, uncertainty
from tracking.tracks import UNSEEN_SCORE, TrackedPoses

LINK_S = 3.0  # longest absence across which two pieces are joined
FILL_S = 0.5  # longest absence that is filled
_SHORTEST_S = 0.15  # people whose linked pieces span less are dropped, in longer videos
_END_S = 0.4  # length of a piece's end from which its speed is estimated
LIKELY = 0.3  # likeness from which two pieces are one person
_MOST_SPEED = 2.5  # heights per second that a person may move across a gap

_Link = tuple[int, int, float]  # the earlier piece, the later one, their likeness


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One track: a person in M frames."""

    frames: IntArray  # (M,) ascending, of one shot
    times_s: DoubleArray  # (M,)
    people: Poses  # M


def refined(
    frames: Sequence[TrackedPoses],
    times_s: Sequence[float],
    config: TrackerConfig | None = None,
    shots: Sequence[int] | None = None,
) -> list[TrackedPoses]:
    """The tracks of a whole video, linked, filled and smoothed; one for each of the `frames`.

    A joined person keeps the id that was seen first; whoever then spans less than 0.15 s is left
    out. People filled into a gap have lower scores than beside it. Nobody is joined across `shots`
    or shown in another shot (one number per frame; None: a single shot). The online tracks are not
    changed.
    """
    if not frames:
        return []
    config = config or TrackerConfig()
    clock = _rising(times_s)
    skeleton = frames[0].poses.skeleton
    shot = np.zeros(len(frames), np.int64) if shots is None else np.array(shots, np.int64)
    pieces = _pieces(frames, clock)
    chains = _chains(pieces, shot, config.velocity_decay_s)
    shortest_s = min(_SHORTEST_S, clock[-1])
    smooth = {}
    for person, chain in chains.items():
        together = _together([pieces[member] for member in chain])
        if together.times_s[-1] - together.times_s[0] >= shortest_s:
            smooth[person] = _within(shot, *_smoothed(together, clock, config))
    return _by_frame(smooth, len(frames), skeleton)


def _rising(times_s: Sequence[float]) -> DoubleArray:
    """Times (F,) that increase by at least a millisecond from frame to frame."""
    steps = np.maximum(np.diff(np.asarray(times_s, np.float64)), 1e-3)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _pieces(frames: Sequence[TrackedPoses], clock: DoubleArray) -> dict[int, _Piece]:
    """The tracks by id."""
    ids = np.concatenate([frame.ids for frame in frames])  # (S,) of everybody in every frame
    if not len(ids):
        return {}
    at = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])  # (S,)
    everybody = Poses.stacked([frame.poses for frame in frames if len(frame)])  # S
    rows: dict[int, list[int]] = {}
    for row, person in enumerate(ids.tolist()):
        rows.setdefault(person, []).append(row)
    return {
        person: _Piece(at[sights], clock[at[sights]], everybody.select(sights))
        for person, sights in rows.items()
    }


def _chains(pieces: dict[int, _Piece], shot: IntArray, decay_s: float) -> dict[int, list[int]]:
    """Ids of each person's pieces in order of time, keyed by the first piece's id.

    `shot` (F,) is the shot of every frame.
    """
    ids = list(pieces)
    ends = {person: _end(piece, last=True) for person, piece in pieces.items()}
    starts = {person: _end(piece, last=False) for person, piece in pieces.items()}
    begins_s = np.array([pieces[person].times_s[0] for person in ids])
    shot_of = [int(shot[pieces[person].frames[0]]) for person in ids]
    by_begin = np.argsort(begins_s, kind="stable")
    links: list[_Link] = []
    for row, before in enumerate(ids):
        ends_s = pieces[before].times_s[-1]
        span = np.searchsorted(begins_s[by_begin], [ends_s, ends_s + LINK_S], side="right")
        for column in by_begin[slice(*span)].tolist():
            if shot_of[column] != shot_of[row]:
                continue
            gap_s = begins_s[column] - ends_s
            alike = _link(ends[before], starts[ids[column]], gap_s, decay_s)
            if alike >= LIKELY:
                links.append((row, column, alike))
    follows = {ids[row]: ids[column] for row, column in best_links(links, len(ids))}
    chains = {}
    for first in set(ids) - set(follows.values()):
        chain = [first]
        while chain[-1] in follows:
            chain.append(follows[chain[-1]])
        chains[first] = chain
    return chains


def best_links(links: list[_Link], count: int) -> Iterator[tuple[int, int]]:
    """Pairs of the `count` pieces, earlier and later, with the largest sum of likenesses.

    Groups with no link between them are solved separately: all against all would fill the memory
    after a long video of many people.
    """
    if not links:
        return
    table = np.array(links)  # (E, 3)
    rows, columns = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    # A piece's end is one node, its start another.
    graph = coo_array((table[:, 2], (rows, count + columns)), shape=(2 * count, 2 * count))
    group = connected_components(graph, directed=False)[1][rows]  # (E,)
    order = group.argsort(kind="stable")
    for edges in np.split(order, np.diff(group[order]).nonzero()[0] + 1):
        some_rows, row = np.unique(rows[edges], return_inverse=True)
        some_columns, column = np.unique(columns[edges], return_inverse=True)
        alike = np.zeros((len(some_rows), len(some_columns)))
        alike[row, column] = table[edges, 2]
        r, c = assign(alike, LIKELY)
        yield from zip(some_rows[r].tolist(), some_columns[c].tolist(), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """A piece near its start or end."""

    place: DoubleArray  # (2,) box centre
    speed: DoubleArray  # (2,) pixels per second
    size: DoubleArray  # (2,) width and height
    appearance: FloatArray  # (D,) unit length; 0 where unknown


def _end(piece: _Piece, last: bool) -> _End:
    edge_s = piece.times_s[-1 if last else 0]
    near = np.abs(piece.times_s - edge_s) <= _END_S  # (M,)
    values, times_s = coordinates(piece.people)[near, :4], piece.times_s[near] - edge_s
    place, speed = values[-1 if last else 0, :2], np.zeros(2)
    if len(values) > 2:
        speed, place = np.polyfit(times_s, values[:, :2], 1)
    size = np.median(values[:, 2:], axis=0)
    looks = piece.people.appearance[near].mean(0)  # (D,)
    return _End(place, speed, size, looks / max(float(np.linalg.norm(looks)), 1e-6))


def _link(before: _End, after: _End, gap_s: float, decay_s: float) -> float:
    """How likely it is, 0 to 1, that one person left at `before` and came back at `after`."""
    reach_s = decay_s * (1 - np.exp(-gap_s / decay_s)) / 2  # each end is extrapolated half way
    offset = before.place + before.speed * reach_s - (after.place - after.speed * reach_s)
    height = max(before.size[1], after.size[1], 1.0)
    distance = np.hypot(*offset) / height
    if distance > 0.3 + _MOST_SPEED * gap_s:
        return 0.0
    spread = 0.2 + 0.8 * gap_s**0.75  # heights
    growth = np.abs(np.log(np.maximum(before.size, 1) / np.maximum(after.size, 1))).sum()
    unlike = 0.5 * (distance / spread) ** 2 + growth
    if before.appearance.any() and after.appearance.any():
        unlike += 1 - float(before.appearance @ after.appearance)
    return float(np.exp(-unlike))


def _together(pieces: list[_Piece]) -> _Piece:
    return _Piece(
        np.concatenate([piece.frames for piece in pieces]),
        np.concatenate([piece.times_s for piece in pieces]),
        Poses.stacked([piece.people for piece in pieces]),
    )


def _smoothed(piece: _Piece, clock: DoubleArray, config: TrackerConfig) -> tuple[IntArray, Poses]:
    """Frames (M',) and poses (M') of one person, smoothed, with short gaps filled."""
    frames, row = _filled_frames(piece, clock)  # (M',) and the row at or before each (M',)
    known = piece.frames[row] == frames  # (M',)
    joint_scores = clear_joints(piece.people, config.joint_thr)
    measured = coordinates(piece.people)
    noise = uncertainty(measured[:, 3], joint_scores, config)
    heights = np.maximum(np.median(measured[:, 3]), 1.0)
    states = motion.smoothed(
        clock[frames],
        measured[row],
        np.where(known[:, None], noise[row], np.inf),
        config.velocity_decay_s,
        (config.acceleration * heights) ** 2,
        (config.first_speed * heights) ** 2,
    )
    share = np.where(known, 1.0, UNSEEN_SCORE).astype(np.float32)  # (M',)
    people = piece.people.select(row)
    joints = joints_of(states)
    seen = joint_scores[row] > 0  # smoothing an unseen joint would only be a guess: leave it
    joints = np.where((seen | ~known[:, None])[..., None], joints, people.keypoints)
    smooth = Poses(
        boxes_of(states),
        people.scores * share,
        joints,
        people.keypoint_scores * share[:, None],
        people.skeleton,
        people.appearance,
    )
    return frames, smooth


def _filled_frames(piece: _Piece, clock: DoubleArray) -> tuple[IntArray, IntArray]:
    """Frames of a piece and its short gaps (M',), and its row at or before each frame (M',)."""
    spans = [
        np.arange(a, b) if clock[b] - clock[a] <= FILL_S + 1e-9 else np.array([a])
        for a, b in zip(piece.frames[:-1].tolist(), piece.frames[1:].tolist(), strict=True)
    ]
    frames = np.concatenate([*spans, piece.frames[-1:]])
    return frames, np.searchsorted(piece.frames, frames, side="right") - 1


def _within(shot: IntArray, frames: IntArray, people: Poses) -> tuple[IntArray, Poses]:
    """A person's frames (M,) and poses without those filled into another shot; `shot` (F,)."""
    inside = shot[frames] == shot[frames[0]]
    return (frames, people) if inside.all() else (frames[inside], people.select(inside))


def _by_frame(
    people: dict[int, tuple[IntArray, Poses]], count: int, skeleton: Skeleton
) -> list[TrackedPoses]:
    """The people of each of the `count` frames, from each person's frames (M,) and poses (M)."""
    if not people:
        return [TrackedPoses.empty(skeleton)] * count
    at = np.concatenate([frames for frames, _ in people.values()])  # (S,)
    ids = np.repeat(list(people), [len(frames) for frames, _ in people.values()])
    order = np.argsort(at, kind="stable")
    ids, everybody = ids[order], Poses.stacked([each for _, each in people.values()]).select(order)
    edges = np.searchsorted(at[order], np.arange(count + 1)).tolist()
    return [
        TrackedPoses(everybody.select(slice(start, end)), ids[start:end])
        if end > start
        else TrackedPoses.empty(skeleton)
        for start, end in pairwise(edges)
    ]
