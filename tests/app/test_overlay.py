"""The drawing of a frame and its painting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.overlay import Overlay, OverlayStyle, colour_of
from app.paint import rasterise, segment_quads
from app.plates import apart
from pose.people import Frame, Poses
from pose.skeleton import COCO17, SKELETONS, Skeleton
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses


def standing(x: float, skeleton: Skeleton = COCO17, score: float = 0.9) -> Poses:
    joints = len(skeleton)
    keypoints = np.stack(
        [np.full(joints, x) + np.arange(joints) % 3 * 8, np.linspace(20, 100, joints)], axis=1
    )[None]
    box = [[x - 10, 15, x + 30, 105]]
    return Poses(box, [0.9], keypoints, np.full((1, joints), score), skeleton)


def result(poses: Poses, ids: list[int], index: int = 0, time_s: float = 0.0) -> FrameResult:
    image = np.full((120, 160, 3), 90, np.uint8)
    return FrameResult(Frame(index, time_s, image), TrackedPoses(poses, np.array(ids)), {})


def test_the_frames_picture_is_not_written_to() -> None:
    shown = result(standing(50), [1])
    before = shown.frame.image.copy()
    painted = rasterise(Overlay(OverlayStyle()).layout(shown), shown.frame.image)
    np.testing.assert_array_equal(shown.frame.image, before)
    assert (painted != before).any()


def test_neighbouring_ids_have_colours_far_apart() -> None:
    colours = np.array([colour_of(person) for person in range(1, 17)], float)
    gaps = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    assert gaps[~np.eye(16, dtype=bool)].min() > 60


@given(st.integers(1, 10**9))
def test_every_id_has_a_colour_that_is_not_dark(person: int) -> None:
    assert max(colour_of(person)) > 120


def test_the_persons_colour_is_on_the_limb() -> None:
    style = OverlayStyle(boxes=False, labels=False, joints=False, trails_s=0, thickness=6)
    shown = result(standing(50), [1])
    painted = rasterise(Overlay(style).layout(shown), shown.frame.image)
    assert (painted == np.array(colour_of(1)[::-1])).all(axis=2).sum() > 50


def test_joints_below_the_threshold_are_not_drawn() -> None:
    drawing = Overlay(OverlayStyle(kpt_thr=0.3)).layout(result(standing(50, score=0.2), [1]))
    assert len(drawing.segments) == len(drawing.circles) == 0
    assert len(drawing.labels) == 1


def test_joints_that_are_not_given_are_not_drawn_at_any_threshold() -> None:
    """Files without a joint have it at 0, 0 with score 0."""
    style = OverlayStyle(boxes=False, labels=False, trails_s=0, kpt_thr=0.0)
    shown = result(standing(50, score=0.0), [1])
    painted = rasterise(Overlay(style).layout(shown), shown.frame.image)
    np.testing.assert_array_equal(painted, shown.frame.image)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_every_skeleton_and_nobody_can_be_drawn(skeleton: Skeleton) -> None:
    overlay = Overlay(OverlayStyle(blur_faces=True))
    for poses, ids in ((standing(50, skeleton), [1]), (Poses.empty(skeleton), [])):
        shown = result(poses, ids)
        drawing = overlay.layout(shown)
        assert drawing.segments.shape[1:] == (6,)
        assert rasterise(drawing, shown.frame.image).shape == (120, 160, 3)


def test_trails_fade_and_end() -> None:
    overlay = Overlay(OverlayStyle(trails_s=1.0, boxes=False))
    for index in range(10):
        drawing = overlay.layout(result(standing(40 + 4 * index), [1], index, index * 0.1))
    (trail,) = drawing.polylines
    assert (np.diff(trail.colours[:, 3].astype(int)) >= 0).all()
    assert (np.diff(trail.points[:, 0]) > 0).all()
    gone = overlay.layout(result(Poses.empty(COCO17), [], 30, 5.0))
    assert gone.polylines == ()


def test_trails_stay_on_the_ground_where_the_camera_moves() -> None:
    """The camera follows a runner, who stays in the picture's middle, and zooms in at the end."""
    overlay = Overlay(OverlayStyle(trails_s=1.0, boxes=False))
    for index in range(6):
        pan = np.array([[1.0, 0, -6 * index], [0, 1, 0], [0, 0, 1]])
        shown = replace(result(standing(70), [1], index, index / 10), camera=pan)
        for _ in range(2):  # the second time restyled
            drawing = overlay.layout(shown)
    (trail,) = drawing.polylines
    np.testing.assert_allclose(np.diff(trail.points[:, 0]), 6, atol=1e-3)
    assert trail.points[-1, 0] == pytest.approx(78)  # the hips of somebody at 70
    closer = np.array([[2.0, 0, -78], [0, 2, 0], [0, 0, 1]])  # twice as large, 78 stays in place
    nearer = replace(result(standing(70), [1], 6, 0.6), camera=closer @ pan)
    (trail,) = overlay.layout(nearer).polylines
    np.testing.assert_allclose(np.diff(trail.points[:-2, 0]), 12, atol=1e-3)


