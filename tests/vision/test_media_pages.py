from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pikepdf
import pytest
from PIL import Image

from tests.vision.test_media_images import corner_picture, saved
from workers.media.encode import encode_jpeg
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import DecodeLimits, decode_grey
from workers.media.pages import decode_page, page_count
from workers.media.pdf import count_pages, render_page_grey


def pdf_of(
    sizes_pt: list[tuple[float, float]], password: str | None = None, drawing: str = "0 g 0 0 72 72 re f"
) -> bytes:
    """A PDF whose pages carry a black inch in the bottom left corner."""
    document = pikepdf.Pdf.new()
    for width, height in sizes_pt:
        page = document.add_blank_page(page_size=(100, 100))
        page.MediaBox = pikepdf.Array([0, 0, width, height])
        page.Contents = pikepdf.Stream(document, drawing.encode())
    buffer = io.BytesIO()
    if password is None:
        document.save(buffer)
    else:
        document.save(buffer, encryption=pikepdf.Encryption(owner="owner", user=password))
    return buffer.getvalue()


def problem_of_page(data: bytes, index: int = 0) -> MediaProblem:
    with pytest.raises(BrokenMedia) as caught:
        decode_page(data, index)
    return caught.value.reason


def test_pdf_pages_are_counted_and_drawn_at_the_wanted_resolution() -> None:
    data = pdf_of([(595, 842), (842, 595)])
    assert (count_pages(data), page_count(data)) == (2, 2)
    grey = render_page_grey(data, 0, dpi=100)
    assert grey.shape == (1170, 827)
    assert (int(grey[-50, 50]), int(grey[-50, 200]), int(grey[100, 50])) == (0, 255, 255)
    assert decode_page(data, 1).shape == (1653, 2339)


def test_a_pdf_page_turned_by_its_own_rotation_comes_upright() -> None:
    with pikepdf.open(io.BytesIO(pdf_of([(300, 200)]))) as document:
        document.pages[0].rotate(90, relative=False)
        buffer = io.BytesIO()
        document.save(buffer)
    grey = render_page_grey(buffer.getvalue(), 0, dpi=72)
    assert grey.shape == (300, 200)
    assert int(grey[10, 10]) == 0


def test_a_scanned_pdf_page_keeps_its_tones() -> None:
    scan = saved(Image.fromarray(corner_picture(900, 600)), "PDF", resolution=100)
    grey = decode_page(scan, 0, dpi=100)
    assert grey.shape == (900, 600)
    assert abs(int(grey[10, 10]) - 250) <= 3
    assert abs(int(grey[-10, -10]) - 140) <= 3


def test_a_locked_pdf_says_so() -> None:
    locked = pdf_of([(595, 842)], password="1234")
    assert problem_of_page(locked) is MediaProblem.ENCRYPTED
    with pytest.raises(BrokenMedia, match="password"):
        page_count(locked)


def test_a_pdf_locked_only_against_changes_is_read() -> None:
    assert page_count(pdf_of([(595, 842)], password="")) == 1


def test_a_damaged_pdf_is_refused() -> None:
    data = pdf_of([(595, 842)])
    assert problem_of_page(b"%PDF-1.7\n" + b"\0" * 200) is MediaProblem.DAMAGED
    assert problem_of_page(data[:40]) is MediaProblem.DAMAGED


@pytest.mark.parametrize("size_pt", [(14_400, 14_400), (14_400, 3), (28_346, 842), (1e9, 1e9)])
def test_a_giant_page_is_drawn_coarser_not_larger(size_pt: tuple[float, float]) -> None:
    grey = decode_page(pdf_of([size_pt]), 0, dpi=300)
    assert grey.size <= 25_500_000
    assert max(grey.shape) <= 12_000


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [0, 0, 1e-9, 842]])
def test_a_page_of_no_area_neither_crashes_nor_grows(box: list[float]) -> None:
    with pikepdf.open(io.BytesIO(pdf_of([(595, 842)]))) as document:
        document.pages[0].MediaBox = pikepdf.Array(box)
        buffer = io.BytesIO()
        document.save(buffer)
    with suppress(BrokenMedia):
        assert decode_page(buffer.getvalue(), 0).size <= 25_500_000


def test_too_many_pages_are_refused() -> None:
    data = pdf_of([(100, 100)] * 12)
    assert count_pages(data, max_pages=12) == 12
    with pytest.raises(BrokenMedia) as caught:
        page_count(data, limits=DecodeLimits(max_pages=11))
    assert caught.value.reason is MediaProblem.TOO_MANY_PAGES


@pytest.mark.parametrize("index", [-1, 1, 10_000])
def test_a_page_that_is_not_there_is_named(index: int) -> None:
    assert problem_of_page(pdf_of([(100, 100)]), index) is MediaProblem.NO_SUCH_PAGE
    assert problem_of_page(saved(Image.fromarray(corner_picture()), "PNG"), index) is MediaProblem.NO_SUCH_PAGE


def test_a_picture_is_one_page() -> None:
    png = saved(Image.fromarray(corner_picture()), "PNG")
    assert page_count(png) == 1
    assert np.array_equal(decode_page(png, 0), corner_picture())


def test_an_empty_upload_has_no_pages() -> None:
    with pytest.raises(BrokenMedia) as caught:
        page_count(b"")
    assert caught.value.reason is MediaProblem.EMPTY


def test_encoded_pictures_come_back() -> None:
    grey = corner_picture()
    assert np.abs(decode_grey(encode_jpeg(grey, 90)).astype(int) - grey).mean() < 2
    colour = np.dstack([grey, grey, grey])
    assert np.abs(decode_grey(encode_jpeg(colour)).astype(int) - grey).mean() < 3
    assert len(encode_jpeg(grey, 20)) < len(encode_jpeg(grey, 95))


@pytest.mark.parametrize(
    ("shape", "quality"), [((4, 4, 4), 80), ((0, 4), 80), ((1, 70_000), 80), ((4, 4), 0), ((4, 4), 101), ((4,), 80)]
)
def test_what_no_jpeg_can_hold_is_refused(shape: tuple[int, ...], quality: int) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        encode_jpeg(np.zeros(shape, dtype=np.uint8), quality)
