"""Decide, with app.figure and app.faces, how people are drawn: from a frame's result to a Drawing.

`app.paint` paints the Drawing onto pictures with OpenCV, and the window paints the same with Qt.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from app.arcs import angles_of
from app.drawing import Colour, ColourArray, Drawing, Label, Polyline
from app.faces import faces
from app.figure import figure, no_rows
from app.plates import apart, letters_px, readable_on
from pose.people import FloatArray, Poses
from tracking.ground import Points, in_picture, on_ground
from tracking.tracks import FrameResult

# Distinct in hue and lightness, readable on skin, wood and grass; `colour_of` adds to them
PALETTE: tuple[Colour, ...] = (
    (46, 196, 255), (255, 140, 46), (122, 224, 74), (244, 88, 190),
    (255, 214, 52), (150, 120, 255), (52, 222, 178), (255, 86, 86),
    (64, 110, 255), (255, 172, 196), (198, 246, 130), (196, 56, 224),
    (0, 150, 142), (194, 144, 92), (172, 226, 255), (214, 36, 58),
)  # fmt: skip
# The trail of a person no longer shown fades in this time, lest it look like a neighbour's; not at
# once, or it would blink whenever a person is missed for a frame
FADED_S = 0.3
MOST_LETTERS = 24  # of a label, so that it hides neither its person nor the neighbours


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """What is drawn of a person, and how."""

    boxes: bool = True
    skeleton: bool = True
    joints: bool = True
    labels: bool = True
    trails_s: float = 1.5  # seconds of the trail behind a person; 0 draws none
    thickness: float | None = None  # of a limb at the hip, pixels; None follows the person's size
    radius: float | None = None  # of a joint at the hip, pixels; None follows the thickness
    heat: bool = False  # joints by score, from red (0) to green (1), not in the person's colour
    black_background: bool = False
    blur_faces: bool = False
    angles: bool = False  # at joints, in degrees
    # Joints that score below this are not drawn; the pipeline's threshold
    kpt_thr: float = field(default=0.3, metadata={"setting": False})
    # id -> name, of people who have one
    names: Mapping[int, str] = field(default_factory=dict, metadata={"setting": False})
    # ids of the people whose angles are drawn; empty: everybody's
    angles_of: tuple[int, ...] = field(default=(), metadata={"setting": False})

    def __post_init__(self) -> None:
        if not 0 <= self.trails_s < np.inf:
            raise ValueError(f"trails_s is {self.trails_s}, expected 0 or more")
        for name in ("thickness", "radius"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 200:
                raise ValueError(f"{name} is {value}, expected more than 0 and at most 200 pixels")


@cache
def colour_of(person_id: int) -> Colour:
    """The (r, g, b) of an id: bright, unlike those of nearby ids, and the same in every video."""
    turn, place = divmod(person_id - 1, len(PALETTE))
    if turn == 0:
        return PALETTE[place]
    # Later rounds: hues by the golden ratio, never twice the same, alternating in lightness
    hue = (0.11 + (person_id - 1) * 0.618034) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.56 + 0.12 * (turn % 2), 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def hex_colour_of(person_id: int) -> str:
    """`colour_of` an id as #rrggbb, for pages and plots."""
    return "#{:02x}{:02x}{:02x}".format(*colour_of(person_id))


