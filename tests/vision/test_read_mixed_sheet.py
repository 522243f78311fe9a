"""Reading sheets with numbers, several marks, versions and essays: never a confident wrong digit."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray

from benchmarks.omr.generator import BASE_DPI, CONDITIONS, make_sample
from benchmarks.omr.marks import Bubble, Person, Style, draw_mark
from benchmarks.omr.scoring import Tally
from sheets.layout import BubbleShape, Choices, Essays, Layout, Numbers, NumericField, Point, design_layout
from sheets.pdf import Prefill, render_pdf
from sheets.reading import EssayCrop, FieldReading, FieldStatus
from workers import compute
from workers.vision.essays import cut_essay
from workers.vision.overlay import draw_overlay
from workers.vision.sheet import agreed_version, read_sheet

GreyImage = NDArray[np.uint8]

PEN = Person(0.9, 0.02, 0.8, 0.03, Style.FULL, 0.0, 0.05)
GROUPS = (
    Choices(3),
    Choices(3, has_several=True),
    Numbers(3),
    Numbers(1, digits=2, has_sign=True, decimals=2),
    Numbers(1, digits=1, denominator=1),
    Essays(1, lines=1),
)
MIXED = design_layout(groups=GROUPS, version_count=4)
LARGE = design_layout(groups=GROUPS[:3], version_count=2, is_large_print=True)
TOKEN = "23456789ABCDEFGH"


@cache
def _printed(version: str = "", token: str = "") -> GreyImage:
    copy = Prefill("김하늘", "024010" if token else "", token, version)
    pdf = render_pdf(MIXED, sheet_id="bench", heading="월말평가", academy="한빛학원", copies=[copy])
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[0].render(scale=BASE_DPI / 72, grayscale=True)
        return np.array(bitmap.to_numpy(), np.uint8).reshape(bitmap.height, -1)[:, : bitmap.width].copy()
    finally:
        document.close()


def _mark(page: GreyImage, centre: Point, shape: BubbleShape, seed: int = 1) -> None:
    per_mm = BASE_DPI / 25.4
    half = (shape.width_mm / 2 * per_mm, shape.height_mm / 2 * per_mm)
    draw_mark(page, Bubble(centre[0] * per_mm, centre[1] * per_mm, *half), PEN, per_mm, np.random.default_rng(seed))


def _numeric(label: str) -> NumericField:
    return next(field for field in MIXED.pages[0].numerics if field.label == label)


def _read_number(label: str, *symbols: str) -> FieldReading:
    """``label`` with the named symbols marked, column by column; a column's text may name several or none."""
    page = _printed().copy()
    field = _numeric(label)
    for wanted, printed, column in zip(symbols, field.symbols, field.columns, strict=True):
        for symbol in wanted:
            _mark(page, column[printed.index(symbol)], field.shape)
    reading = read_sheet(page, MIXED)
    return next(found for found in reading.fields if found.label == label)


@pytest.mark.parametrize("layout", [MIXED, LARGE], ids=["mixed", "large"])
@pytest.mark.parametrize("condition", ["flat", "scan300", "phone"])
def test_filled_sheets_of_every_kind_are_read_as_they_were_meant(layout: Layout, condition: str) -> None:
    tally = Tally()
    for seed in range(8000, 8003):
        for page in layout:
            sample = make_sample(layout, CONDITIONS[condition], seed, page=page.number)
            tally.add_reading(str(seed), read_sheet(sample.image, layout), sample.truth)
    assert (tally.wrong, tally.numbers_wrong, tally.versions_wrong) == (0, 0, 0), tally.mistakes
    assert tally.unsure <= 3


