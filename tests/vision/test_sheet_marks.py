"""Deciding which bubbles are marked, from ink alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sheets.layout import design_layout
from sheets.reading import FieldReading, FieldStatus
from workers.vision.ink import BubbleInk
from workers.vision.marks import read_fields

LAYOUT = design_layout(question_count=20)
PAGE = LAYOUT.pages[0]
COUNT = len(PAGE.bubble_centres)


def _clean(mark: float = 0.6, dark: float = 0.9) -> BubbleInk:
    """A page on which every question and digit has its first choice marked."""
    rng = np.random.default_rng(3)
    fill = rng.normal(0, 0.003, COUNT).astype(np.float32)
    darkest = np.full(COUNT, 0.05, np.float32)
    first = [5 * index for index in range(20)] + [100 + 10 * index for index in range(6)]
    fill[first], darkest[first] = mark, dark
    nothing = np.zeros(COUNT, np.float32)
    return BubbleInk(fill, darkest, nothing, nothing, np.full(COUNT, 220, np.float32), 0.004, 0.004)


def _with(ink: BubbleInk, bubble: int, fill: float, dark: float, crossing: float = 0.0) -> BubbleInk:
    fills, darks, crossings = ink.fill.copy(), ink.dark.copy(), ink.crossing.copy()
    fills[bubble], darks[bubble], crossings[bubble] = fill, dark, crossing
    return replace(ink, fill=fills, dark=darks, crossing=crossings)


def _first(ink: BubbleInk, *, is_trusted: bool = True) -> FieldReading:
    return read_fields(PAGE, ink, np.full(COUNT, is_trusted)).questions[0]


@pytest.mark.parametrize(("mark", "dark"), [(0.9, 0.95), (0.5, 0.7), (0.2, 0.35), (0.1, 0.25)])
def test_a_mark_is_read_whatever_the_pen(mark: float, dark: float) -> None:
    found = _first(_clean(mark, dark))
    assert (found.values, found.status) == (("1",), FieldStatus.OK)
    assert found.confidence > 0.95


def test_an_erasure_beside_the_mark_is_nothing() -> None:
    assert _first(_with(_clean(), 2, 0.06, 0.15)).values == ("1",)


def test_an_erasure_alone_is_not_an_answer() -> None:
    found = _first(_with(_with(_clean(), 0, 0.0, 0.05), 2, 0.08, 0.2))
    assert found.status in (FieldStatus.BLANK, FieldStatus.UNSURE)
    assert found.values == ()


def test_a_tick_among_full_marks_is_an_answer() -> None:
    found = _first(_with(_clean(), 0, 0.2, 0.85))
    assert (found.values, found.status) == (("1",), FieldStatus.OK)


def test_one_weak_mark_goes_to_a_person() -> None:
    found = _first(_with(_clean(), 0, 0.07, 0.5))
    assert found.status is FieldStatus.UNSURE


def test_two_marks_are_both_reported() -> None:
    found = _first(_with(_clean(), 3, 0.55, 0.9))
    assert (found.values, found.status) == (("1", "4"), FieldStatus.MULTIPLE)


def test_a_line_through_the_next_bubble_is_not_a_second_mark() -> None:
    found = _first(_with(_clean(), 3, 0.1, 0.7, crossing=0.3))
    assert (found.values, found.status) == (("1",), FieldStatus.OK)


def test_where_the_print_was_not_found_nothing_is_sure() -> None:
    found = _first(_clean(), is_trusted=False)
    assert found.status is FieldStatus.UNSURE
    assert found.confidence <= 0.5


@pytest.mark.parametrize(("fill", "dark"), [(0.16, 0.4), (0.5, 0.9)])
def test_a_doubtful_digit_is_a_question_mark(fill: float, dark: float) -> None:
    number = read_fields(PAGE, _with(_clean(), 105, fill, dark), np.ones(COUNT, np.bool_)).student_number
    assert number is not None
    assert number.values == ("?00000",)
    assert number.status is FieldStatus.UNSURE


def test_confidence_falls_as_the_second_choice_darkens() -> None:
    stated = [_first(_with(_clean(), 3, fill, 0.5)).confidence for fill in (0.0, 0.01, 0.03, 0.05)]
    assert stated == sorted(stated, reverse=True)