class Overlay:
    """Turns results into drawings; remembers where people were, for the trails."""

    def __init__(self, style: OverlayStyle) -> None:
        self.style = style
        # id -> (time_s, x, y), on the ground: in pixels of the shot's first picture
        self._ways: dict[int, list[tuple[float, float, float]]] = {}
        self._now_s = -np.inf
        self._step_s = 0.0  # between the last two frames
        self._shot = 0

    def reset(self) -> None:
        """Forget the trails, for a new video or after a jump."""
        self._ways.clear()

    def layout(self, result: FrameResult, *seen: Poses, measured: Poses | None = None) -> Drawing:
        """Decide the shapes for one frame; give the frames of a video in order.

        If faces are blurred, so are those of all detected people and of `seen`, drawn or not.
        Numbers of angles are of `measured`: the same people, if `result` has them smoothed.
        """
        style, people = self.style, result.people
        if result.found is not None:
            seen = (*seen, result.found)
        self._remember(result)
        poses = people.poses
        order = np.argsort(poses.boxes[:, 3], kind="stable")  # lowest in the picture, nearest, last
        colours = np.array([colour_of(int(i)) for i in people.ids], np.float32).reshape(-1, 3)
        scale = _limb_widths(poses.boxes, style.thickness)  # (N,)
        polylines = self._trails(result, scale_of=dict(zip(people.ids, scale, strict=True)))
        if style.boxes:
            for index in order:
                polylines += _corners(poses.boxes[index], colours[index], scale[index])
        segments, segment_colours = [no_rows(6)], [no_rows(4)]
        circles, circle_colours = [no_rows(3)], [no_rows(4)]
        for index in order:
            shapes = figure(poses, int(index), colours[index], float(scale[index]), style)
            for column, rows in zip(
                (segments, segment_colours, circles, circle_colours), shapes, strict=True
            ):
                column.append(rows)
        return Drawing(
            result.frame.size_wh,
            style.black_background,
            faces(poses, *seen) if style.blur_faces else no_rows(3),
            tuple(polylines),
            np.concatenate(segments),
            _to_colours(np.concatenate(segment_colours)),
            np.concatenate(circles),
            _to_colours(np.concatenate(circle_colours)),
            self._labels(result) if style.labels else (),
            angles_of(people, style.angles_of, style.kpt_thr, colours, scale, measured or poses)
            if style.angles
            else (),
        )

    def _remember(self, result: FrameResult) -> None:
        """Add everybody's current position, and forget what is older than the trails."""
        now_s = result.frame.time_s
        if now_s < self._now_s or result.shot != self._shot:
            self.reset()
        self._shot = result.shot
        for way in self._ways.values():
            if way and way[-1][0] == now_s:  # the frame is shown again, restyled or corrected
                way.pop()
        if now_s > self._now_s > -np.inf:
            self._step_s = now_s - self._now_s
        self._now_s = now_s
        if not self.style.trails_s:
            return
        centres = _body_centres(result.people.poses, self.style.kpt_thr)  # (N, 2)
        places = on_ground(centres, result.camera)
        for person, (x, y) in zip(result.people.ids, places, strict=True):
            self._ways.setdefault(int(person), []).append((now_s, float(x), float(y)))
        oldest_s = now_s - self.style.trails_s
        kept = ((i, [step for step in way if step[0] >= oldest_s]) for i, way in self._ways.items())
        self._ways = {person: way for person, way in kept if way}

    def _trails(self, result: FrameResult, scale_of: Mapping[int, float]) -> list[Polyline]:
        """The trails of everybody seen lately: thinner and more transparent with age.

        The whole trail of a person who is no longer shown fades out.
        """
        trails, now_s = [], result.frame.time_s
        # In order of ids: which of two trails is on top must not depend on what was seen long ago,
        # or a run that was killed and resumed would draw a different video
        for person, way in sorted(self._ways.items()):
            if len(way) < 2:
                continue
            # In float64: in float32, a clock is coarse after some hours, and so is a camera's way
            steps = np.array(way)  # (P, 3)
            points = in_picture(_smoothed(steps[:, 1:]), result.camera).astype(np.float32)
            age = (now_s - steps[:, 0]) / self.style.trails_s  # (P,) 0..1
            left = 1 - (now_s - way[-1][0]) / max(FADED_S, 2 * self._step_s)
            if left <= 0:
                continue
            width = 0.9 * scale_of.get(person, 3.0)
            colours = np.empty((len(points), 4), np.uint8)
            colours[:, :3] = colour_of(person)
            colours[:, 3] = 200 * left * np.clip(1 - age, 0, 1)
            widths = (width * (0.25 + 0.75 * np.clip(1 - age, 0, 1))).astype(np.float32)
            trails.append(Polyline(points, widths, colours))
        return trails

    def _labels(self, result: FrameResult) -> tuple[Label, ...]:
        """A plate over each head with the person's name or number."""
        width, height = result.frame.size_wh
        if not width:  # a frame without its picture only updates the trails
            return ()
        labels, plates = [], []
        least_px, most_px = letters_px(result.frame.size_wh)
        ids, boxes = result.people.ids, result.people.poses.boxes
        for row in np.argsort(-boxes[:, 3], kind="stable"):  # the nearest keeps its place
            person, box = ids[row], boxes[row]
            size_px = float(np.clip(0.055 * (box[3] - box[1]), least_px, most_px))
            # A letter is on average at most 0.8 of the capitals' height wide, and the plate's two
            # edges together are as wide as a capital is high
            most = min(MOST_LETTERS, int((0.5 * width / size_px - 1) / 0.8))
            text = _elided(self.style.names.get(int(person), str(person)), max(4, most))
            colour = colour_of(int(person))
            x = float(np.clip(box[0], 0, max(0, width - size_px * (1 + 0.8 * len(text)))))
            y = float(np.clip(box[1] - 0.3 * size_px, 2 * size_px, height))
            labels.append(Label(text, x, y, size_px, colour, readable_on(colour)))
            plates.append((x, y - 2 * size_px, x + size_px * (1 + 0.8 * len(text)), y))
        moved = zip(labels, apart(plates), strict=True)
        return tuple(replace(label, y=label.y + by) if by else label for label, by in moved)