@pytest.mark.parametrize(
    ("symbols", "text"),
    [(("", "", "7"), "7"), (("0", "0", "7"), "007"), (("", "4", "2"), "42"), (("9", "9", "9"), "999")],
)
def test_a_number_is_read_with_and_without_its_leading_zeros(symbols: tuple[str, ...], text: str) -> None:
    found = _read_number("q7", *symbols)
    assert (found.values, found.status) == ((text,), FieldStatus.OK)
    assert [status is FieldStatus.BLANK for status in found.places] == [not symbol for symbol in symbols]


@pytest.mark.parametrize(
    ("label", "symbols", "text"),
    [
        ("q10", ("-", "1", "2", "5", "0"), "-12.50"),
        ("q10", ("", "", "", "5", ""), "0.5"),
        ("q10", ("+", "", "3", "", ""), "3"),
        ("q11", ("3", "4"), "3/4"),
        ("q11", ("3", ""), "3"),
    ],
)
def test_signs_decimals_and_fractions_are_read(label: str, symbols: tuple[str, ...], text: str) -> None:
    found = _read_number(label, *symbols)
    assert (found.values, found.status) == ((text,), FieldStatus.OK)


@pytest.mark.parametrize(
    ("label", "symbols", "text", "status"),
    [
        ("q7", ("7", "", ""), "7??", FieldStatus.UNSURE),
        ("q7", ("7", "", "1"), "7?1", FieldStatus.UNSURE),
        ("q7", ("", "12", "3"), "?3", FieldStatus.MULTIPLE),
        ("q10", ("-", "", "", "", ""), "-?", FieldStatus.UNSURE),
        ("q10", ("+-", "", "4", "", ""), "?4", FieldStatus.MULTIPLE),
        ("q10", ("", "", "4", "", "5"), "4.?5", FieldStatus.UNSURE),
        ("q11", ("", "4"), "?/4", FieldStatus.UNSURE),
    ],
)
def test_a_number_with_a_gap_or_two_marks_in_a_place_is_never_sure(
    label: str, symbols: tuple[str, ...], text: str, status: FieldStatus
) -> None:
    found = _read_number(label, *symbols)
    assert (found.values, found.status) == ((text,), status)


def test_an_empty_sheet_is_blank_in_every_kind() -> None:
    reading = read_sheet(_printed(), MIXED)
    assert {(field.status, field.values) for field in reading.fields} == {(FieldStatus.BLANK, ())}
    assert reading.version is not None
    assert reading.version.status is FieldStatus.BLANK
    assert reading.token is None


@pytest.mark.parametrize("chosen", [(0,), (1, 3), (0, 1, 2, 3), (0, 1, 2, 3, 4)])
def test_several_marks_are_one_answer_where_several_are_meant(chosen: tuple[int, ...]) -> None:
    page = _printed().copy()
    field = MIXED.pages[0].questions[3]
    for index in chosen:
        _mark(page, field.centres[index], field.shape)
    found = read_sheet(page, MIXED).fields[3]
    assert (found.values, found.status) == (tuple(field.choices[index] for index in chosen), FieldStatus.OK)


def test_a_prefilled_copy_says_whose_and_which_version_it_is() -> None:
    reading = read_sheet(_printed("B", TOKEN), MIXED)
    assert (reading.sheet_id, reading.token) == ("bench", TOKEN)
    assert reading.version is not None
    assert (reading.version.values, reading.version.status) == (("B",), FieldStatus.OK)
    assert reading.student_number is not None
    assert (reading.student_number.values, reading.student_number.status) == (("024010",), FieldStatus.OK)


def test_full_ink_of_the_printer_does_not_hide_a_pale_pencil() -> None:
    page = _printed("B", TOKEN).copy()
    pencil = Person(0.5, 0.02, 0.7, 0.35, Style.FULL, 0.0, 0.08)
    per_mm = BASE_DPI / 25.4
    for index, field in enumerate(MIXED.pages[0].questions[:3]):
        x, y = field.centres[index]
        half = (field.shape.width_mm / 2 * per_mm, field.shape.height_mm / 2 * per_mm)
        draw_mark(page, Bubble(x * per_mm, y * per_mm, *half), pencil, per_mm, np.random.default_rng(index))
    found = read_sheet(page, MIXED).fields[:3]
    assert [field.values for field in found] == [(str(index + 1),) for index in range(3)]
    assert {field.status for field in found} == {FieldStatus.OK}


