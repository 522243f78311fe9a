from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sheets.reading import FieldReading, FieldStatus, SheetReading, UnreadableReason, UnreadableSheet
from tests.vision.printed_template import exam_template, photographed, printed
from workers.vision.omrchecker import draw_template_overlay, parse_template, read_template_sheet

Grey = NDArray[np.uint8]
CHOICES = "ABCDE"


def example_marks() -> dict[str, list[str]]:
    rng = np.random.default_rng(4)
    answers = {f"q{number}": [CHOICES[rng.integers(5)]] for number in range(1, 31)}
    answers["q7"] = []
    answers["q20"] = []
    number = {f"n{place}": [digit] for place, digit in enumerate("40719", start=1)}
    return answers | number | {"s1": ["3"], "s2": ["0"]}


def expected(marks: dict[str, list[str]]) -> dict[str, str]:
    answers = {label: "".join(values) for label, values in marks.items() if label.startswith("q")}
    number = "".join(marks[f"n{place}"][0] for place in range(1, 6))
    return answers | {"number": number, "sum": marks["s1"][0] + marks["s2"][0]}


def texts(reading: SheetReading) -> dict[str, str]:
    return {field.label: "".join(field.values) for field in reading.fields}


def field_of(reading: SheetReading, label: str) -> FieldReading:
    return next(field for field in reading.fields if field.label == label)


@cache
def flat_page(*, with_markers: bool = False, shape: str = "ring") -> Grey:
    return printed(exam_template(with_markers=with_markers), example_marks(), shape=shape)


@pytest.mark.parametrize("with_markers", [False, True])
@pytest.mark.parametrize("shape", ["ring", "box"])
@pytest.mark.parametrize(("degrees", "tilt"), [(0, 0), (7, 0.02), (-11, 0.04)])
def test_a_photo_is_read_without_an_error(with_markers: bool, shape: str, degrees: float, tilt: float) -> None:
    template = exam_template(with_markers=with_markers)
    photo = photographed(flat_page(with_markers=with_markers, shape=shape), degrees=degrees, tilt=tilt)
    reading = read_template_sheet(photo, template)
    assert texts(reading) == expected(example_marks())
    assert {field.status for field in reading.fields} == {FieldStatus.OK, FieldStatus.BLANK}
    assert [field.label for field in reading.fields] == [output.label for output in template.outputs]
    assert reading.student_number is None
    assert reading.sheet_id is None
    assert reading.layout_fingerprint == template.fingerprint
    assert reading.corners_found == 4
    assert abs(reading.rotation_degrees - degrees) < 3
    assert min(field.confidence for field in reading.fields) > 0.9


def test_a_scan_that_is_all_page_is_read() -> None:
    assert texts(read_template_sheet(flat_page(), exam_template())) == expected(example_marks())


def test_a_template_without_cropping_takes_the_whole_picture() -> None:
    whole = exam_template().to_json()
    whole["template"]["preProcessors"] = []
    template = parse_template(whole["template"], assets={})
    assert texts(read_template_sheet(flat_page(), template)) == expected(example_marks())