def _elided(text: str, most: int) -> str:
    """`text` on one line, its end cut off if it has more than `most` letters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _to_colours(rgba: FloatArray) -> ColourArray:
    return np.clip(rgba, 0, 255).astype(np.uint8)


def _limb_widths(boxes: FloatArray, thickness: float | None) -> FloatArray:
    """Width in pixels (N,) of each person's thickest limb."""
    if thickness is not None:
        return np.full(len(boxes), thickness, np.float32)
    longer = np.maximum(boxes[:, 2:] - boxes[:, :2], 1).max(axis=1, initial=1)  # (N,)
    return np.clip(0.02 * longer, 1.8, 14).astype(np.float32)


def _body_centres(poses: Poses, kpt_thr: float) -> FloatArray:
    """(N, 2) the middle of the hips if both are seen, otherwise of the box."""
    centres = (poses.boxes[:, :2] + poses.boxes[:, 2:]) * np.float32(0.5)  # (N, 2)
    names = poses.skeleton.names
    if "left_hip" in names and "right_hip" in names:
        hips = [names.index("left_hip"), names.index("right_hip")]
        seen = poses.seen(kpt_thr)[:, hips].all(axis=1)  # (N,)
        centres[seen] = poses.keypoints[seen][:, hips].mean(axis=1)
    return centres


def _smoothed(points: Points) -> Points:
    """(P, 2) points, each averaged with its two neighbours; both ends stay."""
    if len(points) < 3:
        return points
    smooth = points.copy()
    smooth[1:-1] = (points[:-2] + points[1:-1] + points[2:]) / 3
    return smooth


def _corners(box: FloatArray, colour: FloatArray, scale: float) -> list[Polyline]:
    """The four corners of a box, which hide less of the picture than its whole outline."""
    x1, y1, x2, y2 = box
    arm = 0.16 * min(x2 - x1, y2 - y1)
    width = float(np.clip(0.45 * scale, 1.2, 4))
    rgba = np.array([[*colour, 255]] * 3, np.uint8)
    paths = (
        [(x1, y1 + arm), (x1, y1), (x1 + arm, y1)],
        [(x2 - arm, y1), (x2, y1), (x2, y1 + arm)],
        [(x2, y2 - arm), (x2, y2), (x2 - arm, y2)],
        [(x1 + arm, y2), (x1, y2), (x1, y2 - arm)],
    )
    widths = np.full(3, width, np.float32)
    return [Polyline(np.array(path, np.float32), widths, rgba) for path in paths]
