"""PDFs: their own text where it is real, their picture where it is not; searchable ones written for those."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from sheets.layout import design_layout
from sheets.pdf import render_pdf
from tests.vision.test_read_text import LINES, drawn
from workers import compute
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.pdf import count_pages
from workers.media.text_layer import read_text_layer

NANUM = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
A4_PX = (1654, 2339)


def printed(*lines: str) -> bytes:
    """A page with real text, its font embedded."""
    if "Nanum" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Nanum", NANUM))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842))
    canvas.setFont("Nanum", 14)
    for place, line in enumerate(lines):
        canvas.drawString(60, 760 - 30 * place, line)
    canvas.save()
    return buffer.getvalue()


def jpeg_of(image: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())


def text_of(pdf: bytes, index: int = 0) -> str:
    document = pdfium.PdfDocument(pdf)
    try:
        return str(document[index].get_textpage().get_text_range())
    finally:
        document.close()


def test_real_text_is_taken_as_it_is() -> None:
    answer = compute.read_text(printed(*LINES), "lite", False)
    assert answer["text"].splitlines() == list(LINES)
    assert {line["language"] for line in answer["page"]["lines"]} == {"layer"}
    assert (answer["confidence"], answer["weak_count"]) == (1.0, 0)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_lie_on_their_ink_however_the_page_is_turned(rotation: int) -> None:
    with pikepdf.open(io.BytesIO(printed(*LINES))) as document:
        document.pages[0].Rotate = rotation
        buffer = io.BytesIO()
        document.save(buffer)
    answer = compute.read_text(buffer.getvalue(), "lite", False)
    assert {line["language"] for line in answer["page"]["lines"]} == {"layer"}
    picture = cv2.imdecode(np.frombuffer(answer["picture_jpeg"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (answer["page"]["height"], answer["page"]["width"])
    words = [word for line in answer["page"]["lines"] for word in line["words"]]
    assert len(words) >= 10
    for word in words:
        x, y, width, height = word["box"]
        assert picture[y : y + height, x : x + width].min() < 128, word


def test_a_scan_with_a_printed_footer_is_read_from_its_picture() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842))
    from reportlab.lib.utils import ImageReader

    image = drawn()
    canvas.drawImage(ImageReader(io.BytesIO(jpeg_of(image))), 40, 400, 515, 515 * image.shape[0] / image.shape[1])
    canvas.setFont("Helvetica", 9)
    canvas.drawString(260, 30, "page 1 of 20, 2026")
    canvas.save()
    assert read_text_layer(buffer.getvalue(), 0, size=A4_PX) is None
    answer = compute.read_text(buffer.getvalue(), "lite", False)
    assert LINES[0] in answer["text"]
    assert LINES[1] in answer["text"]


def test_nonsense_of_a_font_without_a_mapping_is_no_text() -> None:
    with pikepdf.open(io.BytesIO(printed("가나다라 마바사아 자차카타"))) as document:
        for font in document.pages[0].Resources.Font.values():
            if "/ToUnicode" in font:
                codes = b"".join(b"<%02x> <E%03x>\n" % (code, code) for code in range(1, 100))
                font.ToUnicode = document.make_stream(
                    b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF>"
                    b" endcodespacerange 99 beginbfchar\n" + codes + b"endbfchar endcmap"
                )
        buffer = io.BytesIO()
        document.save(buffer)
    assert read_text_layer(buffer.getvalue(), 0, size=A4_PX) is None


def test_invisible_text_over_nothing_is_no_text() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842))
    written = canvas.beginText(60, 700)
    written.setTextRenderMode(3)
    written.setFont("Helvetica", 12)
    written.textOut("nobody sees this sentence")
    canvas.drawText(written)
    canvas.save()
    answer = compute.read_text(buffer.getvalue(), "lite", False)
    assert (answer["text"], answer["word_count"]) == ("", 0)


def test_the_products_own_sheet_has_real_text() -> None:
    sheet = render_pdf(design_layout(question_count=20), sheet_id="ABC", heading="중간고사", academy="하나수학")
    found = read_text_layer(sheet, 0, size=A4_PX)
    assert found is None or any("중간고사" in word.text for line in found for word in line)


@pytest.fixture(scope="module")
def searchable() -> bytes:
    answer = compute.read_text(jpeg_of(drawn(("① 이차 함수의 그래프", *LINES))), "lite", False)
    return compute.write_pages([answer["picture_jpeg"]] * 2, [answer["page"]] * 2)


def test_a_searchable_pdf_is_copied_and_searched_in_korean(searchable: bytes) -> None:
    for index in (0, 1):
        lines = [line.strip() for line in text_of(searchable, index).splitlines() if line.strip()]
        assert [line for line in LINES if line in lines] == list(LINES)
    document = pdfium.PdfDocument(searchable)
    try:
        assert document[0].get_textpage().search("자전축은 기울어져").get_next() is not None
    finally:
        document.close()


def highlights_of(pdf: bytes) -> list[list[tuple[str, list[float]]]]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return [
            [(str(note.Contents), [float(side) for side in note.Rect]) for note in page.get("/Annots", [])]
            for page in document.pages
        ]


def test_doubtful_words_are_highlighted_in_a_searchable_pdf() -> None:
    answer = compute.read_text(jpeg_of(drawn()), "lite", False)
    words = answer["page"]["lines"][0]["words"]
    for line in answer["page"]["lines"]:
        for word in line["words"]:
            word["is_weak"] = word is words[1]
    written = compute.write_pages([answer["picture_jpeg"]], [answer["page"]])
    for pdf in (written, compute.join_parts([written, printed("끝")])):
        ((text, (left, bottom, right, top)),) = highlights_of(pdf)[0]
        assert text == words[1]["text"] + "?"
        scale = 842 / max(answer["page"]["width"], answer["page"]["height"])
        x, y, width, height = words[1]["box"]
        assert (left, right) == pytest.approx((x * scale, (x + width) * scale), abs=0.1)
        page_height = answer["page"]["height"] * scale
        assert (bottom, top) == pytest.approx((page_height - (y + height) * scale, page_height - y * scale), abs=0.1)


def test_what_was_read_surely_is_not_highlighted(searchable: bytes) -> None:
    answer = compute.read_text(jpeg_of(drawn(("① 이차 함수의 그래프", *LINES))), "lite", False)
    weak = [word["text"] + "?" for line in answer["page"]["lines"] for word in line["words"] if word["is_weak"]]
    assert [[text for text, _ in page] for page in highlights_of(searchable)] == [weak, weak]


def test_a_searchable_pdf_looks_like_its_picture(searchable: bytes) -> None:
    document = pdfium.PdfDocument(searchable)
    try:
        page = np.array(document[0].render(scale=1, grayscale=True).to_numpy())
    finally:
        document.close()
    page = page.reshape(page.shape[:2])
    with_text = int((page < 128).sum())
    bare = cv2.resize(drawn(("① 이차 함수의 그래프", *LINES)), page.shape[::-1], interpolation=cv2.INTER_AREA)
    assert with_text == pytest.approx(int((bare < 128).sum()), rel=0.35)


def test_pages_come_out_one_by_one_with_their_text_and_go_together_again() -> None:
    whole = compute.join_parts([printed("첫 번째 페이지의 글"), printed("두 번째 페이지의 글")])
    parts = compute.split_pdf(whole, [1, 0])
    assert ["두 번째" in text_of(parts[0]), "첫 번째" in text_of(parts[1])] == [True, True]
    assert [count_pages(part) for part in parts] == [1, 1]


def test_a_page_taken_out_leaves_the_scripts_behind() -> None:
    with pikepdf.open(io.BytesIO(printed("글이 있는 페이지"))) as document:
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('x')"))
        document.Root.OpenAction = document.make_indirect(script)
        document.Root.Names = pikepdf.Dictionary(
            JavaScript=pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String("a"), script]))
        )
        buffer = io.BytesIO()
        document.save(buffer)
    assert b"JavaScript" in buffer.getvalue()
    (page,) = compute.split_pdf(buffer.getvalue(), [0])
    with pikepdf.open(io.BytesIO(page)) as document:
        assert "/OpenAction" not in document.Root
        assert "/Names" not in document.Root


def _script() -> pikepdf.Dictionary:
    return pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('x')"))


def _opening(document: pikepdf.Pdf) -> None:
    document.Root.OpenAction = document.make_indirect(_script())


def _by_name(document: pikepdf.Pdf) -> None:
    names = pikepdf.Array([pikepdf.String("a"), _script()])
    document.Root.Names = pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=names))


def _of_a_page(document: pikepdf.Pdf) -> None:
    document.pages[0].AA = pikepdf.Dictionary(O=_script())


def _of_a_link(document: pikepdf.Pdf) -> None:
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=_script())
    document.pages[0].Annots = pikepdf.Array([link])


def _of_a_field(document: pikepdf.Pdf) -> None:
    field = document.make_indirect(
        pikepdf.Dictionary(
            FT=pikepdf.Name.Tx,
            T=pikepdf.String("t"),
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            Rect=[0, 0, 9, 9],
            AA=pikepdf.Dictionary(F=_script()),
        )
    )
    document.pages[0].Annots = pikepdf.Array([field])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))


@pytest.mark.parametrize("place", [_opening, _by_name, _of_a_page, _of_a_link, _of_a_field])
@pytest.mark.parametrize("form", ["plain", "packed", "locked", "misspelt"])
def test_a_pdf_with_scripts_is_refused_wherever_they_are(place: Callable[[pikepdf.Pdf], None], form: str) -> None:
    with pikepdf.open(io.BytesIO(printed("글이 있는 페이지"))) as document:
        place(document)
        buffer = io.BytesIO()
        document.save(
            buffer,
            object_stream_mode=pikepdf.ObjectStreamMode.generate
            if form == "packed"
            else pikepdf.ObjectStreamMode.disable,
            encryption=pikepdf.Encryption(owner="owner", user="") if form == "locked" else False,
        )
    data = buffer.getvalue()
    if form == "misspelt":
        data = data.replace(b"/JavaScript", b"/J#61v#61Script")
        assert b"/JavaScript" not in data
    with pytest.raises(BrokenMedia) as refused:
        compute.count_pages(data)
    assert refused.value.reason is MediaProblem.HAS_SCRIPTS


@pytest.mark.parametrize("user_password", [None, ""])
def test_a_pdf_without_scripts_is_taken_though_it_speaks_of_them(user_password: str | None) -> None:
    with pikepdf.open(io.BytesIO(printed("JavaScript로 만든 프로그램", "/JavaScript /JS"))) as document:
        buffer = io.BytesIO()
        locked = pikepdf.Encryption(owner="owner", user="") if user_password is not None else False
        document.save(buffer, encryption=locked)
    assert compute.count_pages(buffer.getvalue()) == 1


def test_five_thousand_pages_are_refused() -> None:
    with pikepdf.new() as document:
        for _ in range(5000):
            document.add_blank_page(page_size=(100, 100))
        buffer = io.BytesIO()
        document.save(buffer)
    with pytest.raises(BrokenMedia) as refused:
        compute.count_pages(buffer.getvalue())
    assert refused.value.reason is MediaProblem.TOO_MANY_PAGES


def test_a_page_that_is_not_there_is_said_so() -> None:
    with pytest.raises(BrokenMedia) as refused:
        compute.split_pdf(printed("글이 있는 페이지"), [1])
    assert refused.value.reason is MediaProblem.NO_SUCH_PAGE


def test_a_hundred_megapixels_are_refused_before_they_are_decoded() -> None:
    picture = cv2.imencode(".png", np.zeros((10_001, 10_000), np.uint8))[1].tobytes()
    assert len(picture) < 200_000
    with pytest.raises(BrokenMedia) as refused:
        compute.read_text(picture, "lite", False)
    assert refused.value.reason is MediaProblem.TOO_LARGE


def test_an_empty_page_of_a_pdf_has_no_words() -> None:
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(595, 842))
        buffer = io.BytesIO()
        document.save(buffer)
    answer = compute.read_text(buffer.getvalue(), "basic", True)
    assert (answer["text"], answer["confidence"], answer["weak_lines"]) == ("", None, {})
