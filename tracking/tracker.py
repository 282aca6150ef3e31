"""PoseTracker: who is who from frame to frame, by motion, joints and boxes.

Pure and deterministic: no clock, no random numbers, no input or output. The method and its sources
are in docs/tracking.md.
"""

from __future__ import annotations

import numpy as np

from pose.people import Detections, FloatArray, IntArray, Poses
from tracking import motion
from tracking.assignment import assign
from tracking.config import TrackerConfig
from tracking.memory import Memory
from tracking.similarity import box_iou, grown, oks
from tracking.tracks import TrackedPoses

__all__ = ["PoseTracker", "TrackerConfig"]

_USUAL_STEP_S = 0.04  # between frames, until two frames with different times were seen


class PoseTracker:
    """Gives every person an id that stays: `update` once a frame, frames of one video in order.

    Ids count from 1 and are never reused. Candidates (people seen too briefly to be sure) and
    people with a coordinate that is not finite are left out of the answer. Time must not stand
    still or run back; where it does, the last step between frames is taken again.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self._memory: Memory | None = None
        self._last_id = 0
        self._now_s = 0.0  # the tracker's own time, which only grows
        self._given_s: float | None = None  # the caller's time of the last frame
        self._step_s = _USUAL_STEP_S

    def update(self, poses: Poses, time_s: float, warp: FloatArray | None = None) -> TrackedPoses:
        """Continue the tracks with a frame's people; returns those whose identity is sure.

        `poses` are people of the frame at `time_s`, in any order, of the same skeleton in every
        call. `warp` (2, 3) takes pixels of the last frame to this one, where the camera moved.
        """
        config = self.config
        poses = _finite(poses)
        order = _canonical_order(poses)
        poses = poses.select(order)
        memory = self._memory
        if memory is None:
            memory = Memory.empty(len(poses.skeleton), poses.appearance.shape[1])
        first = self._given_s is None
        self._advance(time_s)
        memory = memory.select(memory.seen_s >= self._now_s - config.memory_s)

        ids = np.zeros(len(poses), np.int64)
        measured = _measured(poses)  # (N, C)
        noise = self._noise(poses)  # (N, C)
        ahead = self._ahead(memory, self._now_s)  # (5, T, C)
        similarity = self._similarity(memory, ahead, poses)  # (T, N)
        rows, columns = self._match(memory, similarity, poses.scores)
        if len(rows):
            memory.motion[:, rows] = motion.corrected(
                ahead[:, rows], measured[columns], noise[columns]
            )
            seen = _clear_joints(poses, config.joint_thr)[columns]
            memory.joint_scores[rows] = np.where(seen > 0, seen, 0.7 * memory.joint_scores[rows])
            memory.evidence[rows] += poses.scores[columns]
            memory.scores[rows] = poses.scores[columns]
            memory.seen_s[rows] = self._now_s
            memory.confirmed[rows] |= memory.evidence[rows] >= config.confirm_score
            shown = memory.confirmed[rows]
            ids[columns[shown]] = memory.ids[rows[shown]]
        # candidates missed once are gone
        memory = memory.select(memory.confirmed | (memory.seen_s == self._now_s))
        free = np.ones(len(poses), bool)
        free[columns] = False
        born = np.flatnonzero(free & (poses.scores >= config.birth_thr))
        if len(born):
            young = self._born(poses.select(born), measured[born], noise[born], first)
            ids[born] = np.where(young.confirmed, young.ids, 0)
            memory = memory.joined(young)
        self._memory = memory

        known = np.flatnonzero(ids)
        known = known[np.argsort(order[known])]  # the caller's order
        return TrackedPoses(poses.select(known), ids[known])

    def predict(self, time_s: float) -> Detections:
        """Where the shown people should be at `time_s`: for frames the detector skips or misses."""
        memory = self._memory
        if memory is None:
            return Detections.empty()
        now_s = self._now_s + max(time_s - (self._given_s or 0.0), 0.0)
        recent = memory.select(memory.confirmed & (memory.seen_s >= self._now_s))
        boxes = _boxes(self._ahead(recent, now_s))
        return Detections(boxes, recent.scores)

    def swap(self, a: int, b: int) -> None:
        """Exchange two identities from the next frame on."""
        self._rename({a: b, b: a})

    def merge(self, keep: int, gone: int) -> None:
        """Let `gone` be `keep` from the next frame on."""
        self.forget(keep)
        self._rename({gone: keep})

    def reassign(self, old: int, new: int) -> None:
        """Give the person `old` the id `new` from the next frame on."""
        self.merge(new, old)
        self._last_id = max(self._last_id, new)

    def forget(self, person: int) -> None:
        """Drop a person; whoever is seen there next gets a new id."""
        if self._memory is not None:
            self._memory = self._memory.select(self._memory.ids != person)

    def _rename(self, names: dict[int, int]) -> None:
        if self._memory is not None:
            ids = self._memory.ids
            self._memory.ids = np.array([names.get(i, i) for i in ids.tolist()], np.int64)

    def _advance(self, time_s: float) -> None:
        """Move the tracker's own time on, by the last step where the caller's stood still."""
        if self._given_s is not None:
            if time_s > self._given_s:
                self._step_s = time_s - self._given_s
            self._now_s += self._step_s
        self._given_s = time_s

    def _ahead(self, memory: Memory, now_s: float) -> motion.MotionArray:
        """The state of everybody predicted to `now_s`."""
        config = self.config
        height = memory.motion[0, :, 3:4]  # (T, 1)
        diffusion = (config.acceleration * height) ** 2
        elapsed = now_s - memory.seen_s
        return motion.predicted(memory.motion, elapsed, config.velocity_decay_s, diffusion)

    def _noise(self, poses: Poses) -> motion.MotionArray:
        """Variance (N, C) of what was measured; infinite for joints that were not seen."""
        config = self.config
        heights = np.maximum(poses.boxes[:, 3] - poses.boxes[:, 1], 1.0).astype(np.float64)
        joints = _clear_joints(poses, config.joint_thr)  # (N, K)
        with np.errstate(divide="ignore"):
            spread = config.joint_noise / joints.astype(np.float64)  # (N, K)
        box = np.full((len(poses), 4), config.box_noise)
        relative = np.concatenate([box, np.repeat(spread, 2, axis=1)], axis=1)  # (N, C)
        return (relative * heights[:, None]) ** 2

    def _similarity(self, memory: Memory, ahead: motion.MotionArray, poses: Poses) -> FloatArray:
        """Weighted OKS and IoU (T, N); IoU alone where no joint is sure in both."""
        config = self.config
        boxes = _boxes(ahead)
        iou = box_iou(grown(boxes, config.box_margin), grown(poses.boxes, config.box_margin))
        joint_scores = _clear_joints(poses, config.joint_thr)
        if config.oks_weight == 0 or not joint_scores.any() or not len(memory):
            return iou
        sigmas = np.asarray(config.sigmas or poses.skeleton.sigmas, np.float32)
        area = np.maximum(ahead[0, :, 2] * ahead[0, :, 3], 1.0)  # (T,)
        spread = ahead[2, :, 4:].reshape(len(memory), -1, 2).mean(-1)  # (T, K)
        var = (area[:, None] * (2 * sigmas) ** 2 + spread).astype(np.float32)
        joints = ahead[0, :, 4:].reshape(len(memory), -1, 2).astype(np.float32)
        pose, common = oks(joints, poses.keypoints, memory.joint_scores, joint_scores, var)
        share = config.oks_weight * np.minimum(common / 4, 1)  # four sure joints make a pose
        return (share * pose + (1 - share) * iou).astype(np.float32)

    def _match(
        self, memory: Memory, similarity: FloatArray, scores: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Rows and columns of `similarity` that are the same person."""
        config = self.config
        high = scores >= config.high_thr
        low = (scores >= config.low_thr) & ~high & config.second_pass
        recent = memory.seen_s >= self._now_s - 1.5 * self._step_s
        passes = (
            (memory.confirmed, high),
            (memory.confirmed & recent, low),
            (~memory.confirmed, high),
        )
        all_rows, all_columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        open_rows, open_columns = np.ones(len(memory), bool), np.ones(len(scores), bool)
        for row_mask, column_mask in passes:
            rows = np.flatnonzero(row_mask & open_rows)
            columns = np.flatnonzero(column_mask & open_columns)
            if not len(rows) or not len(columns):
                continue
            r, c = assign(
                similarity[rows[:, None], columns], config.min_similarity, config.assignment
            )
            open_rows[rows[r]] = False
            open_columns[columns[c]] = False
            all_rows.append(rows[r])
            all_columns.append(columns[c])
        return np.concatenate(all_rows), np.concatenate(all_columns)

    def _born(
        self, poses: Poses, measured: motion.MotionArray, noise: motion.MotionArray, first: bool
    ) -> Memory:
        """New people; on the first frame of a video everybody is taken at once."""
        count = len(poses)
        heights = np.maximum(measured[:, 3:4], 1.0)
        speed_var = np.broadcast_to((1.0 * heights) ** 2, measured.shape)
        wide = np.where(np.isfinite(noise), noise, (0.5 * heights) ** 2)
        ids = np.arange(self._last_id + 1, self._last_id + count + 1)
        self._last_id += count
        return Memory(
            ids,
            (poses.scores >= self.config.confirm_score) | first,
            poses.scores.copy(),
            poses.scores.copy(),
            np.full(count, self._now_s),
            _clear_joints(poses, self.config.joint_thr),
            motion.started(measured, wide, speed_var),
            poses.appearance.copy(),
        )


