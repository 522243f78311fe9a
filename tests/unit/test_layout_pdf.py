"""The printed form of a layout."""

from __future__ import annotations

import io
import re

import numpy as np
import pikepdf
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from sheets.layout import Choices, Essays, Layout, Numbers, design_layout
from sheets.payload import PagePayload, page_payload, parse_payload
from sheets.pdf import Prefill, render_pdf
from sheets.typeface import printable


@pytest.fixture(scope="module")
def layout() -> Layout:
    return design_layout(question_count=100, number_digits=8)


def _render(layout: Layout, *copies: Prefill) -> bytes:
    return render_pdf(layout, sheet_id="Exam-7", heading="11월 월말평가", academy="한빛학원", copies=copies)


def _pixels(pdf: bytes, page: int, dpi: int = 100) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return np.array(document[page].render(scale=dpi / 72, grayscale=True).to_numpy()).squeeze()
    finally:
        document.close()


def test_each_page_of_each_copy_is_printed_with_its_own_code(layout: Layout) -> None:
    pdf = _render(layout, Prefill("김하늘", "12345678"), Prefill("이바다", ""))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert len(document.pages) == 4
    for index, page in enumerate((1, 2, 1, 2)):
        codes = zxingcpp.read_barcodes(_pixels(pdf, index))
        assert [parse_payload(code.text) for code in codes] == [PagePayload("Exam-7", page, layout.fingerprint)]


def test_fonts_are_embedded(layout: Layout) -> None:
    with pikepdf.open(io.BytesIO(_render(layout))) as document:
        text = "".join(repr(item) for item in document.objects)
    assert "FontFile2" in text
    assert re.search(r"\+NanumGothic", text)


def test_the_same_arguments_give_the_same_bytes(layout: Layout) -> None:
    assert _render(layout, Prefill("김하늘", "12345678")) == _render(layout, Prefill("김하늘", "12345678"))


def test_a_class_of_forty_shares_the_fixed_part(layout: Layout) -> None:
    one = len(_render(layout, Prefill("김하늘", "12345678")))
    forty = len(_render(layout, *[Prefill("김하늘", f"{index:08}") for index in range(40)]))
    assert forty < 2 * one


def test_a_prefilled_number_is_marked_in_its_bubbles(layout: Layout) -> None:
    number = layout.pages[0].student_number
    assert number is not None
    pixels = _pixels(_render(layout, Prefill("김하늘", "90210764")), 0)
    for digit, column in zip("90210764", number.columns, strict=True):
        dark = [int(pixels[round(y / 25.4 * 100), round(x / 25.4 * 100)]) < 60 for x, y in column]
        assert [str(index) for index, is_dark in enumerate(dark) if is_dark] == [digit]


@pytest.mark.parametrize("number", ["1234567", "123456789", "1234567a", "１２３４５６７８"])
def test_a_number_that_does_not_fit_the_sheet_is_refused(layout: Layout, number: str) -> None:
    with pytest.raises(ValueError, match="8 digits"):
        _render(layout, Prefill("김하늘", number))


@given(
    sheet_id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    page=st.integers(1, 99),
    fingerprint=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)
def test_a_payload_is_parsed_back(sheet_id: str, page: int, fingerprint: str) -> None:
    assert parse_payload(page_payload(sheet_id, page, fingerprint)) == PagePayload(sheet_id, page, fingerprint)


@pytest.mark.parametrize("sheet_id", ["", "a b", "가", "x" * 41, "a:b"])
def test_a_sheet_id_that_does_not_fit_the_code_is_refused(sheet_id: str) -> None:
    with pytest.raises(ValueError, match="sheet id"):
        page_payload(sheet_id, 1, "0" * 16)


@given(text=st.text() | st.from_regex(r"AS1:.*"))
def test_any_other_text_is_a_value_error_or_a_whole_payload(text: str) -> None:
    try:
        payload = parse_payload(text)
    except ValueError:
        return
    again = page_payload(
        payload.sheet_id, payload.page, payload.fingerprint, version=payload.version, token=payload.token
    )
    assert again.upper() == text.upper()


TOKEN = "23456789ABCDEFGH"


@pytest.fixture(scope="module")
def mixed() -> Layout:
    return design_layout(
        groups=[Choices(10), Choices(4, has_several=True), Numbers(3, has_sign=True, decimals=1), Essays(1)],
        version_count=3,
    )