def test_a_version_marked_against_the_code_is_unsure() -> None:
    page = _printed("B", TOKEN).copy()
    row = MIXED.pages[0].version
    assert row is not None
    _mark(page, row.centres[3], row.shape)
    reading = read_sheet(page, MIXED)
    assert reading.version is not None
    assert (reading.version.values, reading.version.status) == (("B", "D"), FieldStatus.UNSURE)


def test_the_code_alone_names_the_version_where_there_is_no_row() -> None:
    assert agreed_version("", None) is None
    assert agreed_version("C", None) == FieldReading("version", ("C",), FieldStatus.OK, 1.0)


@pytest.mark.parametrize("condition", ["flat", "scan300", "phone"])
def test_an_essay_is_cut_out_where_it_lies(condition: str) -> None:
    """The box's own printed border lies along all four sides of the cut, wherever the page lies in the picture."""
    sample = make_sample(MIXED, CONDITIONS[condition], 8100)
    (crop,) = read_sheet(sample.image, MIXED).essays
    cut = cut_essay(sample.image, crop)
    box = MIXED.pages[0].essays[0].box
    margin = round(0.015 * cut.shape[1] / 1.03)
    across, down = cut.shape[1] - 2 * margin, cut.shape[0] - 2 * margin
    # tilted by 30 degrees a side is foreshortened by 13 %
    assert across / down == pytest.approx(box.width_mm / box.height_mm, rel=0.2)
    reach = max(3, cut.shape[1] // 150)
    middle = cut.shape[1] // 2
    for rows in (slice(margin - reach, margin + reach), slice(-margin - reach, -margin + reach)):
        strip = cut[rows, middle - 100 : middle + 100]
        assert float(strip.min(axis=0).mean()) < 0.85 * float(np.median(cut))


def test_a_box_beyond_the_pictures_edge_is_white_there() -> None:
    image = np.full((100, 100), 90, np.uint8)
    cut = cut_essay(image, EssayCrop("q1", ((50.0, 10.0), (250.0, 10.0), (250.0, 60.0), (50.0, 60.0))))
    assert cut[25, 20] == 90
    assert cut[25, -20] == 255


def test_the_child_gives_back_every_essay_as_jpeg() -> None:
    sample = make_sample(MIXED, CONDITIONS["flat"], 8200)
    answer = compute.read_sheet(cv2.imencode(".jpg", sample.image)[1].tobytes(), MIXED.to_json())
    assert list(answer["essay_jpegs"]) == ["q12"]
    picture = cv2.imdecode(np.frombuffer(answer["essay_jpegs"]["q12"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape[1] > 1000


def test_the_overlay_shows_digits_and_boxes() -> None:
    sample = make_sample(MIXED, CONDITIONS["flat"], 8300)
    reading = read_sheet(sample.image, MIXED)
    picture = draw_overlay(sample.image, MIXED, reading).astype(int)
    is_green = (picture[..., 1] - picture[..., 2]) > 60
    box = MIXED.pages[0].essays[0].box
    top = round(box.y_mm * 4)
    assert (
        is_green[top - 4 : top + 5, round(box.x_mm * 4) : round((box.x_mm + box.width_mm) * 4)].any(axis=0).mean() > 0.9
    )
    answered = next(field for field in reading.fields if field.places and field.values)
    number = _numeric(answered.label)
    left, y = number.columns[0][0]
    right = number.columns[-1][0][0]
    assert is_green[round((y - 12) * 4) : round((y - 4) * 4), round((left - 3) * 4) : round((right + 3) * 4)].sum() > 30
