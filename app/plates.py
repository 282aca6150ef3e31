"""Where plates of text go so that none covers another, and how large and in which colour text is.

The same for files, in pixels of the frame, and for the window, in those of the canvas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.drawing import Box, Colour, Number


def letters_px(size_wh: tuple[int, int]) -> tuple[float, float]:
    """The least and the greatest height of capitals and digits, for far and near people.

    Relative, as a large picture is shown scaled down.
    """
    return max(9, 0.006 * max(size_wh)), 0.03 * max(size_wh)


def readable_on(colour: Colour) -> Colour:
    """Near-black or white, whichever contrasts more (Rec. 709 luma)."""
    luma = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
    return (16, 18, 24) if luma > 110 else (255, 255, 255)


def apart(plates: Sequence[Box]) -> list[float]:
    """How far to move each of the plates x1 y1 x2 y2 down so that it covers none before it.

    Negative is up, which is tried first; down if it would leave the picture at the top.
    """
    placed: list[Box] = []
    moves = []
    for x1, top, x2, bottom in plates:
        beside = [other for other in placed if x1 < other[2] and other[0] < x2]
        y1, high = top, bottom - top
        for _, upper, _, lower in sorted(beside, key=lambda other: -other[3]):
            if y1 < lower and upper < y1 + high:
                y1 = upper - high
        if y1 < min(0.0, top):
            y1 = top
            for _, upper, _, lower in sorted(beside, key=lambda other: other[1]):
                if y1 < lower and upper < y1 + high:
                    y1 = lower
        placed.append((x1, y1, x2, y1 + high))
        moves.append(y1 - top)
    return moves


def with_room(
    numbers: Iterable[Number], within: Box, taken: Iterable[Box]
) -> list[tuple[Number, Box]]:
    """The numbers whose plates cover none of `taken` and no earlier number's, with their plates.

    A plate that leaves the picture, `within`, is moved back into it.
    """
    covered, kept = list(taken), []
    left, top, right, bottom = within
    for number in numbers:
        x1, y1, x2, y2 = number.plate
        dx = max(0.0, left - x1) - max(0.0, x2 - right)
        dy = max(0.0, top - y1) - max(0.0, y2 - bottom)
        x1, y1, x2, y2 = x1 + dx, y1 + dy, x2 + dx, y2 + dy
        if all(x2 <= u1 or u2 <= x1 or y2 <= v1 or v2 <= y1 for u1, v1, u2, v2 in covered):
            covered.append((x1, y1, x2, y2))
            kept.append((number, (x1, y1, x2, y2)))
    return kept
