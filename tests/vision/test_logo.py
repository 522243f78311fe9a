"""A logo as it is drawn anew: without margins, on white, small, and nothing of the file that was sent."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pypdfium2
import pytest
import segno
from PIL import Image, ImageDraw, PngImagePlugin

from sheets.layout import design_layout
from sheets.pdf import Prefill, page_payload, render_pdf
from sheets.reading import FieldReading
from workers.compute import draw_logo
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.logo import ICON_PX, LOGO_PX
from workers.vision.sheet import read_sheet


def _png(size: tuple[int, int] = (400, 200), ink: tuple[int, ...] = (29, 79, 145, 255), **more: object) -> bytes:
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    picture.paste(ink, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    out = io.BytesIO()
    picture.save(out, "PNG", **more)
    return out.getvalue()


def _opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def test_margins_go_and_transparency_becomes_paper() -> None:
    answer = draw_logo(_png())
    logo, icon = _opened(answer["logo_png"]), _opened(answer["icon_png"])
    assert (logo.size, logo.mode, logo.getpixel((0, 0))) == ((200, 100), "RGB", (29, 79, 145))
    assert (icon.size, icon.getpixel((0, 0))) == ((ICON_PX, ICON_PX), (255, 255, 255))
    assert icon.getpixel((ICON_PX // 2, ICON_PX // 2)) == (29, 79, 145)


@pytest.mark.parametrize("size", [(4000, 400), (400, 4000), (3000, 3000)])
def test_what_is_large_comes_out_small(size: tuple[int, int]) -> None:
    logo = _opened(draw_logo(_png(size))["logo_png"])
    assert logo.width <= LOGO_PX[0]
    assert logo.height <= LOGO_PX[1]


def test_nothing_of_the_file_is_kept_but_its_pixels() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    notes.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>secret place</x:xmpmeta>")
    sent = _png(pnginfo=notes) + b"<?php trailing ?>"
    assert b"script" in sent
    for data in draw_logo(sent).values():
        assert isinstance(data, bytes)
        for hidden in (b"script", b"xmpmeta", b"php"):
            assert hidden not in data
        assert _opened(data).info == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", MediaProblem.NOT_A_PICTURE),
        (b"<?xml version='1.0'?><svg/>", MediaProblem.NOT_A_PICTURE),
        (b"%PDF-1.7 and no more", MediaProblem.NOT_A_PICTURE),
        (b"GIF89a\x01\x00\x01\x00", MediaProblem.UNSUPPORTED),
        (b"", MediaProblem.EMPTY),
        (_png()[:60], None),
        (_png(ink=(255, 255, 255, 255)), MediaProblem.BLANK_LOGO),
        (_png(ink=(0, 0, 0, 0)), MediaProblem.BLANK_LOGO),
    ],
)
def test_what_is_no_picture_or_shows_nothing_is_refused(data: bytes, reason: MediaProblem | None) -> None:
    with pytest.raises(BrokenMedia) as raised:
        draw_logo(data)
    assert reason is None or raised.value.reason is reason


def _bomb() -> bytes:
    """A PNG whose header says 100,000 by 100,000 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"IDAT"


def test_a_bomb_of_pixels_is_refused_by_its_header() -> None:
    with pytest.raises(BrokenMedia) as raised:
        draw_logo(_bomb())
    assert raised.value.reason in {MediaProblem.TOO_LARGE, MediaProblem.DAMAGED, MediaProblem.TRUNCATED}


# ---------------------------------------------------------------- on a sheet


def _mean_logo(kind: str) -> bytes:
    """Pictures that look like what a sheet is found and read by."""
    picture = Image.new("RGB", (240, 240), "white")
    draw = ImageDraw.Draw(picture)
    if kind == "marker":
        draw.rectangle((0, 0, 239, 239), fill="black")
        draw.rectangle((70, 70, 170, 170), fill="white")
    elif kind == "square":
        draw.rectangle((0, 0, 239, 239), fill="black")
    elif kind == "wide":
        picture = Image.new("RGB", (720, 160), "black")
    elif kind == "code":
        cells = segno.make_qr(page_payload("Other", 1, "0" * 16, version="", token="")).matrix
        picture = Image.new("L", (len(cells[0]), len(cells)), 255)
        for y, row in enumerate(cells):
            for x, cell in enumerate(row):
                picture.putpixel((x, y), 0 if cell else 255)
        picture = picture.resize((8 * picture.width, 8 * picture.height), Image.Resampling.NEAREST).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return draw_logo(out.getvalue())["logo_png"]


@pytest.mark.parametrize("is_large", [False, True], ids=["regular", "large print"])
@pytest.mark.parametrize("kind", ["marker", "square", "wide", "code"])
@pytest.mark.parametrize("blur", [0, 3], ids=["scan", "photo"])
def test_no_logo_changes_what_is_read(kind: str, is_large: bool, blur: int) -> None:
    layout = design_layout(question_count=20, is_large_print=is_large, version_count=2 if is_large else 0)
    copy = Prefill(name="김하늘", number="240101", version="A" if is_large else "")
    shown = {"sheet_id": "Exam-7", "heading": "11월 월말평가", "academy": "아주아주긴이름을가진수학영어학원 " * 3}
    read = []
    for more in ({}, {"logo": _mean_logo(kind)}):
        pdf = render_pdf(layout, copies=[copy], **shown, **more)  # type: ignore[arg-type]  # bytes and texts
        with pypdfium2.PdfDocument(pdf) as document:
            image = np.asarray(document[0].render(scale=150 / 72, grayscale=True).to_numpy()).squeeze().copy()
        image = cv2.warpAffine(image, np.array([[0.99, 0.02, 8], [-0.02, 0.99, 30]]), image.shape[::-1], borderValue=90)
        image = cv2.GaussianBlur(image, (blur, blur), 0) if blur else image
        read.append(read_sheet(np.asarray(image, np.uint8), layout))
    plain, branded = read
    assert (branded.sheet_id, branded.page) == (plain.sheet_id, plain.page)
    assert [_meaning(field) for field in branded.fields] == [_meaning(field) for field in plain.fields]
    assert branded.student_number is not None
    assert plain.student_number is not None
    assert _meaning(branded.student_number) == _meaning(plain.student_number)
    assert branded.corners_found == plain.corners_found == 4


def _meaning(field: FieldReading) -> tuple[str, tuple[str, ...], str]:
    return field.label, field.values, field.status
