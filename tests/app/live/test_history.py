"""Who was seen when: spans under corrections, and for how long."""

from __future__ import annotations

import pytest

from app.live.history import Span, seen_s


def test_of_people_made_one_no_second_counts_twice() -> None:
    spans = [
        Span(1, 1, 0.0, 2.0),
        Span(1, 5, 1.5, 3.0),
        Span(1, 6, 2.0, 2.5),  # within the one before
        Span(1, 1, 4.0, 5.0),
        Span(2, 2, 0.0, 2.0),
    ]
    assert seen_s(spans) == {1: pytest.approx(4.0), 2: pytest.approx(2.0)}
