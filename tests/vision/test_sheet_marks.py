"""Which bubbles are meant: deciding from odds, and odds from what a person drew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.omr.generator import PER_MM, blank_page
from benchmarks.omr.marks import Bubble, Person, Style, draw_erasure, draw_mark
from sheets.layout import Choices, Layout, Numbers, design_layout
from sheets.reading import FieldReading, FieldStatus
from workers.vision.locate import locate_page
from workers.vision.mark_features import describe_bubbles
from workers.vision.mark_model import load_model
from workers.vision.marks import MAX_CONFIDENCE, SURE, SURE_DIGIT, PageMarks, decide_fields
from workers.vision.plan import plan_page
from workers.vision.sheet import measure_page, read_sheet

LAYOUT = design_layout(question_count=20)
PAGE = LAYOUT.pages[0]
COUNT = len(PAGE.bubble_centres)
YES, NO = 9.0, -9.0
PEN = Person(0.9, 0.02, 0.8, 0.03, Style.FULL, 0.0, 0.05)
Draw = Callable[[NDArray[np.uint8], Sequence[Bubble], np.random.Generator], None]


# ---------------------------------------------------------------- from odds to fields


def _decided(changed: dict[int, float], *, is_trusted: bool = True, layout: Layout = LAYOUT) -> PageMarks:
    """A page on which every row has its first bubble marked, but for the bubbles ``changed``."""
    page = layout.pages[0]
    odds = np.full(len(page.bubble_centres), NO, np.float32)
    odds[plan_page(layout, 1).row_starts] = YES
    for bubble, value in changed.items():
        odds[bubble] = value
    return decide_fields(page, odds, np.zeros(len(odds), np.float32), np.full(len(odds), is_trusted))


def _first(changed: dict[int, float], *, is_trusted: bool = True) -> FieldReading:
    return _decided(changed, is_trusted=is_trusted).questions[0]


@pytest.mark.parametrize(
    ("changed", "values", "status"),
    [
        ({}, ("1",), FieldStatus.OK),
        ({0: NO}, (), FieldStatus.BLANK),
        ({3: YES}, ("1", "4"), FieldStatus.MULTIPLE),
        ({0: 3.0}, ("1",), FieldStatus.UNSURE),
        ({0: -1.0}, (), FieldStatus.UNSURE),
        ({3: 1.0}, ("1", "4"), FieldStatus.UNSURE),
        ({3: -1.0}, ("1",), FieldStatus.UNSURE),
    ],
)
def test_the_likeliest_outcome_is_the_answer_where_it_is_likely_enough(
    changed: dict[int, float], values: tuple[str, ...], status: FieldStatus
) -> None:
    found = _first(changed)
    assert (found.values, found.status) == (values, status)


def test_confidence_is_the_probability_of_the_outcome() -> None:
    expected = 1 / (1 + np.exp(-2.0)) / (1 + np.exp(-3.0)) / (1 + np.exp(-9.0)) ** 3
    assert _first({0: 2.0, 1: -3.0}).confidence == pytest.approx(expected, rel=1e-5)
    stated = [_first({3: odds}).confidence for odds in (-9, -5, -3, -1)]
    assert stated == sorted(stated, reverse=True)
    assert _first(dict.fromkeys(range(1, 5), -20.0) | {0: 20.0}).confidence == MAX_CONFIDENCE


def test_where_the_print_was_not_found_nothing_is_sure() -> None:
    found = _first({}, is_trusted=False)
    assert found.status is FieldStatus.UNSURE
    assert found.confidence <= 0.5


@pytest.mark.parametrize("odds", [-2.0, YES])
def test_a_doubtful_digit_is_a_question_mark(odds: float) -> None:
    number = _decided({105: odds}).student_number
    assert number is not None
    assert (number.values, number.status) == (("?00000",), FieldStatus.UNSURE)


def test_a_digit_has_to_be_surer_than_an_answer() -> None:
    odds = -4.3
    assert SURE < 1 / (1 + np.exp(odds)) < SURE_DIGIT
    assert _first({1: odds}).status is FieldStatus.OK
    number = _decided({101: odds}).student_number
    assert number is not None
    assert number.places[0] is FieldStatus.UNSURE


def test_several_marks_are_one_answer_where_several_are_meant() -> None:
    layout = design_layout(groups=(Choices(2, has_several=True), Numbers(1)))
    found = _decided({2: YES}, layout=layout).questions[0]
    assert (found.values, found.status) == (("1", "3"), FieldStatus.OK)
    assert _decided({2: 1.0}, layout=layout).questions[0].status is FieldStatus.UNSURE


# ---------------------------------------------------------------- from ink to odds


def _read(draw: Draw, person: Person = PEN) -> FieldReading:
    """Question 3 on a scan of 150 dpi where ``person`` marked the second choice of all the others, digits too."""
    page, rng = blank_page(LAYOUT, sheet_id="bench", page=1).copy(), np.random.default_rng(5)
    asked: list[Bubble] = []
    for field in PAGE.bubble_fields:
        half = field.shape.width_mm / 2 * PER_MM, field.shape.height_mm / 2 * PER_MM
        for column in field.columns:
            bubbles = [Bubble(x * PER_MM, y * PER_MM, *half) for x, y in column]
            if field.label == PAGE.questions[2].label:
                asked = bubbles
            else:
                draw_mark(page, bubbles[1], person, PER_MM, rng)
    draw(page, asked, rng)
    reading = read_sheet(page, LAYOUT)
    assert {found.values for found in reading.fields if found.label != PAGE.questions[2].label} == {("2",)}
    return reading.fields[2]


@pytest.mark.parametrize("darkness", [0.95, 0.6, 0.4, 0.28])
@pytest.mark.parametrize("style", [Style.FULL, Style.SLOPPY])
def test_a_mark_is_read_whatever_the_pen(darkness: float, style: Style) -> None:
    person = replace(PEN, darkness=darkness, style=style, grain=0.3 if darkness < 0.9 else 0.03)
    found = _read(lambda page, bubbles, rng: draw_mark(page, bubbles[0], person, PER_MM, rng), person)
    assert (found.values, found.status) == (("1",), FieldStatus.OK)


@pytest.mark.parametrize("style", [Style.TICK, Style.CROSS, Style.DOT, Style.SLASH])
def test_another_kind_of_mark_among_full_ones_is_the_answer_or_a_question(style: Style) -> None:
    person = replace(PEN, style=style)
    found = _read(lambda page, bubbles, rng: draw_mark(page, bubbles[0], person, PER_MM, rng))
    assert found.values in ((), ("1",))
    assert found.status in (FieldStatus.OK, FieldStatus.UNSURE)


def test_an_erasure_is_nothing_beside_a_mark_and_no_answer_alone() -> None:
    pencil = replace(PEN, darkness=0.7, grain=0.3)

    def both(page: NDArray[np.uint8], bubbles: Sequence[Bubble], rng: np.random.Generator) -> None:
        draw_erasure(page, bubbles[3], pencil, PER_MM, rng)
        draw_mark(page, bubbles[0], pencil, PER_MM, rng)

    assert _read(both, pencil).values == ("1",)
    alone = _read(lambda page, bubbles, rng: draw_erasure(page, bubbles[3], pencil, PER_MM, rng), pencil)
    assert alone.values == ()
    assert alone.status in (FieldStatus.BLANK, FieldStatus.UNSURE)


def test_a_line_through_the_whole_row_is_no_answer() -> None:
    def line(page: NDArray[np.uint8], bubbles: Sequence[Bubble], _: np.random.Generator) -> None:
        y = round(bubbles[0].y)
        page[y - 2 : y + 3, round(bubbles[0].x) - 40 : round(bubbles[-1].x) + 40] = 30

    found = _read(line)
    assert found.values == ()
    assert found.status in (FieldStatus.BLANK, FieldStatus.UNSURE)


def test_the_model_weighs_the_numbers_that_are_measured() -> None:
    model = load_model()
    assert all(np.isfinite(layer).all() for layer in (*model.weights, *model.biases, model.mean, model.scale))
    located = locate_page(blank_page(LAYOUT, sheet_id="bench", page=1), LAYOUT)
    features = describe_bubbles(measure_page(located), located.plan)
    assert features.shape == (COUNT, len(model.mean))
    assert features.dtype == np.float32
