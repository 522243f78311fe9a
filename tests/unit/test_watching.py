"""What was watched is counted once, in order, within the lecture, and never fills a row."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apps.lectures.watching import GAP_SECONDS, MAX_RANGES, length_of, merged, share_of

moments = st.floats(0, 200, allow_nan=False).map(lambda value: round(value, 2))
ranges = st.lists(st.tuples(moments, moments).map(sorted), max_size=30)


def test_what_overlaps_or_touches_is_one() -> None:
    assert merged([[0, 10], [20, 30]], [[10.3, 15], [29, 40]], seconds=100) == [[0, 15], [20, 40]]


def test_nothing_is_watched_outside_the_lecture() -> None:
    assert merged([], [[-5, 3], [90, 500], [120, 130]], seconds=100) == [[0, 3], [90, 100]]


@given(ranges, ranges)
def test_the_order_of_heartbeats_changes_nothing(first: list[list[float]], second: list[list[float]]) -> None:
    once = merged(merged([], first, seconds=150), second, seconds=150)
    assert once == merged(merged([], second, seconds=150), first, seconds=150)
    assert once == merged(once, first, seconds=150), "a heartbeat twice changes nothing"
    assert all(before[1] + GAP_SECONDS < after[0] for before, after in pairwise(once))
    assert 0 <= length_of(once) <= 150


def test_jumping_about_keeps_a_bounded_list_that_forgets_nothing() -> None:
    new = [[float(number * 3), number * 3 + 1.0] for number in range(MAX_RANGES + 200)]
    kept = merged([], new, seconds=10_000)
    assert len(kept) == MAX_RANGES
    assert length_of(kept) >= length_of(new)


def test_whoever_has_seen_as_good_as_all_has_watched_it() -> None:
    assert share_of(96, 100) == 1.0
    assert share_of(50, 100) == 0.5
    assert share_of(300, 100) == 1.0
    assert share_of(10, None) == 0.0
