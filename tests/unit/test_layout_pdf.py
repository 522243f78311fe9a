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

from sheets.layout import Layout, design_layout
from sheets.payload import PagePayload, page_payload, parse_payload
from sheets.pdf import Prefill, render_pdf


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
    assert page_payload(payload.sheet_id, payload.page, payload.fingerprint).upper() == text.upper()
