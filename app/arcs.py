"""The angles at people's joints as arcs with their degrees: the angles that files of measures hold.

At a straight joint the arc would jump from one side to the other with the joints' jitter; so it
stays on the side that faces the body, and the number on the side that faces away.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from app.drawing import Angle, Number, Polyline
from app.measures.angles import ANGLES, angles_deg, places_of
from app.plates import readable_on
from pose.people import BoolArray, FloatArray, IntArray, Poses
from tracking.tracks import TrackedPoses

RADIUS = 0.05  # of an arc, relative to the longer side of the person's box
OF_LIMB = 0.5  # an arc goes no further along the shorter of its two limbs
DIGITS = 0.028  # their height, relative to the longer side of the person's box
STRAIGHT_DEG = 170.0  # from here on, both sides of a joint look alike
OUTWARDS = 0.5  # weight of "away from the body" against "away from both limbs"
OUTLINE_DARKNESS = 0.28  # of the person's colour, as in the outline of a limb
_ALONG = np.linspace(-1, 1, 13)  # places on an arc, from its middle


def angles_of(
    people: TrackedPoses,
    chosen: Collection[int],
    kpt_thr: float,
    colours: FloatArray,  # (N, 3)
    widths: FloatArray,  # (N,) of the people's thickest limbs, pixels
    measured: Poses,
) -> tuple[Angle, ...]:
    """The angles of the people with the ids `chosen`, or of everybody; the nearest person first.

    There is none where a joint scores below `kpt_thr`. The numbers are of `measured`, the same
    people before their drawing was smoothed.
    """
    wanted = np.isin(people.ids, list(chosen)) if chosen else np.ones(len(people), bool)
    places, degrees, told, outwards, rows = _seen(people.poses, measured, wanted, kpt_thr)
    boxes = people.poses.boxes
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1)[rows]  # (A,)
    joints, limbs = places[:, 1], places[:, ::2] - places[:, 1:2]  # (A, 2), (A, 2, 2)
    lengths = np.linalg.norm(limbs, axis=2)  # (A, 2) never 0: there would be no angle
    ways = limbs / lengths[..., None]  # (A, 2, 2)
    radii = np.minimum(RADIUS * longer, OF_LIMB * lengths.min(axis=1))  # (A,)

    middles = _middles(ways)  # (A, 2)
    back = (degrees > STRAIGHT_DEG) & (middles[:, 0] * outwards > 0)  # (A,)
    middles[back] *= -1
    half = np.radians(np.where(back, 360 - degrees, degrees) / 2)  # (A,)
    arcs = joints[:, None] + radii[:, None, None] * _unit_arcs(middles, half)  # (A, P, 2)

    away = -ways.sum(axis=1)
    away[:, 0] += OUTWARDS * outwards
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)  # (A, 2)
    beyond = (away * middles).sum(axis=1) > np.cos(half)  # (A,) the arc is on the number's way
    starts = joints + (np.where(beyond, radii, 0) + widths[rows])[:, None] * away  # (A, 2)

    angles = []
    for index in np.argsort(-boxes[rows, 3], kind="stable"):
        row = rows[index]
        red, green, blue = (int(part) for part in colours[row])
        number = Number(
            f"{told[index]:.0f}°", float(starts[index, 0]), float(starts[index, 1]),
            (float(away[index, 0]), float(away[index, 1])), DIGITS * float(longer[index]),
            (red, green, blue), readable_on((red, green, blue)),
        )  # fmt: skip
        line = max(1.0, 0.3 * float(widths[row]))
        outline = line + max(2.0, 0.44 * float(widths[row]))
        angles.append(
            Angle(
                _line(arcs[index], outline, colours[row] * OUTLINE_DARKNESS),
                _line(arcs[index], line, colours[row] * 0.45 + 255 * 0.55),
                number,
                float(longer[index]),
            )
        )
    return tuple(angles)


def _seen(
    poses: Poses, measured: Poses, wanted: BoolArray, kpt_thr: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
    """The angles of the people `wanted` (N,): joints (A, 3, 2), then (A,) each:

    degrees as drawn, degrees as measured, outwards, and rows.

    "Outwards" is 1 where the way from the body to the joint leads right in the picture, and -1
    where it leads left: from the joint's twin, so that the numbers of two knees side by side lie
    apart, or from the middle of the box if the twin is not seen.
    """
    none = np.zeros(0, np.float32)
    found = [(none.reshape(0, 3, 2), none, none, none, np.zeros(0, np.int64))]
    seen, middle_x = poses.seen(kpt_thr), poses.boxes[:, ::2].mean(axis=1)  # (N, K), (N,)
    for measure in ANGLES:
        places = places_of(poses, measure.joints, kpt_thr)  # (N, 3, 2) or None
        before = places_of(measured, measure.joints, kpt_thr)
        if places is None or before is None:
            continue
        degrees, told = (angles_deg(*each.swapaxes(0, 1)) for each in (places, before))  # (N,)
        twin = poses.skeleton.mirror[poses.skeleton.index(measure.joints[1])]
        body_x = np.where(seen[:, twin], poses.keypoints[:, twin, 0], middle_x)  # (N,)
        outwards = np.where(places[:, 1, 0] < body_x, np.float32(-1), np.float32(1))
        rows = np.flatnonzero(wanted & np.isfinite(degrees) & np.isfinite(told))
        found.append((places[rows], degrees[rows], told[rows], outwards[rows], rows))
    places, degrees, told, outwards, rows = map(np.concatenate, zip(*found, strict=True))
    return places, degrees, told, outwards, rows


def _middles(ways: FloatArray) -> FloatArray:
    """The directions (A, 2) half-way between the two unit vectors of `ways` (A, 2, 2)."""
    both = ways.sum(axis=1)
    # The sum of opposite vectors has no direction; the normal of their difference always has one,
    # unless they are equal
    across = _turned(ways[:, 1] - ways[:, 0])
    across *= np.where((across * both).sum(axis=1) < 0, -1, 1)[:, None]
    acute = (ways[:, 0] * ways[:, 1]).sum(axis=1) > 0
    middles = np.where(acute[:, None], both, across)
    return middles / np.linalg.norm(middles, axis=1, keepdims=True)


def _unit_arcs(middles: FloatArray, half: FloatArray) -> FloatArray:
    """Arcs (A, P, 2) of radius 1 that reach `half` (A,) radians to both sides of `middles`."""
    turn = (half[:, None] * _ALONG)[..., None]  # (A, P, 1)
    arcs = np.cos(turn) * middles[:, None] + np.sin(turn) * _turned(middles)[:, None]
    return arcs.astype(np.float32)


def _turned(vectors: FloatArray) -> FloatArray:
    """Vectors (A, 2) turned by 90 degrees."""
    return np.stack([-vectors[:, 1], vectors[:, 0]], axis=1)


def _line(points: FloatArray, width: float, colour: FloatArray) -> Polyline:
    rgba = np.empty((len(points), 4), np.uint8)
    rgba[:, :3], rgba[:, 3] = colour, 255
    return Polyline(points, np.full(len(points), width, np.float32), rgba)