def _finite(poses: Poses) -> Poses:
    """Drop people whose box or score is not finite; a joint that is not has score 0."""
    good = np.isfinite(poses.boxes).all(1) & np.isfinite(poses.scores)
    joint_good = np.isfinite(poses.keypoints).all(2) & np.isfinite(poses.keypoint_scores)
    if good.all() and joint_good.all():
        return poses
    mended = Poses(
        poses.boxes,
        poses.scores,
        np.where(joint_good[..., None], poses.keypoints, 0),
        np.where(joint_good, poses.keypoint_scores, 0),
        poses.skeleton,
        poses.appearance,
    )
    return mended.select(good)


def _canonical_order(poses: Poses) -> IntArray:
    """An order of people that does not depend on the order they were given in."""
    keys = (*poses.boxes.T[::-1], -poses.scores)
    return np.lexsort(keys)


def _clear_joints(poses: Poses, joint_thr: float) -> FloatArray:
    """Joint scores (N, K), 0 where below the threshold."""
    return np.where(poses.keypoint_scores >= joint_thr, poses.keypoint_scores, 0)


def _measured(poses: Poses) -> motion.MotionArray:
    """Coordinates (N, C) of people: box centre, size, joints."""
    low, high = poses.boxes[:, :2], poses.boxes[:, 2:]
    parts = (
        (low + high) / 2,
        high - low,
        poses.keypoints.reshape(len(poses), 2 * len(poses.skeleton)),
    )
    return np.concatenate(parts, axis=1).astype(np.float64)


def _boxes(state: motion.MotionArray) -> FloatArray:
    """Boxes (T, 4) x1 y1 x2 y2 of a motion state."""
    centre, size = state[0, :, :2], np.maximum(state[0, :, 2:4], 1.0)
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
