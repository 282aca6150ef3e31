"""PoseTracker: keeps identities from frame to frame by motion, joints, boxes and appearance.

Pure and deterministic: no clock, no random numbers, no input or output. The method and its sources
are in docs/tracking.md.
"""

from __future__ import annotations

import math

import numpy as np

from pose.people import Detections, DoubleArray, FloatArray, IntArray, Poses
from pose.skeleton import Skeleton
from tracking import motion
from tracking.association import crowding, likeness, paired, returned
from tracking.config import TrackerConfig
from tracking.duplicates import distinct
from tracking.memory import UNSEEN_JOINT, Memory, mixed
from tracking.observation import Seen, boxes_of, joints_of, observed
from tracking.tracks import UNSEEN_SCORE, TrackedPoses

__all__ = ["PoseTracker", "TrackerConfig"]

_USUAL_STEP_S = 0.04  # between frames, until two frames with different times were seen
_JOINT_FADE = 0.7  # factor on a joint's score for each frame in which it was not seen
_COASTING_FROM = 2.0  # times `confirm_score`: false positives, seen more briefly, do not coast
_APPEARANCE_SHARE = 0.1  # of a clear view in the running mean of the appearance


class PoseTracker:
    """Gives every person a lasting id: call `update` once per frame of one video, in order.

    Ids count from 1 and are never reused. The result leaves out candidates (people seen too briefly
    to be sure), duplicate detections, and people whose box or score is not finite. Where the clock
    stands still or runs backwards, the last step between frames is used again.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self._memory = Memory.empty()
        self._last_id = 0
        self._now_s = 0.0  # the tracker's own time, which only grows
        self._given_s: float | None = None  # the caller's time of the last frame
        self._step_s = _USUAL_STEP_S
        self.shot = 0  # of the last frame

    def update(
        self, poses: Poses, time_s: float, warp: FloatArray | None = None, shot: int = 0
    ) -> TrackedPoses:
        """Continue the tracks with the people of a frame; returns the confirmed ones.

        `poses` are the people of the frame at `time_s`, in any order. `warp` (2, 3) takes pixels of
        the last frame to this one where the camera moved. People of another shot than the frame's
        `shot` are not matched; they are remembered until theirs comes back. Raises ValueError
        unless the configured sigmas are one per joint and `time_s` is finite.
        """
        if not math.isfinite(time_s):  # all later times would be as meaningless
            raise ValueError(f"time_s is {time_s}, expected seconds")
        poses, seen = observed(poses, self.config)
        sigmas = self.config.sigmas or poses.skeleton.sigmas
        if len(sigmas) != len(poses.skeleton):
            raise ValueError(f"sigmas has {len(sigmas)} numbers, expected {len(poses.skeleton)}")
        if self.config.double_oks < 1:
            kept = distinct(seen, sigmas, self.config.double_oks)
            seen = seen if len(kept) == len(seen) else seen.select(kept)
        first = self._given_s is None
        self._advance(time_s)
        memory, elsewhere = self._remembered(poses), None
        if shot or self.shot:  # rare: most videos are one shot
            here = memory.shot == shot
            memory, elsewhere = memory.select(here), memory.select(~here)
            first |= shot != self.shot and not len(memory)
            self.shot = shot
        if warp is not None:
            memory.motion = motion.warped(memory.motion, warp)

        ahead = self._ahead(memory, self._now_s)  # (5, T, C)
        unseen_s = self._now_s - self._step_s - memory.seen_s  # (T,)
        alike = likeness(memory, ahead, seen, unseen_s, sigmas, self.config)  # (T, N)
        rows, columns = paired(alike, memory.confirmed, self.config)

        candidate = ~memory.confirmed[rows]  # (M,)
        some_candidates = candidate.any()
        clearness = np.ones(len(seen))
        if some_candidates or poses.appearance.size:  # else nobody's clearness counts
            crowded = crowding(boxes_of(seen.measured), columns[~candidate])
            clearness -= self.config.crowd_doubt * crowded
        memory.motion[:, rows] = motion.corrected(
            ahead[:, rows], seen.measured[columns], seen.noise[columns]
        )
        self._note(memory, rows, seen, columns, clearness)
        if some_candidates:
            self._find_again(memory, ahead, rows[candidate & memory.confirmed[rows]])

        ids = np.zeros(len(seen), np.int64)
        ids[columns] = memory.ids[rows] * memory.confirmed[rows]
        if some_candidates:
            memory = memory.kept(memory.ids > 0)
        new = seen.trust >= self.config.birth_thr
        new[columns] = False
        if new.any():
            born = self._born(seen.select(new), first)
            ids[new] = np.where(born.confirmed, born.ids, 0)
            memory = memory.joined(born)
        self._memory = memory if elsewhere is None else memory.joined(elsewhere)
        return _shown(poses, seen.order, ids)

    def coasting(self, skeleton: Skeleton) -> TrackedPoses:
        """Where people should be who are not in the last frame, but were seen within `coast_s`.

        Their joints, in that frame's `skeleton`, move along with them. All scores, also those of
        joints, are UNSEEN_SCORE times the last ones.
        """
        memory, config = self._memory, self.config
        who = memory.seen_s < self._now_s  # (T,)
        if not who.any():  # the usual case
            return TrackedPoses.empty(skeleton)
        who &= self._now_s - memory.seen_s <= config.coast_s + 1e-6
        who &= memory.shot == self.shot
        who &= memory.confirmed & (memory.evidence >= _COASTING_FROM * config.confirm_score)
        if not who.any():
            return TrackedPoses.empty(skeleton)
        gone = memory.select(who)
        ahead = self._ahead(gone, self._now_s)[0]  # (T', C)
        poses = Poses(
            boxes_of(ahead),
            (UNSEEN_SCORE * gone.scores).astype(np.float32),
            joints_of(ahead),
            (UNSEEN_SCORE * gone.joint_scores).astype(np.float32),
            skeleton,
            gone.appearance,
        )
        return TrackedPoses(poses, gone.ids)

    def predict(self, time_s: float | None = None, warp: FloatArray | None = None) -> Detections:
        """Boxes of the last frame's people, predicted to `time_s`; None: as they were there.

        They stand in for the detector where it does not run, and for people it may have missed.
        `warp` is the camera's motion since then, as `update` takes it.
        """
        memory = self._memory
        recent = memory.select(memory.confirmed & (memory.seen_s >= self._now_s))
        if warp is not None:
            recent.motion = motion.warped(recent.motion, warp)
        elapsed_s = 0.0
        if time_s is not None and self._given_s is not None:
            elapsed_s = max(time_s - self._given_s, 0.0)
        ahead = self._ahead(recent, self._now_s + elapsed_s)
        return Detections(boxes_of(ahead[0]), recent.scores.astype(np.float32))

    def swap(self, a: int, b: int) -> None:
        """Exchange two identities from the next frame on; a lock stays with its identity.

        Raises ValueError for an id below 1, as `merge` and `reassign` do.
        """
        self._reserve(a, b)
        memory = self._memory
        rows = np.flatnonzero((memory.ids == a) | (memory.ids == b))
        memory.locked[rows] = memory.locked[rows[::-1]]
        self._rename({a: b, b: a})

    def merge(self, keep: int, gone: int) -> None:
        """Give the person `gone` the id `keep` from the next frame on; locked if either was."""
        self._reserve(keep)
        memory = self._memory
        if gone != keep and gone in memory.ids:
            memory.locked |= memory.locked[memory.ids == keep].any() & (memory.ids == gone)
            self.forget(keep)
            self._rename({gone: keep})

    def reassign(self, old: int, new: int) -> None:
        """Give the person `old` the id `new` from the next frame on; nobody else gets it."""
        self.merge(new, old)

    def forget(self, person: int) -> None:
        """Drop a person; whoever is seen there next gets a new id."""
        self._memory = self._memory.select(self._memory.ids != person)

    def forget_poses(self) -> None:
        """Forget joints and appearance, as another network sees them; boxes and ids go on."""
        memory = self._memory
        joints, features = memory.joint_scores.shape[1], memory.appearance.shape[1]
        self._memory = memory.fitted(0, 0).fitted(joints, features)

    def lock(self, person: int, locked: bool = True) -> None:
        """Keep an identity for its person, however long they are out of sight.

        It is matched only near where that person was last seen, as far as they can have moved in
        `memory_s`; corrections still rename it, and `forget` drops it.
        """
        self._memory.locked[self._memory.ids == person] = locked

    def _reserve(self, *ids: int) -> None:
        """Give nobody new these ids. Raises ValueError for one below 1."""
        if min(ids) < 1:
            raise ValueError(f"an id is {min(ids)}, expected 1 or more")
        self._last_id = max(self._last_id, *ids)

    def _rename(self, names: dict[int, int]) -> None:
        ids = [names.get(person, person) for person in self._memory.ids.tolist()]
        self._memory.ids = np.array(ids, np.int64)

    def _advance(self, time_s: float) -> None:
        """Advance the tracker's own time, by the last step where the caller's did not advance."""
        if self._given_s is not None:
            if time_s > self._given_s:
                self._step_s = time_s - self._given_s
            self._now_s += self._step_s
        self._given_s = time_s

    def _remembered(self, poses: Poses) -> Memory:
        """People not yet forgotten, with the joints and features that `poses` have."""
        memory, config = self._memory, self.config
        span_s = np.where(memory.confirmed, config.memory_s, config.candidate_s + self._step_s)
        fresh = self._now_s - memory.seen_s <= span_s
        memory = memory.kept(fresh | memory.locked)
        # An empty frame does not tell how many features describe a person.
        features = (poses if len(poses) else memory).appearance.shape[1]
        return memory.fitted(len(poses.skeleton), features)

    def _ahead(self, memory: Memory, now_s: float) -> motion.MotionArray:
        """The motion of everybody (5, T, C), predicted to `now_s`.

        No further than `memory_s` ahead: more uncertainty would match a locked person with anyone.
        """
        diffusion = (self.config.acceleration * memory.motion[0, :, 3:4]) ** 2  # (T, 1)
        elapsed_s = np.minimum(now_s - memory.seen_s, self.config.memory_s)
        ahead = motion.predicted(memory.motion, elapsed_s, self.config.velocity_decay_s, diffusion)
        # A box widens and narrows with the pose; extrapolated over a gap, that becomes nonsense.
        ahead[0, :, 2:4] = memory.motion[0, :, 2:4]
        return ahead

    def _note(
        self, memory: Memory, rows: IntArray, seen: Seen, columns: IntArray, clearness: DoubleArray
    ) -> None:
        """Store what was seen of the people `rows`, who are `columns` of the frame."""
        scores, clear = seen.scores[columns], clearness[columns]  # (M,)
        joints = seen.joint_scores[columns]  # (M, K)
        faded = _JOINT_FADE * memory.joint_scores[rows]
        memory.joint_scores[rows] = np.where(joints > 0, joints, faded)
        counted = np.where(memory.confirmed[rows], 1.0, clear)  # a confirmed one is no duplicate
        memory.evidence[rows] += seen.trust[columns] * counted
        memory.scores[rows] = scores
        memory.seen_s[rows] = self._now_s
        memory.confirmed[rows] |= memory.evidence[rows] >= self.config.confirm_score
        if seen.appearance.size:
            share = (_APPEARANCE_SHARE * scores * clear)[:, None].astype(np.float32)
            looks = seen.appearance[columns]  # (M, D)
            memory.appearance[rows] = mixed(memory.appearance[rows], looks, share)

    def _find_again(self, memory: Memory, ahead: motion.MotionArray, new: IntArray) -> None:
        """Give newly confirmed people the ids of lost people who could have moved there.

        A lost person's old row gets the id 0.
        """
        lost = np.flatnonzero(memory.confirmed & (memory.seen_s < self._now_s))
        if not len(new) or not len(lost) or not self.config.reach:
            return
        old, now = returned(memory, ahead, lost, new, self.config)
        memory.ids[now], memory.locked[now] = memory.ids[old], memory.locked[old]
        memory.ids[old] = 0

    def _born(self, seen: Seen, first: bool) -> Memory:
        """New candidates; on the first frame, whoever scores high is confirmed at once."""
        config, count = self.config, len(seen)
        heights = np.maximum(seen.measured[:, 3:4], 1.0)
        noise = np.where(np.isfinite(seen.noise), seen.noise, (UNSEEN_JOINT * heights) ** 2)
        sure = (seen.trust >= config.confirm_score) | (first & (seen.trust >= config.high_thr))
        ids = np.arange(self._last_id + 1, self._last_id + count + 1)
        self._last_id += count
        return Memory(
            ids=ids,
            confirmed=sure,
            locked=np.zeros(count, bool),
            evidence=seen.trust.copy(),
            scores=seen.scores.copy(),
            seen_s=np.full(count, self._now_s),
            shot=np.full(count, self.shot),
            joint_scores=seen.joint_scores,
            motion=motion.started(seen.measured, noise, (config.first_speed * heights) ** 2),
            appearance=seen.appearance,
        )


def _shown(poses: Poses, order: IntArray, ids: IntArray) -> TrackedPoses:
    """The people with an id, in the caller's order; ids (N,) belong to `poses` at `order` (N,)."""
    given = np.zeros(len(poses), np.int64)
    given[order] = ids
    if given.all():
        return TrackedPoses(poses, given)
    shown = given.nonzero()[0]
    return TrackedPoses(poses.select(shown), given[shown])