def test_each_copy_has_its_own_token_and_version_and_neither_name_nor_number_in_its_code(mixed: Layout) -> None:
    copies = [
        Prefill("김하늘", "024010", TOKEN, "B"),
        Prefill("이바다", "024011", TOKEN[::-1], "C"),
    ]
    pdf = _render(mixed, *copies)
    pages = len(mixed.pages)
    for index, copy in enumerate(copies):
        (code,) = zxingcpp.read_barcodes(_pixels(pdf, index * pages))
        payload = parse_payload(code.text)
        assert (payload.token, payload.version) == (copy.token, copy.version)
        assert copy.number not in code.text


def test_a_version_is_inked_in_its_bubble(mixed: Layout) -> None:
    pixels = _pixels(_render(mixed, Prefill(version="B")), 0)
    row = mixed.pages[0].version
    assert row is not None
    dark = [int(pixels[round(y / 25.4 * 100), round(x / 25.4 * 100)]) < 60 for x, y in row.centres]
    assert dark == [False, True, False]


def test_the_sheet_says_how_to_mark_in_korean(mixed: Layout) -> None:
    document = pypdfium2.PdfDocument(_render(mixed))
    try:
        text = "".join(document[0].get_textpage().get_text_range().split())
    finally:
        document.close()
    for word in ("이름", "수험번호", "과목", "유의사항", "시험지유형", "바름", "틀림"):
        assert word in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("뷁쀍 하늘", "뷁쀍 하늘"),
        ("\u1112\u1161\u11ab\uc0c8", "한새"),
        ("김🎉하늘👩‍👩‍👧", "김하늘"),
        ("Kim\u202e Ha\x00\nneul", "Kim Ha neul"),
        ("   ", ""),
    ],
)
def test_names_are_composed_and_stripped_of_what_cannot_be_printed(written: str, shown: str) -> None:
    assert printable(written) == shown


@pytest.mark.parametrize("name", ["가" * 80, "Wolfeschlegelsteinhausenbergerdorff the Third", "🎉", ""])
def test_no_name_leaves_its_box(mixed: Layout, name: str) -> None:
    """Outside the name's box a copy is the same as one without a name."""
    blank, named = (_pixels(_render(mixed, Prefill(text)), 0) for text in ("", name))
    box = mixed.name_box
    left, top, width, height = (value / 25.4 * 100 for value in (box.x_mm, box.y_mm, box.width_mm, box.height_mm))
    outside = np.ones(blank.shape, np.bool_)
    outside[int(top) : int(top + height) + 1, int(left) : int(left + width) + 1] = False
    assert np.array_equal(blank[outside], named[outside])


def test_a_colour_too_light_for_white_paper_is_darkened(mixed: Layout) -> None:
    pixels = _pixels(render_pdf(mixed, sheet_id="x", heading="x", academy="x", colour=0xFFFF00), 0)
    number = mixed.pages[0].student_number
    assert number is not None
    x, _ = number.columns[0][0]
    tab = pixels[round(40.5 / 25.4 * 100), round(x / 25.4 * 100)]
    assert int(tab) < 150
    with pytest.raises(ValueError, match="colour"):
        render_pdf(mixed, sheet_id="x", heading="x", academy="x", colour=-1)


@pytest.mark.parametrize("copy", [Prefill(version="D"), Prefill(version="E"), Prefill(token="short")])
def test_a_copy_that_does_not_fit_the_sheet_is_refused(mixed: Layout, copy: Prefill) -> None:
    with pytest.raises(ValueError, match=r"version|token"):
        _render(mixed, copy)


@given(
    version=st.sampled_from(["", "A", "D"]),
    token=st.sampled_from(["", TOKEN]),
)
def test_a_payload_of_a_copy_is_parsed_back(version: str, token: str) -> None:
    text = page_payload("Exam-7", 3, "0" * 16, version=version, token=token)
    assert parse_payload(text) == PagePayload("Exam-7", 3, "0" * 16, version, token)


@pytest.mark.parametrize(
    "text", ["AS2:x:1:0000000000000000::", "AS2:x:1:0000000000000000:E:", "AS2:x:1:0000000000000000:A"]
)
def test_a_malformed_code_of_a_copy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="code"):
        parse_payload(text)
