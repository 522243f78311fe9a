"""Reading text: exam pages in their order, any way round, in two languages; nothing where nothing is written."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.ocr.pages import GOTHIC, MYEONGJO, exam_page, handout_page
from benchmarks.ocr.scoring import character_error_rate, edit_distance
from workers.vision.text.outline import find_paper
from workers.vision.text.pages import Box, Language, Line, PageText, Word
from workers.vision.text.paper import skew_degrees, turned
from workers.vision.text.readers import reader_of
from workers.vision.text.reading import Reading, read_crop, read_page

GreyImage = NDArray[np.uint8]
LITE = reader_of("lite")
FONT = Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf")
LINES = (
    "지구의 자전축은 기울어져 있다.",
    "The quick growth of cities",
    "환율이 오르면 수입 물가는",
    "글쓴이의 생각을 쓰시오.",
)


def drawn(lines: tuple[str, ...] = LINES, *, size: int = 40, width: int = 1000, ink: int = 30) -> GreyImage:
    picture = Image.new("L", (width, 120 + round(len(lines) * size * 1.8)), 250)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(str(FONT), size)
    for place, line in enumerate(lines):
        draw.text((90, 60 + round(place * size * 1.8)), line, fill=ink, font=font)
    return np.array(picture, dtype=np.uint8)


def error_of(reading: Reading, lines: tuple[str, ...] = LINES) -> float:
    return character_error_rate(reading.page.text, "\n".join(lines))


@pytest.fixture(scope="module")
def exam() -> tuple[Reading, str]:
    page = exam_page(np.random.default_rng(11), GOTHIC)
    return read_page(page.pixels, LITE), page.text


def test_an_exam_page_of_two_columns_is_read_in_its_order(exam: tuple[Reading, str]) -> None:
    reading, text = exam
    assert character_error_rate(reading.page.text, text) <= 0.03
    numbers = [line.text.split(".")[0] for line in reading.page.lines if line.text[:2].rstrip(".").isdecimal()]
    assert numbers == sorted(numbers, key=int)
    assert len(numbers) >= 6


def test_circled_digits_are_signs_of_their_own(exam: tuple[Reading, str]) -> None:
    reading, text = exam
    signs = [character for character in reading.page.text if character in "①②③④⑤⑥"]
    assert edit_distance("".join(signs), "".join(c for c in text if c in "①②③④⑤⑥")) <= 1
    assert len(signs) >= 30


def test_faint_digits_in_rings_are_read_as_well() -> None:
    page = exam_page(np.random.default_rng(4), MYEONGJO)
    column = page.pixels[300:1700, 150:1240]
    small = cv2.resize(column, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(255 - (255 - small) * 0.7, (0, 0), 1.2).astype(np.uint8)
    text = read_page(soft, LITE).page.text
    signs = "".join(character for character in text if character in "①②③④⑤")
    assert "①②③④⑤①②③④⑤" in signs
    assert not re.search(r"^\(\d\)", text, re.MULTILINE)


def test_an_english_word_may_have_a_korean_particle() -> None:
    page = read_page(drawn(("빈칸에 들어갈 단어는 because이다.", "다음 중 however의 쓰임을 고르시오.")), LITE).page
    first, second = ("".join(line.text.split()) for line in page.lines)
    assert first == "빈칸에들어갈단어는because이다."
    assert "다음중however" in second


def test_boxes_lie_on_the_words(exam: tuple[Reading, str]) -> None:
    reading, _ = exam
    for line in reading.page.lines:
        for word in line.words:
            box = word.box
            assert box.x >= 0
            assert box.y >= 0
            assert box.right <= reading.page.width
            patch = reading.image[box.y : box.bottom, box.x : box.right]
            assert patch.min() < 128, word
            assert 0 <= word.confidence <= 1
        for left, right in pairwise(line.words):
            assert left.box.x <= right.box.x


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_page_is_read_whichever_way_it_lies(turns: int) -> None:
    reading = read_page(np.ascontiguousarray(np.rot90(drawn(), turns)), LITE)
    assert error_of(reading) <= 0.03
    assert round(reading.page.turn_degrees / 90) % 4 == turns


@pytest.mark.parametrize("degrees", [-7.0, 2.5, 9.0])
def test_a_crooked_page_is_set_straight(degrees: float) -> None:
    assert error_of(read_page(turned(drawn(), degrees), LITE)) <= 0.03


@given(st.floats(-10, 10))
def test_skew_is_measured(degrees: float) -> None:
    ink = np.where(turned(drawn(), -degrees) < 128, 255, 0).astype(np.uint8)
    assert abs(skew_degrees(ink) - degrees) <= 0.4


def test_the_language_is_each_lines_own() -> None:
    languages = [line.language for line in read_page(drawn(), LITE).page.lines]
    assert languages == [Language.KOREAN, Language.ENGLISH, Language.KOREAN, Language.KOREAN]


def test_white_on_black_of_a_shadow_is_still_read() -> None:
    page = drawn()
    light = np.linspace(1.0, 0.35, page.shape[1], dtype=np.float32)[None]
    assert error_of(read_page((page * light).astype(np.uint8), LITE)) <= 0.03


def photographed(page: GreyImage, *, table: int = 60) -> GreyImage:
    """``page`` (H, W) seen aslant on a table of that grey, (H + 500, W + 500)."""
    height, width = page.shape
    photo = np.full((height + 500, width + 500), table, np.uint8)
    corners = np.array([[230, 260], [width + 240, 210], [width + 280, height + 270], [190, height + 240]], np.float32)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners)
    cv2.warpPerspective(page, matrix, photo.shape[::-1], dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
    return photo


def test_a_sheet_on_a_dark_table_is_cut_out_and_flattened() -> None:
    page = drawn(width=900)
    reading = read_page(photographed(page), LITE)
    assert error_of(reading) <= 0.03
    assert reading.page.width < page.shape[1] + 200


@pytest.mark.parametrize("turns", [0, 1])
def test_a_shadow_across_the_sheet_cuts_nothing_off(turns: int) -> None:
    lines = LINES * 3
    photo = photographed(drawn(lines, width=1300), table=110)
    height, width = photo.shape
    shadow = np.zeros(photo.shape, np.uint8)
    cv2.fillPoly(shadow, [np.array([[width, 0], [width, height], [0, height]], np.int32)], (255,))
    light = 1 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), 8).astype(np.float32) / 255
    reading = read_page(np.ascontiguousarray(np.rot90((photo * light).astype(np.uint8), turns)), LITE)
    assert error_of(reading, lines) <= 0.03
    assert reading.page.width < width - 300


def test_a_scan_has_no_table_to_be_cut_off() -> None:
    assert find_paper(exam_page(np.random.default_rng(11), GOTHIC).pixels) is None


def test_a_curled_line_is_straightened() -> None:
    page = drawn()
    height, width = page.shape
    xs = np.repeat(np.arange(width, dtype=np.float32)[None], height, 0)
    ys = np.arange(height, dtype=np.float32)[:, None] + 18 * np.sin(np.pi * xs / width)
    curled = cv2.remap(page, xs, ys.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert error_of(read_page(np.asarray(curled, np.uint8), LITE)) <= 0.03


def test_rows_of_a_table_stay_rows() -> None:
    page = handout_page(np.random.default_rng(5), GOTHIC)
    reading = read_page(page.pixels, LITE)
    rows = [line for line in page.text.splitlines() if len(line.split()) == 4 and line.split()[1].isdecimal()]
    read = [line.text for line in reading.page.lines]
    assert len(rows) == 5
    assert sum(row in read for row in rows) >= 4


def noise(sigma: float, level: float = 225.0) -> GreyImage:
    grain = np.random.default_rng(3).normal(level, sigma, (1400, 1000))
    return np.clip(grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        np.full((1400, 1000), 255, np.uint8),
        np.zeros((1400, 1000), np.uint8),
        np.full((1400, 1000), 128, np.uint8),
        noise(4),
        noise(12),
        noise(60, 128.0),
        np.full((1, 1), 0, np.uint8),
        np.full((3, 4000), 255, np.uint8),
        np.full((4000, 2), 90, np.uint8),
        np.tile(np.linspace(60, 250, 1000).astype(np.uint8), (1400, 1)),
        np.kron(np.indices((40, 30)).sum(0) % 2 * 255, np.ones((30, 30))).astype(np.uint8),
    ],
    ids=["white", "black", "grey", "grain", "coarse", "snow", "dot", "strip", "slit", "ramp", "chess"],
)
@pytest.mark.parametrize("tier", ["lite", "basic"])
def test_where_nothing_is_written_nothing_is_read(image: GreyImage, tier: str) -> None:
    page = read_page(image, reader_of(tier)).page
    assert [line.text for line in page.lines] == []
    assert page.confidence is None


def test_the_back_of_a_printed_sheet_shining_through_is_no_text() -> None:
    behind = np.ascontiguousarray(drawn(ink=236)[:, ::-1])
    assert read_page(behind, LITE).page.lines == ()


def test_letters_one_below_the_other_do_no_harm() -> None:
    lines = tuple("조선후기에는상품화폐경제가발달")
    page = read_page(drawn(lines, width=400), LITE).page
    assert page.width > 0
    assert all(0 <= word.confidence <= 1 for line in page.lines for word in line.words)


def test_a_small_crop_is_read_without_a_layout() -> None:
    words = read_crop(drawn(("김하나",), size=36, width=260)[40:130], LITE)
    assert "".join(word.text for word in words) == "김하나"


def test_a_second_pass_reads_no_worse() -> None:
    small = cv2.resize(drawn(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    blurred = np.asarray(cv2.GaussianBlur(small, (0, 0), 1.1), np.uint8)
    lite, basic = (error_of(read_page(blurred, reader_of(tier))) for tier in ("lite", "basic"))
    assert basic <= lite + 0.002


def test_what_was_read_travels_as_json_and_comes_back() -> None:
    words = (Word("가", Box(1, 2, 3, 4), 0.5), Word("b", Box(5, 2, 3, 4), 0.9))
    page = PageText(100, 200, (Line(words, Language.MIXED, 0), Line(words[:1], Language.KOREAN, 1)), 90.0)
    assert PageText.from_json(page.to_json()) == page
    assert page.text == "가 b\n\n가"
    assert [word["is_weak"] for word in page.to_json()["lines"][0]["words"]] == [True, False]
    with pytest.raises(ValueError, match="version"):
        PageText.from_json({**page.to_json(), "version": 2})


@given(st.text("ab가", max_size=12), st.text("ab가", max_size=12))
def test_the_benchmarks_distance_is_levenshteins(this: str, that: str) -> None:
    rows = list(range(len(that) + 1))
    for place, letter in enumerate(this, start=1):
        before, rows[0] = rows[0], place
        for column, other in enumerate(that, start=1):
            before, rows[column] = rows[column], min(rows[column] + 1, rows[column - 1] + 1, before + (letter != other))
    assert edit_distance(this, that) == rows[-1]
