"""Who was seen when and for how long, after corrections."""

from __future__ import annotations

import pytest

from app.live.history import Span, seen_s


def test_overlapping_spans_of_merged_people_count_once() -> None:
    spans = [
        Span(1, 1, 0.0, 2.0),
        Span(1, 5, 1.5, 3.0),
        Span(1, 6, 2.0, 2.5),  # inside the span before
        Span(1, 1, 4.0, 5.0),
        Span(2, 2, 0.0, 2.0),
    ]
    assert seen_s(spans) == {1: pytest.approx(4.0), 2: pytest.approx(2.0)}
