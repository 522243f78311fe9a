"""Homework against its blank page: nothing that was attempted is called blank, and light is never ink."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.homework.generator import CONDITIONS, capture, make_sample
from benchmarks.homework.worksheets import PAPER_MM, PX, Worksheet, draw_worksheet
from sheets.homework import Doubt, Mark, Verdict
from workers.vision.homework.reading import BlankPage, PageProblem, UnusablePage, read_homework, register_page
from workers.vision.homework.unregistered import read_unregistered

Picture = NDArray[np.uint8]
SEED = 4  # two columns, ten problems
PENCIL, FAINT, BLUE, RED = (70, 70, 70), (165, 165, 165), (170, 60, 30), (50, 45, 225)


@pytest.fixture(scope="module")
def sheet() -> Worksheet:
    return draw_worksheet(SEED)


@pytest.fixture(scope="module")
def blank(sheet: Worksheet) -> BlankPage:
    page = register_page(sheet.page, PAPER_MM)
    return replace(page, regions=tuple(problem.region for problem in sheet.problems))


def coloured(sheet: Worksheet) -> Picture:
    return np.ascontiguousarray(np.repeat(sheet.page[:, :, None], 3, axis=2))


def spot_in(sheet: Worksheet, index: int, height_mm: float = 6.0) -> tuple[float, float]:
    """A place without print in the problem's region, mm."""
    region = sheet.problems[index].region
    for y in np.arange(region.y + region.height - height_mm - 3, region.y + 3, -2.0):
        for x in np.arange(region.x + 8, region.x + region.width - 14, 3.0):
            rows = slice(round((y - 1) * PX), round((y + height_mm + 1) * PX))
            if (sheet.page[rows, round((x - 1) * PX) : round((x + 9) * PX)] > 200).all():
                return float(x), float(y)
    raise AssertionError("no place")


def write(page: Picture, sheet: Worksheet, index: int, colour: tuple[int, int, int], width_mm: float = 0.5) -> None:
    """A handwritten 4 of 5 mm."""
    x, y = spot_in(sheet, index)
    stroke = np.array([(2.5, 0), (0.2, 3.2), (4.2, 3.1), (3.2, 1.6), (3.0, 5.2)]) + np.array([x, y])
    points = np.round(stroke * PX).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(page, [points], False, colour, max(1, round(width_mm * PX)), cv2.LINE_AA)


def verdicts(image: Picture, *pages: BlankPage) -> list[Verdict]:
    return [region.verdict for region in read_homework(image, pages).reading.regions]


def test_what_is_written_is_attempted_and_the_rest_is_blank(sheet: Worksheet, blank: BlankPage) -> None:
    page = coloured(sheet)
    for index, colour in ((0, PENCIL), (3, BLUE), (7, PENCIL)):
        write(page, sheet, index, colour)
    expected = [Verdict.ATTEMPTED if index in (0, 3, 7) else Verdict.BLANK for index in range(len(sheet.problems))]
    read = read_homework(capture(page, CONDITIONS["scan"], 1), [blank])
    assert [region.verdict for region in read.reading.regions] == expected
    assert all(region.confidence > 0.5 and region.drift_mm < 0.3 for region in read.reading.regions)
    assert read.reading.regions[0].ink_mm2 > 3
    assert read.reading.regions[1].ink_mm2 == 0


@pytest.mark.parametrize("seed", [11, 12])
def test_shadow_and_warm_light_on_a_turned_page_are_never_attempts(
    blank: BlankPage, sheet: Worksheet, seed: int
) -> None:
    image = capture(coloured(sheet), CONDITIONS["phone"], seed)
    columns = np.linspace(0, 1, image.shape[1], dtype=np.float32)
    shade = np.where(columns > 0.45, 0.55, 1.0).astype(np.float32)
    shade = cv2.GaussianBlur(shade[None].repeat(image.shape[0], 0), (0, 0), 14).astype(np.float32)
    dark = np.clip(image * shade[:, :, None] * np.array([0.7, 0.9, 1.0], np.float32), 0, 255).astype(np.uint8)
    found = verdicts(np.ascontiguousarray(dark[::-1, ::-1]), blank)
    assert Verdict.ATTEMPTED not in found
    assert found.count(Verdict.BLANK) >= len(found) - 1