@pytest.mark.parametrize("turn", [cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_a_sheet_that_lies_otherwise_is_turned(turn: int) -> None:
    photo = np.asarray(cv2.rotate(photographed(flat_page(), degrees=3), turn), dtype=np.uint8)
    assert texts(read_template_sheet(photo, exam_template())) == expected(example_marks())


@pytest.mark.parametrize("offset", [(9, -7), (-10, 8)])
def test_a_template_that_misses_the_print_by_a_third_of_a_bubble_is_no_harm(offset: tuple[float, float]) -> None:
    page = printed(exam_template(), example_marks(), offset=offset)
    assert texts(read_template_sheet(photographed(page, degrees=2), exam_template())) == expected(example_marks())


@pytest.mark.parametrize("missing", range(4))
def test_a_lost_marker_does_not_lose_the_sheet(missing: int) -> None:
    template = exam_template(with_markers=True)
    corners = [corner for corner in range(4) if corner != missing]
    page = printed(template, example_marks(), marker_corners=corners)
    reading = read_template_sheet(photographed(page, degrees=-4, tilt=0.01), template)
    assert reading.corners_found == 3
    assert texts(reading) == expected(example_marks())


def test_two_lost_markers_are_refused() -> None:
    template = exam_template(with_markers=True)
    page = printed(template, example_marks(), marker_corners=(0, 2))
    with pytest.raises(UnreadableSheet) as caught:
        read_template_sheet(photographed(page), template)
    assert caught.value.reason in {UnreadableReason.CORNER_MISSING, UnreadableReason.OTHER_SHEET}


@pytest.mark.parametrize("noise", [0.0, 3.0, 9.0])
def test_a_blank_sheet_is_blank(noise: float) -> None:
    page = printed(exam_template(), {})
    reading = read_template_sheet(photographed(page, noise=noise), exam_template())
    assert {field.status for field in reading.fields} == {FieldStatus.BLANK}
    assert all(not field.values for field in reading.fields)


def test_a_column_that_all_marked_alike_is_not_taken_for_its_print() -> None:
    marks = example_marks() | {f"q{number}": ["A"] for number in range(1, 31)}
    assert texts(read_template_sheet(photographed(printed(exam_template(), marks)), exam_template())) == expected(marks)


def test_two_marks_are_multiple_and_both_are_reported() -> None:
    marks = example_marks() | {"q3": ["B", "D"], "n2": ["1", "8"]}
    reading = read_template_sheet(photographed(printed(exam_template(), marks)), exam_template())
    assert field_of(reading, "q3").status is FieldStatus.MULTIPLE
    assert field_of(reading, "q3").values == ("B", "D")
    assert field_of(reading, "number").status is FieldStatus.MULTIPLE
    assert field_of(reading, "number").values == ("4?719",)


def test_a_mark_half_as_dark_is_never_read_without_doubt() -> None:
    page = printed(exam_template(), example_marks() | {"q5": []}, darkness=40)
    faint = printed(exam_template(), {"q5": ["C"]}, darkness=165)
    both = np.minimum(page, faint)
    field = field_of(read_template_sheet(photographed(both), exam_template()), "q5")
    assert field.status is FieldStatus.UNSURE
    assert field.values == ("C",)
    assert field.confidence <= 0.5


def test_a_pale_pencil_throughout_is_read() -> None:
    page = printed(exam_template(), example_marks(), darkness=165)
    assert texts(read_template_sheet(photographed(page), exam_template())) == expected(example_marks())


def test_an_erased_mark_beside_a_dark_one_is_not_the_answer() -> None:
    page = printed(exam_template(), example_marks() | {"q9": ["B"]}, darkness=50)
    erased = printed(exam_template(), {"q9": ["D"]}, darkness=215)
    field = field_of(read_template_sheet(photographed(np.minimum(page, erased)), exam_template()), "q9")
    assert field.values == ("B",)
    assert field.status is FieldStatus.OK


@pytest.mark.parametrize(
    ("places", "text", "status"),
    [
        ("4071 ", "4071", FieldStatus.OK),
        (" 0719", "0719", FieldStatus.OK),
        ("40 19", "40?19", FieldStatus.UNSURE),
        ("     ", "", FieldStatus.BLANK),
    ],
)
def test_a_blank_place_shortens_a_number_but_not_from_within(places: str, text: str, status: FieldStatus) -> None:
    digits = {f"n{place}": [digit] if digit != " " else [] for place, digit in enumerate(places, start=1)}
    page = printed(exam_template(), example_marks() | digits)
    field = field_of(read_template_sheet(photographed(page), exam_template()), "number")
    assert ("".join(field.values), field.status) == (text, status)


@pytest.mark.parametrize("angle", [0, 70, 160, 250])
def test_the_edge_of_a_shadow_is_not_ink(angle: int) -> None:
    photo = photographed(flat_page(), degrees=4)
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    middle = np.array(photo.shape)[::-1] / 2
    side = (x - middle[0]) * np.cos(np.radians(angle)) + (y - middle[1]) * np.sin(np.radians(angle))
    shadowed = (photo * (1 - 0.5 / (1 + np.exp(-side / 6)))).astype(np.uint8)
    reading = read_template_sheet(shadowed, exam_template())
    truth = expected(example_marks())
    for field in reading.fields:
        assert field.status is FieldStatus.UNSURE or "".join(field.values) == truth[field.label]
    assert sum(field.status is FieldStatus.UNSURE for field in reading.fields) <= 2


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("with_markers", [False, True])
def test_a_sheet_cut_off_by_the_picture_is_never_silently_wrong(seed: int, with_markers: bool) -> None:
    rng = np.random.default_rng([seed, 77])
    page = flat_page(with_markers=with_markers)
    photo = photographed(page, degrees=rng.uniform(-12, 12), tilt=0.03, seed=seed)
    margin = int(0.18 * max(page.shape) * rng.uniform(1.0, 1.3))
    height, width = photo.shape
    top, bottom, left, right = (margin if side == seed % 4 else 0 for side in range(4))
    cut = np.ascontiguousarray(photo[top : height - bottom, left : width - right])
    truth = expected(example_marks())
    try:
        reading = read_template_sheet(cut, exam_template(with_markers=with_markers))
    except UnreadableSheet:
        return
    for field in reading.fields:
        assert field.status is FieldStatus.UNSURE or "".join(field.values) == truth[field.label]


def test_a_white_desk_is_not_the_page() -> None:
    photo = photographed(flat_page(), degrees=2, desk=205)
    assert texts(read_template_sheet(photo, exam_template())) == expected(example_marks())


@pytest.mark.parametrize("picture", ["white", "black", "noise", "lined", "bare page", "tiny", "other sheet"])
def test_what_is_not_the_sheet_is_refused(picture: str) -> None:
    rng = np.random.default_rng(1)
    pictures: dict[str, Grey] = {
        "white": np.full((900, 700), 235, dtype=np.uint8),
        "black": np.full((900, 700), 3, dtype=np.uint8),
        "noise": rng.integers(0, 255, (900, 700), dtype=np.uint8),
        "lined": np.repeat(np.where(np.arange(900)[:, None] % 37 < 2, 110, 235), 700, axis=1).astype(np.uint8),
        "bare page": photographed(np.full((1400, 1000), 240, dtype=np.uint8)),
        "tiny": np.full((20, 20), 235, dtype=np.uint8),
        "other sheet": photographed(other_page()),
    }
    with pytest.raises(UnreadableSheet) as caught:
        read_template_sheet(pictures[picture], exam_template())
    assert caught.value.message


def other_page() -> Grey:
    other = parse_template(
        {
            "pageDimensions": [1000, 1400],
            "bubbleDimensions": [36, 36],
            "fieldBlocks": {
                "B": {
                    "fieldType": "QTYPE_MCQ4",
                    "fieldLabels": ["q1..12"],
                    "origin": [300, 200],
                    "bubblesGap": 93,
                    "labelsGap": 81,
                }
            },
        },
        assets={},
    )
    return printed(other, {f"q{number}": ["B"] for number in range(1, 13)})


def test_colour_or_floats_are_refused() -> None:
    for wrong in (np.zeros((300, 300, 3), dtype=np.uint8), np.zeros((300, 300), dtype=np.float64)):
        with pytest.raises(UnreadableSheet) as caught:
            read_template_sheet(wrong, exam_template())  # type: ignore[arg-type]  # that is the point
        assert caught.value.reason is UnreadableReason.NOT_A_PICTURE


def test_the_reading_survives_its_schema() -> None:
    reading = read_template_sheet(flat_page(), exam_template())
    copied = SheetReading.from_json(reading.to_json())
    assert texts(copied) == texts(reading)
    assert len(field_of(copied, "number").ink) == 50


def test_the_overlay_colours_what_was_read() -> None:
    photo = photographed(flat_page(), degrees=2)
    template = exam_template()
    overlay = draw_template_overlay(photo, template, read_template_sheet(photo, template))
    assert overlay.shape == (*photo.shape, 3)
    assert overlay.dtype == np.uint8
    assert _count(overlay, (60, 160, 0)) > 200
    assert _count(overlay, (0, 0, 220)) == 0


def _count(overlay: Grey, colour: Sequence[int]) -> int:
    return int((np.abs(overlay.astype(int) - colour).max(axis=2) < 30).sum())
