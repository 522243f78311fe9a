"""Reading own answer sheets: generated pictures with known truth, turned, covered and spoilt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.omr.generator import BASE_DPI, CONDITIONS, Sample, blank_page, make_sample
from benchmarks.omr.marks import Bubble, Person, Style, draw_mark
from benchmarks.omr.scoring import Tally
from sheets.boxes import OVERLAY_PIXELS_PER_MM
from sheets.layout import Layout, design_layout
from sheets.reading import FieldStatus, SheetReading, UnreadableReason, UnreadableSheet
from workers.vision.locate import locate_page
from workers.vision.overlay import draw_overlay
from workers.vision.sheet import read_sheet

GreyImage = NDArray[np.uint8]

LAYOUT = design_layout(question_count=40)
PEN = Person(0.9, 0.02, 0.8, 0.03, Style.FULL, 0.0, 0.05)


def _score(reading: SheetReading, sample: Sample) -> Tally:
    tally = Tally()
    tally.add_reading("", reading, sample.truth)
    return tally


def _small_blank(layout: Layout, page: int = 1, scale: float = 0.5) -> GreyImage:
    picture = cv2.resize(
        blank_page(layout, sheet_id="bench", page=page), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    return picture.astype(np.uint8, copy=False)


def _reason(image: GreyImage, layout: Layout = LAYOUT) -> UnreadableReason:
    with pytest.raises(UnreadableSheet) as caught:
        read_sheet(image, layout)
    assert len(caught.value.message) > 20
    return caught.value.reason


@pytest.mark.parametrize("condition", ["flat", "scan100", "phone"])
def test_filled_sheets_are_read_as_they_were_meant(condition: str) -> None:
    tally = Tally()
    for seed in range(7000, 7006):
        sample = make_sample(LAYOUT, CONDITIONS[condition], seed)
        tally.add_reading(str(seed), read_sheet(sample.image, LAYOUT), sample.truth)
    assert tally.answers == 240
    assert tally.wrong == 0, tally.mistakes
    assert tally.numbers_wrong == 0, tally.mistakes
    assert tally.unsure <= 5


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_page_reads_the_same(turns: int) -> None:
    sample = make_sample(LAYOUT, CONDITIONS["flat"], 7100)
    reading = read_sheet(np.ascontiguousarray(np.rot90(sample.image, -turns)), LAYOUT)
    assert _score(reading, sample).wrong == 0
    assert abs((reading.rotation_degrees - 90 * turns + 180) % 360 - 180) < 2
    assert reading.corners_found == 4
    assert reading.sheet_id == "bench"


@pytest.mark.parametrize("corner", [0, 1, 2, 3])
@pytest.mark.parametrize("condition", ["flat", "phone"])
def test_one_covered_corner_seldom_loses_the_sheet_and_never_an_answer(condition: str, corner: int) -> None:
    """Of photos tilted by up to 30 degrees one in ten has to be taken again; of flat scans none."""
    refused: list[UnreadableReason] = []
    for seed in range(7200, 7203):
        sample = make_sample(LAYOUT, CONDITIONS[condition], seed)
        place = locate_page(sample.image, LAYOUT).alignment.markers[corner]
        assert place is not None
        covered = sample.image.copy()
        side = max(covered.shape) // 40
        cv2.circle(covered, (round(place.x) + side // 2, round(place.y) - side // 3), 2 * side, (120,), -1)
        try:
            reading = read_sheet(covered, LAYOUT)
        except UnreadableSheet as error:
            refused.append(error.reason)
            continue
        assert reading.corners_found == 3
        assert _score(reading, sample).wrong == 0
    assert refused in ([], [UnreadableReason.CORNER_MISSING] * (condition == "phone"))


def test_two_covered_corners_ask_for_another_picture() -> None:
    image = make_sample(LAYOUT, CONDITIONS["flat"], 7201).image.copy()
    image[-220:] = 255
    assert _reason(image) is UnreadableReason.CORNER_MISSING


def test_a_sheet_of_another_exam_is_named_as_such() -> None:
    other = design_layout(question_count=41)
    assert _reason(make_sample(other, CONDITIONS["phone"], 7300).image) is UnreadableReason.OTHER_SHEET


def test_a_page_is_known_by_its_code() -> None:
    layout = design_layout(question_count=100)
    sample = make_sample(layout, CONDITIONS["flat"], 7400, page=2)
    reading = read_sheet(sample.image, layout)
    assert reading.page == 2
    assert [field.label for field in reading.fields] == list(sample.truth.answers)
    assert _score(reading, sample).wrong == 0


def test_without_its_code_a_single_page_is_read_but_not_named() -> None:
    sample = make_sample(LAYOUT, CONDITIONS["flat"], 7500)
    reading = read_sheet(_without_code(sample.image, LAYOUT), LAYOUT)
    assert reading.sheet_id is None
    assert reading.page == 1
    assert _score(reading, sample).wrong == 0


def test_without_its_code_one_of_several_pages_is_refused() -> None:
    layout = design_layout(question_count=100)
    image = _without_code(make_sample(layout, CONDITIONS["flat"], 7501).image, layout)
    with pytest.raises(UnreadableSheet):
        read_sheet(image, layout)


def _without_code(image: GreyImage, layout: Layout) -> GreyImage:
    located = locate_page(image, layout)
    corners = located.alignment.place(np.array(layout.code.corners), located.plan)
    spoilt = image.copy()
    cv2.fillPoly(spoilt, [corners.round().astype(np.int32)], (255,))
    return spoilt


def test_an_empty_sheet_is_blank_and_surely_so() -> None:
    reading = read_sheet(_small_blank(LAYOUT), LAYOUT)
    assert {field.status for field in reading.fields} == {FieldStatus.BLANK}
    assert min(field.confidence for field in reading.fields) > 0.95
    assert reading.student_number is not None
    assert reading.student_number.status is FieldStatus.BLANK
    assert reading.student_number.values == ("??????",)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_on_an_empty_sheet_is_never_an_answer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noisy = _small_blank(LAYOUT) + rng.normal(0, 30, (1754, 1240))
    reading = read_sheet(np.clip(noisy, 0, 255).astype(np.uint8), LAYOUT)
    assert {field.status for field in reading.fields} == {FieldStatus.BLANK}


def test_everybody_choosing_one_is_not_taken_for_print() -> None:
    page = blank_page(LAYOUT, sheet_id="bench", page=1).copy()
    rng = np.random.default_rng(5)
    per_mm = BASE_DPI / 25.4
    for field in LAYOUT.pages[0].questions:
        x, y = field.centres[0]
        bubble = Bubble(x * per_mm, y * per_mm, field.shape.width_mm / 2 * per_mm, field.shape.height_mm / 2 * per_mm)
        draw_mark(page, bubble, PEN, per_mm, rng)
    reading = read_sheet(page, LAYOUT)
    assert {field.values for field in reading.fields} == {("1",)}
    assert {field.status for field in reading.fields} == {FieldStatus.OK}


@pytest.mark.parametrize("choices", [2, 3, 10])
def test_few_and_many_choices_are_read(choices: int) -> None:
    layout = design_layout(question_count=30, choice_count=choices, number_digits=4)
    sample = make_sample(layout, CONDITIONS["flat"], 7600)
    assert _score(read_sheet(sample.image, layout), sample).wrong == 0


def test_a_covered_block_of_answers_is_never_sure() -> None:
    sample = make_sample(LAYOUT, CONDITIONS["flat"], 7700)
    located = locate_page(sample.image, LAYOUT)
    field = LAYOUT.pages[0].questions[0]
    last = LAYOUT.pages[0].questions[4]
    box = located.alignment.place(np.array([field.centres[0], last.centres[-1]]), located.plan)
    image = sample.image.copy()
    (left, top), (right, bottom) = box.round().astype(int)
    image[top - 25 : bottom + 25, left - 25 : right + 25] = 90
    reading = read_sheet(image, LAYOUT)
    assert {found.status for found in reading.fields[:5]} == {FieldStatus.UNSURE}
    assert FieldStatus.OK in {found.status for found in reading.fields[5:]}


def test_answers_under_a_lamps_reflection_are_asked_about() -> None:
    """Glare adds light: marks grow as pale as paper, and what is not seen is no blank."""
    sample = make_sample(LAYOUT, CONDITIONS["flat"], 7700)
    located = locate_page(sample.image, LAYOUT)
    x, y = located.alignment.place(np.array([LAYOUT.pages[0].questions[2].centres[2]]), located.plan)[0]
    rows, columns = np.mgrid[: sample.image.shape[0], : sample.image.shape[1]]
    spot = np.exp(-(((columns - x) / 260) ** 4) - ((rows - y) / 130) ** 4)
    reading = read_sheet(np.clip(sample.image + 250.0 * spot, 0, 255).astype(np.uint8), LAYOUT)
    assert reading.fields[2].status is FieldStatus.UNSURE
    tally = _score(reading, sample)
    assert tally.wrong == 0, tally.mistakes
    assert tally.right > 20


@pytest.mark.parametrize(
    ("seed", "label", "meant"),
    [(7_000_522, "q42", ("4",)), (8_000_214, "q49", ("1", "4")), (9_000_355, "q39", ("1",))],
    ids=["a tick under a line through its row", "a tick beside a full mark", "a stray that ends beside a cross"],
)
def test_what_could_be_meant_either_way_is_a_question(seed: int, label: str, meant: tuple[str, ...]) -> None:
    layout = design_layout(question_count=80)
    sample = make_sample(layout, CONDITIONS["flat"], seed)
    fields = {field.label: field for field in read_sheet(sample.image, layout).fields}
    assert sample.truth.answers[label] == meant
    assert fields[label].values == meant or fields[label].status is FieldStatus.UNSURE
    assert sum(field.status is FieldStatus.UNSURE for field in fields.values()) <= 2


def test_reading_twice_gives_the_same_and_leaves_the_picture_alone() -> None:
    sample = make_sample(LAYOUT, CONDITIONS["phone"], 7800)
    before = sample.image.copy()
    assert read_sheet(sample.image, LAYOUT) == read_sheet(sample.image, LAYOUT)
    assert np.array_equal(before, sample.image)


def test_a_small_and_a_large_picture_are_read() -> None:
    for dpi in (75, 100, 300):
        page = _small_blank(LAYOUT, scale=dpi / BASE_DPI)
        assert {field.status for field in read_sheet(page, LAYOUT).fields} == {FieldStatus.BLANK}


def test_the_overlay_is_the_upright_page_with_green_rings() -> None:
    sample = make_sample(LAYOUT, CONDITIONS["phone"], 7900)
    reading = read_sheet(sample.image, LAYOUT)
    picture = draw_overlay(sample.image, LAYOUT, reading)
    assert picture.shape == (round(297 * OVERLAY_PIXELS_PER_MM), round(210 * OVERLAY_PIXELS_PER_MM), 3)
    marked = next(field for field in reading.fields if field.status is FieldStatus.OK)
    field = next(field for field in LAYOUT.pages[0].questions if field.label == marked.label)
    x, y = field.centres[field.choices.index(marked.values[0])]
    ring = picture[round(y * 4 - 14) : round(y * 4 + 14), round(x * 4 - 12) : round(x * 4 + 12)].astype(int)
    assert ((ring[..., 1] - ring[..., 2]) > 60).sum() > 40
    colour = cv2.cvtColor(sample.image, cv2.COLOR_GRAY2BGR).astype(np.uint8)
    assert draw_overlay(colour, LAYOUT, reading).shape == picture.shape