def test_a_faint_answer_of_one_character_is_never_blank(sheet: Worksheet, blank: BlankPage) -> None:
    page = coloured(sheet)
    for index in range(len(sheet.problems)):
        write(page, sheet, index, FAINT, width_mm=0.35)
    assert Verdict.BLANK not in verdicts(capture(page, CONDITIONS["phone"], 21), blank)


def test_a_red_ring_is_right_a_slash_is_wrong_and_neither_is_the_students(sheet: Worksheet, blank: BlankPage) -> None:
    page = coloured(sheet)
    write(page, sheet, 0, PENCIL)
    number = sheet.problems[0].number
    middle = (round(number.x * PX), round(number.y * PX))
    cv2.circle(page, middle, round(6 * PX), RED, round(0.7 * PX), cv2.LINE_AA)
    x, y = spot_in(sheet, 1)
    end = (round((x - 7) * PX), round((y + 9) * PX))
    cv2.line(page, (round((x + 4) * PX), round((y - 6) * PX)), end, RED, round(0.7 * PX), cv2.LINE_AA)
    regions = read_homework(capture(page, CONDITIONS["scan"], 2), [blank]).reading.regions
    assert [region.mark for region in regions[:3]] == [Mark.RIGHT, Mark.WRONG, Mark.NONE]
    assert [region.verdict for region in regions[:3]] == [Verdict.ATTEMPTED, Verdict.BLANK, Verdict.BLANK]


def test_red_writing_that_is_no_mark_is_left_to_people(sheet: Worksheet, blank: BlankPage) -> None:
    page = coloured(sheet)
    write(page, sheet, 2, RED)
    region = read_homework(capture(page, CONDITIONS["scan"], 3), [blank]).reading.regions[2]
    assert (region.verdict, region.doubt) == (Verdict.UNSURE, Doubt.RED_INK)


def test_the_right_page_of_several_is_found(sheet: Worksheet, blank: BlankPage) -> None:
    other = register_page(draw_worksheet(SEED + 1).page, PAPER_MM)
    reading = read_homework(capture(coloured(sheet), CONDITIONS["scan"], 4), [other, blank], likely=0).reading
    assert reading.page == 1


def another_worksheet() -> Picture:
    return capture(coloured(draw_worksheet(SEED + 2)), CONDITIONS["scan"], 5)


def an_empty_page() -> Picture:
    return capture(np.full((2339, 1654, 3), 250, np.uint8), CONDITIONS["phone"], 6)


def a_photo_of_something_else() -> Picture:
    spots = np.random.default_rng(7).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(spots, (1200, 1600), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("picture", [another_worksheet, an_empty_page, a_photo_of_something_else])
def test_what_is_no_page_of_the_worksheet_is_judged_in_nothing(picture: object, blank: BlankPage) -> None:
    assert callable(picture)
    read = read_homework(picture(), [blank])
    assert (read.reading.page, read.reading.regions, read.picture) == (None, (), None)


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (40, 40)])
def test_a_speck_of_a_picture_is_no_page(shape: tuple[int, int], blank: BlankPage) -> None:
    assert read_homework(np.full((*shape, 3), 200, np.uint8), [blank]).reading.page is None


def test_a_region_beyond_the_pictures_edge_is_not_judged(sheet: Worksheet, blank: BlankPage) -> None:
    image = capture(coloured(sheet), CONDITIONS["scan"], 8)
    cut = np.ascontiguousarray(image[: int(image.shape[0] * 0.62)])
    regions = read_homework(cut, [blank]).reading.regions
    last = regions[-1]
    assert (last.verdict, last.doubt) == (Verdict.UNSURE, Doubt.OUT_OF_PICTURE)
    assert regions[0].verdict is Verdict.BLANK