def test_trails_are_exact_however_far_the_camera_has_gone() -> None:
    overlay = Overlay(OverlayStyle(trails_s=1.0, boxes=False))
    steps = [-1e6 / 7] * 100 + [-6.3] * 10  # a long way, then slowly
    for index, x in enumerate(np.cumsum(steps)):
        pan = np.array([[1, 0, x], [0, 1, 0], [0, 0, 1]])
        drawing = overlay.layout(replace(result(standing(70), [1], index, index / 10), camera=pan))
    (trail,) = drawing.polylines
    np.testing.assert_allclose(np.diff(trail.points[-9:, 0]), 6.3, atol=1e-3)


def test_the_trail_of_who_is_gone_fades_within_moments_and_is_there_again_with_them() -> None:
    overlay = Overlay(OverlayStyle(trails_s=2.0, boxes=False))
    for index in range(5):
        drawing = overlay.layout(result(standing(40 + 4 * index), [1], index, index * 0.1))
    (trail,) = drawing.polylines
    nobody = Poses.empty(COCO17)
    (fading,) = overlay.layout(result(nobody, [], 5, 0.55)).polylines  # half of the 0.3 s
    assert 0.4 < fading.colours[-1, 3] / trail.colours[-1, 3] < 0.5
    overlay.layout(result(nobody, [], 6, 0.65))
    assert overlay.layout(result(nobody, [], 7, 0.75)).polylines == ()
    (back,) = overlay.layout(result(standing(70), [1], 8, 0.8)).polylines
    assert len(back.points) == 6
    assert back.colours[-1, 3] == 200


def test_a_trail_outlives_a_missed_frame_however_slow_the_frames_come() -> None:
    overlay = Overlay(OverlayStyle(trails_s=9.0, boxes=False))
    for index in range(5):
        overlay.layout(result(standing(40 + 4 * index), [1], index, index * 1.0))
    nobody = Poses.empty(COCO17)
    assert len(overlay.layout(result(nobody, [], 5, 5.0)).polylines) == 1
    assert overlay.layout(result(nobody, [], 6, 6.0)).polylines == ()


def test_trails_do_not_depend_on_who_came_first() -> None:
    def later(overlay: Overlay) -> list[np.ndarray]:
        for index in range(10, 13):
            drawing = overlay.layout(result(both, [1, 2], index, index / 10))
        return [trail.colours for trail in drawing.polylines]

    one, other = standing(50), standing(52)
    both = Poses(
        *(np.concatenate(pair) for pair in zip(
            (one.boxes, one.scores, one.keypoints, one.keypoint_scores),
            (other.boxes, other.scores, other.keypoints, other.keypoint_scores), strict=True
        )), COCO17,
    )  # fmt: skip
    from_the_start = Overlay(OverlayStyle(trails_s=1.0, boxes=False))
    from_the_start.layout(result(other, [2], 9, 0.9))
    went_on = Overlay(OverlayStyle(trails_s=1.0, boxes=False))
    for mine, theirs in zip(later(from_the_start), later(went_on), strict=True):
        assert mine[-1].tolist() == theirs[-1].tolist()


