"""Lengths of time in words."""

from datetime import timedelta

import pytest

from booper.timing.spans import span


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.0001, "0 s"),
        (0.006, "6 ms"),
        (0.9996, "1 s"),
        (1.04, "1 s"),
        (3.14, "3.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.2, "12 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (86_400 + 7200 + 61, "1 day 2 h"),
        (20 * 86_400, "20 days"),
        (-90, "1 min 30 s"),
    ],
)
def test_a_span_is_told_in_two_units_at_most(seconds: float, shown: str) -> None:
    assert span(timedelta(seconds=seconds)) == span(seconds) == shown