def test_where_the_print_lies_elsewhere_nothing_is_judged(sheet: Worksheet, blank: BlankPage) -> None:
    """An other edition: the fifth problem's text stands 2 mm off."""
    page = coloured(sheet)
    region = sheet.problems[4].region
    rows = slice(round(region.y * PX), round((region.y + region.height - 4) * PX))
    columns = slice(round(region.x * PX), round((region.x + region.width) * PX))
    moved = np.roll(page[rows, columns], (round(2.0 * PX), round(2.5 * PX)), axis=(0, 1))
    page[rows, columns] = moved
    found = read_homework(capture(page, CONDITIONS["scan"], 9), [blank]).reading.regions[4]
    assert found.verdict is not Verdict.BLANK


@pytest.mark.parametrize("seed", [4, 5, 7, 8, 11, 15])
def test_problems_are_proposed_where_numbers_stand(seed: int) -> None:
    drawn = draw_worksheet(seed)
    proposed = register_page(drawn.page, PAPER_MM, first_label=5).regions
    assert [region.label for region in proposed] == [str(5 + index) for index in range(len(drawn.problems))]
    for region, problem in zip(proposed, drawn.problems, strict=True):
        assert abs(region.x - problem.region.x) < 2
        assert abs(region.y - problem.region.y) < 3


def test_an_empty_page_cannot_be_registered() -> None:
    with pytest.raises(UnusablePage) as caught:
        register_page(np.full((2339, 1654), 252, np.uint8), PAPER_MM)
    assert caught.value.reason is PageProblem.NO_PRINT


def test_a_poster_cannot_be_registered(sheet: Worksheet) -> None:
    with pytest.raises(UnusablePage) as caught:
        register_page(sheet.page, (841.0, 1189.0))
    assert caught.value.reason is PageProblem.PAPER_SIZE


def test_a_photo_of_the_blank_page_can_be_registered(sheet: Worksheet) -> None:
    photo = capture(coloured(sheet), replace(CONDITIONS["phone"], is_turned=False), 10)
    page = register_page(photo)
    written = coloured(sheet)
    write(written, sheet, 0, PENCIL)
    regions = tuple(problem.region for problem in sheet.problems)
    read = read_homework(capture(written, CONDITIONS["scan"], 10), [replace(page, regions=regions)])
    assert read.reading.page == 0
    assert read.reading.regions[0].verdict is not Verdict.BLANK


def test_without_a_worksheet_a_pen_is_told_from_print_and_it_is_said(sheet: Worksheet) -> None:
    page = coloured(sheet)
    write(page, sheet, 0, BLUE, width_mm=0.9)
    reading, _ = read_unregistered(capture(page, CONDITIONS["scan"], 13))
    assert not reading.is_registered
    assert len(reading.proposed) == len(reading.regions) == len(sheet.problems)
    assert reading.regions[0].verdict is Verdict.ATTEMPTED
    assert all(region.verdict is not Verdict.ATTEMPTED for region in reading.regions[1:])


@pytest.mark.parametrize(("seed", "index"), [(710_023, 4), (710_031, 2)])
def test_the_rule_of_an_answer_where_the_paper_curls_is_no_writing(seed: int, index: int) -> None:
    """Nothing else is printed there to tell how the paper bends."""
    sample = make_sample(CONDITIONS["phone"], seed)
    page = register_page(sample.worksheet.page, PAPER_MM)
    page = replace(page, regions=tuple(problem.region for problem in sample.worksheet.problems))
    assert not sample.truth[index].is_attempted
    assert verdicts(sample.image, page)[index] is not Verdict.ATTEMPTED