def test_a_cut_forgets_the_trails() -> None:
    overlay = Overlay(OverlayStyle(trails_s=9.0, boxes=False))
    for index in range(5):
        overlay.layout(result(standing(40 + 4 * index), [1], index, index / 10))
    cut = replace(result(Poses.empty(COCO17), [], 5, 0.5), shot=1)
    assert overlay.layout(cut).polylines == ()


def test_a_jump_back_in_time_forgets_the_trails() -> None:
    overlay = Overlay(OverlayStyle(boxes=False))
    for time_s in (1.0, 1.1, 0.2):
        drawing = overlay.layout(result(standing(50), [1], 0, time_s))
    assert drawing.polylines == ()


def test_a_frame_drawn_again_keeps_its_trails() -> None:
    overlay = Overlay(OverlayStyle(boxes=False))
    for time_s in (1.0, 1.1, 1.2):
        once = overlay.layout(result(standing(50 * time_s), [1], 0, time_s))
    overlay.style = OverlayStyle(boxes=False, thickness=3.0)
    again = overlay.layout(result(standing(50 * 1.2), [1], 0, 1.2))
    np.testing.assert_array_equal(again.polylines[0].points, once.polylines[0].points)


def test_labels_stay_inside_the_picture_and_carry_names() -> None:
    style = OverlayStyle(names={2: "Anna"})
    poses = standing(1)
    drawing = Overlay(style).layout(result(poses, [2]))
    (label,) = drawing.labels
    assert label.text == "Anna"
    assert label.x >= 0
    assert label.y - label.size_px > 0


@pytest.mark.parametrize(
    ("plates", "moves"),
    [
        ([(0, 50, 30, 60), (40, 50, 70, 60)], [0, 0]),
        ([(0, 50, 30, 60), (20, 55, 50, 65)], [0, -15]),
        ([(0, 50, 30, 60), (0, 38, 30, 48), (0, 52, 30, 62)], [0, 0, -24]),
        ([(0, 2, 30, 12), (20, 2, 50, 12)], [0, 10]),  # there is no room above
    ],
    ids=["beside each other", "one over the other", "two in the way", "at the top"],
)
def test_labels_go_up_or_down_until_they_lie_apart(plates, moves) -> None:
    assert apart(plates) == moves


def test_the_nearer_of_two_people_in_one_place_keeps_the_place_of_the_label() -> None:
    far, near = standing(50).boxes[0] + [(0, 0, 0, 0), (2, 0, 2, 3)]
    poses = standing(50)
    both = replace(
        poses,
        boxes=np.array([far, near], np.float32),
        scores=poses.scores.repeat(2),
        keypoints=poses.keypoints.repeat(2, 0),
        keypoint_scores=poses.keypoint_scores.repeat(2, 0),
    )
    alone = Overlay(OverlayStyle()).layout(result(poses, [1])).labels[0]
    first, second = Overlay(OverlayStyle()).layout(result(both, [1, 2])).labels
    assert (first.text, second.text) == ("2", "1")
    assert first.y == alone.y
    assert abs(second.y - first.y) >= 1.99 * first.size_px


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna", "Anna"),
        ("Anna\r\n Maria", "Anna Maria"),
        ("Bartholomew Feather", "Bartholomew Feather"),  # 80 pixels / 4.8 = 1 + 0.8 * 19 letters
        ("Bartholomew Feathers", "Bartholomew Feathe…"),
        ("Bartholomew of the North", "Bartholomew of the…"),
    ],
)
def test_a_label_is_one_line_and_no_wider_than_half_the_picture(name: str, shown: str) -> None:
    (label,) = Overlay(OverlayStyle(names={1: name})).layout(result(standing(150), [1])).labels
    assert label.text == shown
    assert label.size_px == pytest.approx(4.8)
    assert label.x + label.size_px * (1 + 0.8 * len(shown)) < 160.01


@pytest.mark.parametrize(("size_wh", "size_px"), [((1280, 720), 9), ((3840, 2160), 23.04)])
def test_labels_of_far_people_can_be_read_where_a_large_picture_is_shown_small(
    size_wh: tuple[int, int], size_px: float
) -> None:
    frame = Frame(0, 0.0, np.zeros((size_wh[1], size_wh[0], 3), np.uint8))
    far = FrameResult(frame, TrackedPoses(standing(150), np.array([1])), {})
    (label,) = Overlay(OverlayStyle()).layout(far).labels
    assert label.size_px == pytest.approx(size_px)


def test_black_background_hides_the_picture_everywhere() -> None:
    style = OverlayStyle(black_background=True, boxes=False, labels=False)
    shown = result(standing(50), [1])
    painted = rasterise(Overlay(style).layout(shown), shown.frame.image)
    assert not painted[:, 120:].any()


def test_blurred_faces_lose_their_detail() -> None:
    shown = result(standing(50), [1])
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    style = OverlayStyle(
        blur_faces=True, boxes=False, labels=False, skeleton=False, joints=False, trails_s=0
    )
    drawing = Overlay(style).layout(shown)
    ((x, y, radius),) = drawing.blurred
    painted = rasterise(drawing, noise)
    half = int(radius / 2)
    inside = slice(int(y) - half, int(y) + half), slice(int(x) - half, int(x) + half)
    assert painted[inside].std() < noise[inside].std() / 2
    np.testing.assert_array_equal(painted[:, 130:], noise[:, 130:])


def test_without_joints_of_a_head_it_is_at_the_top_of_the_box() -> None:
    arms = Skeleton("arms", ("left_wrist", "right_wrist"), (), (1, 0), (0.06, 0.06))
    box, points = np.array([[20, 10, 60, 110]], np.float32), np.zeros((1, 2, 2), np.float32)
    poses = Poses(box, np.ones(1, np.float32), points, np.ones((1, 2), np.float32), arms)
    shown = result(poses, [1])
    ((x, y, radius),) = Overlay(OverlayStyle(blur_faces=True)).layout(shown).blurred
    assert (x, y, radius) == (40, 20, 20)


def test_the_faces_of_people_who_are_left_out_are_hidden_too() -> None:
    shown = result(standing(50), [1])
    overlay = Overlay(OverlayStyle(blur_faces=True))
    alone = overlay.layout(shown).blurred
    found = replace(shown, found=standing(50))  # nobody's is hidden twice
    drawing = overlay.layout(found, standing(50), standing(110))
    assert len(alone) == 1
    assert len(drawing.blurred) == 2
    assert len(overlay.layout(replace(shown, found=standing(110))).blurred) == 2
    assert len(drawing.labels) == 1
    assert len(Overlay(OverlayStyle()).layout(shown, standing(110)).blurred) == 0


def test_people_far_outside_the_picture_do_no_harm() -> None:
    shown = result(standing(1e6), [1])
    overlay = Overlay(OverlayStyle(blur_faces=True))
    overlay.layout(result(standing(-1e6), [1], 0, -0.1))
    rasterise(overlay.layout(shown), shown.frame.image)


def test_a_segments_quad_has_its_widths() -> None:
    (quad,) = segment_quads(np.array([[0, 0, 10, 0, 4, 2]], np.float32))
    assert quad.tolist() == [[0, 2], [10, 1], [10, -1], [0, -2]]
