"""The printed answer sheet: a layout drawn as a vector PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import segno
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from sheets.fields import DIGITS, Box, BubbleShape, ChoiceField, DigitsField, LayoutPage, Point
from sheets.layout import GROUP_ROWS, QUESTION_LABEL_MM, Layout
from sheets.payload import page_payload, parse_payload

__all__ = ["FontMissing", "Prefill", "page_payload", "parse_payload", "render_pdf"]

FONT_DIRECTORIES: Final = (
    Path("/usr/share/fonts/truetype/nanum"),  # Debian, Ubuntu: fonts-nanum
    Path("/usr/share/fonts/nanum"),  # Fedora, Amazon Linux
    Path("/usr/share/fonts/naver-nanum-gothic-fonts"),
    Path("/usr/local/share/fonts/nanum"),
)
REGULAR: Final = "NanumGothic"
BOLD: Final = "NanumGothicBold"

INK: Final = HexColor(0x1B2433)
ACCENT: Final = HexColor(0x24476B)
BUBBLE_LINE: Final = HexColor(0x56616F)
BUBBLE_TEXT: Final = HexColor(0x8A95A3)
HAIRLINE: Final = HexColor(0xC3CAD3)
FAINT: Final = HexColor(0x66717F)

BUBBLE_LINE_MM: Final = 0.25
"""Dark enough to survive a one-bit scan: the reader checks its alignment against these outlines."""
PANEL_LINE_MM: Final = 0.3
PANEL_RADIUS_MM: Final = 1.6

_HOW_TO: Final = (
    "컴퓨터용 사인펜이나 진한 연필로 칸을 꽉 채워 주세요.",
    "고칠 때는 깨끗이 지우고, 한 문항에 하나만 표시해 주세요.",
    "네 귀퉁이의 검은 표시와 QR 코드를 가리거나 접지 마세요.",
    "사진은 네 귀퉁이가 모두 나오게, 위에서 밝게 찍어 주세요.",
)


class FontMissing(Exception):
    """The Korean font is not installed on this machine."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """What is already known of one copy's student. ``number``: as many digits as the sheet has, or empty."""

    name: str
    number: str


def render_pdf(layout: Layout, *, sheet_id: str, heading: str, academy: str, copies: Sequence[Prefill] = ()) -> bytes:
    """The sheet as a PDF: all pages once per copy, or once blank when there are no ``copies``.

    Vector throughout, fonts embedded as subsets; the same arguments give the same bytes. The fixed part of a page
    is stored once, however many copies there are. Raises ``ValueError`` for a sheet id that does not fit the code
    or a number that does not fit the sheet, :class:`FontMissing` without NanumGothic.
    """
    for copy in copies:
        _check_number(copy.number, layout.number_digits)
    payloads = [page_payload(sheet_id, page.number, layout.fingerprint) for page in layout]
    _register_fonts()
    out = io.BytesIO()
    size = (layout.paper.width_mm * mm, layout.paper.height_mm * mm)
    canvas = Canvas(out, pagesize=size, invariant=True, pageCompression=1)
    canvas.setTitle(heading)
    canvas.setAuthor(academy)
    for page, payload in zip(layout, payloads, strict=True):
        canvas.beginForm(f"page{page.number}", 0, 0, *size)
        _Pen(canvas, layout.paper.height_mm).draw_page(layout, page, payload, heading, academy, sheet_id)
        canvas.endForm()
    for copy in copies or (Prefill("", ""),):
        for page in layout:
            canvas.doForm(f"page{page.number}")
            _Pen(canvas, layout.paper.height_mm).draw_prefill(layout, page, copy)
            canvas.showPage()
    canvas.save()
    return out.getvalue()


def _check_number(number: str, digits: int) -> None:
    if number and not (len(number) == digits and all(digit in DIGITS for digit in number)):
        raise ValueError(f"student number {number!r} is not {digits} digits")


def _register_fonts() -> None:
    for name in (REGULAR, BOLD):
        if name in pdfmetrics.getRegisteredFontNames():
            continue
        for directory in FONT_DIRECTORIES:
            path = directory / f"{name}.ttf"
            if path.is_file():
                pdfmetrics.registerFont(TTFont(name, str(path)))
                break
        else:
            raise FontMissing(f"{name}.ttf is not in {', '.join(map(str, FONT_DIRECTORIES))}: install fonts-nanum")


class _Pen:
    """A canvas in millimetres from the top left."""

    def __init__(self, canvas: Canvas, height_mm: float) -> None:
        self.canvas = canvas
        self.height_mm = height_mm

    # ------------------------------------------------------------ shapes

    def rect(self, box: Box, *, fill: Color | None = None, line: Color | None = None, radius_mm: float = 0.0) -> None:
        x, y = box.x_mm * mm, (self.height_mm - box.y_mm - box.height_mm) * mm
        width, height = box.width_mm * mm, box.height_mm * mm
        if fill is not None:
            self.canvas.setFillColor(fill)
        if line is not None:
            self.canvas.setStrokeColor(line)
            self.canvas.setLineWidth(PANEL_LINE_MM * mm)
        stroke, solid = int(line is not None), int(fill is not None)
        if radius_mm:
            self.canvas.roundRect(x, y, width, height, radius_mm * mm, stroke=stroke, fill=solid)
        else:
            self.canvas.rect(x, y, width, height, stroke=stroke, fill=solid)

    def line(self, start: Point, end: Point, colour: Color, width_mm: float) -> None:
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(width_mm * mm)
        self.canvas.line(start[0] * mm, self._up(start[1]), end[0] * mm, self._up(end[1]))

    def bubble(self, centre: Point, shape: BubbleShape, text: str, *, is_filled: bool = False) -> None:
        """A bubble whose outer edge is exactly ``shape``."""
        half_x, half_y = (shape.width_mm - BUBBLE_LINE_MM) / 2, (shape.height_mm - BUBBLE_LINE_MM) / 2
        x, y = centre
        self.canvas.setLineWidth(BUBBLE_LINE_MM * mm)
        self.canvas.setStrokeColor(black if is_filled else BUBBLE_LINE)
        self.canvas.setFillColor(black)
        self.canvas.ellipse(
            (x - half_x) * mm, self._up(y + half_y), (x + half_x) * mm, self._up(y - half_y), fill=int(is_filled)
        )
        if text and not is_filled:
            points = 6.6 if len(text) == 1 else 5.6
            self.text(x, y + points * 0.36 / 2 / mm, text, REGULAR, points, BUBBLE_TEXT, align="centre")

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        font: str,
        points: float,
        colour: Color,
        *,
        align: str = "left",
        fit_mm: float | None = None,
    ) -> None:
        """One line of text; narrower type where it would be wider than ``fit_mm``."""
        if fit_mm is not None:
            width_mm = pdfmetrics.stringWidth(text, font, points) / mm
            points *= min(1.0, fit_mm / max(width_mm, 0.1))
        self.canvas.setFont(font, points)
        self.canvas.setFillColor(colour)
        draw = {"left": self.canvas.drawString, "centre": self.canvas.drawCentredString}.get(
            align, self.canvas.drawRightString
        )
        draw(x * mm, self._up(baseline), text)

    def _up(self, y: float) -> float:
        return (self.height_mm - y) * mm

    # ------------------------------------------------------------ the page

    def draw_page(
        self, layout: Layout, page: LayoutPage, payload: str, heading: str, academy: str, sheet_id: str
    ) -> None:
        self._markers(layout)
        self._code(layout.code, payload)
        left, width = 22.0, layout.code.x_mm - 22.0 - 6.0
        self.text(left, 15.5, academy, BOLD, 9.5, ACCENT, fit_mm=width)
        self.text(left, 25.0, heading, BOLD, 19, INK, fit_mm=width)
        self.text(left, 31.5, f"{layout.question_count}문항", REGULAR, 8.5, FAINT)
        if len(layout.pages) > 1:
            first, last = page.questions[0].label[1:], page.questions[-1].label[1:]
            note = f"{page.number} / {len(layout.pages)}쪽  ·  {first}–{last}번"
            self.text(left + 16.0, 31.5, note, BOLD, 8.5, ACCENT)
        self.line((14.0, 36.2), (layout.paper.width_mm - 14.0, 36.2), ACCENT, 0.5)
        if page.student_number is not None:
            self._number_panel(page.student_number)
        self._name_panel(layout)
        self._how_to(layout)
        self._questions(page.questions)
        self._footer(layout, page, sheet_id)

    def _markers(self, layout: Layout) -> None:
        size, hole = layout.markers.size_mm, layout.markers.hole_mm
        for index, (x, y) in enumerate(layout.markers.centres):
            self.rect(Box(x - size / 2, y - size / 2, size, size), fill=black)
            if index == 0 and hole:
                self.rect(Box(x - hole / 2, y - hole / 2, hole, hole), fill=white)

    def _code(self, box: Box, payload: str) -> None:
        matrix = segno.make_qr(payload, error="m", boost_error=False).matrix
        module = box.width_mm / len(matrix)
        path = self.canvas.beginPath()
        for row, cells in enumerate(matrix):
            column = 0
            while column < len(cells):
                run = 0
                while column + run < len(cells) and cells[column + run]:
                    run += 1
                if run:
                    x, y = box.x_mm + column * module, box.y_mm + (row + 1) * module
                    path.rect(x * mm, self._up(y), run * module * mm, module * mm)
                column += max(run, 1)
        self.canvas.setFillColor(black)
        self.canvas.drawPath(path, stroke=0, fill=1)

    def _number_panel(self, number: DigitsField) -> None:
        panel = _number_box(number)
        first = number.columns[0][0]
        self.rect(panel, line=ACCENT, radius_mm=PANEL_RADIUS_MM)
        self._tab(Box(panel.x_mm, panel.y_mm, panel.width_mm, 5.6), "수험번호")
        for column in number.columns:
            self.rect(_digit_box(column), line=BUBBLE_LINE)
            for digit, centre in zip(DIGITS, column, strict=True):
                self.bubble(centre, number.shape, digit)
        self.line((panel.x_mm, first[1] - 4.0), (panel.x_mm + panel.width_mm, first[1] - 4.0), HAIRLINE, 0.2)

    def _tab(self, box: Box, title: str) -> None:
        self.rect(box, fill=ACCENT, radius_mm=PANEL_RADIUS_MM)
        self.rect(Box(box.x_mm, box.y_mm + 2, box.width_mm, box.height_mm - 2), fill=ACCENT)
        middle = box.x_mm + box.width_mm / 2
        self.text(middle, box.y_mm + 3.95, title, BOLD, 8.2, white, align="centre", fit_mm=box.width_mm - 2)

    def _name_panel(self, layout: Layout) -> None:
        name = layout.name_box
        right = layout.paper.width_mm - 14.0
        left = name.x_mm + name.width_mm + 3.0
        date = Box(left, name.y_mm, right - left, name.height_mm)
        for box, title in ((name, "이름"), (date, "날짜")):
            self.rect(box, line=ACCENT, radius_mm=PANEL_RADIUS_MM)
            self.text(box.x_mm + 2.4, box.y_mm + 4.2, title, BOLD, 7.6, ACCENT)

    def _how_to(self, layout: Layout) -> None:
        name = layout.name_box
        top, left = name.y_mm + name.height_mm + 8.0, name.x_mm
        width = layout.paper.width_mm - 14.0 - left
        self.text(left + 0.5, top, "표시하는 방법", BOLD, 9, ACCENT)
        self.line((left, top + 2.0), (left + width, top + 2.0), HAIRLINE, 0.25)
        shape = layout.pages[0].questions[0].shape
        y = top + 8.0
        self.text(left + 0.5, y + 1.1, "바름", BOLD, 8, INK)
        self.bubble((left + 12.0, y), shape, "", is_filled=True)
        self.text(left + 22.0, y + 1.1, "틀림", BOLD, 8, INK)
        for index in range(4):
            centre = (left + 33.5 + index * 8.0, y)
            self.bubble(centre, shape, "")
            self._wrong_mark(index, centre)
        for index, text in enumerate(_HOW_TO):
            baseline = y + 9.5 + index * 6.4
            self.rect(Box(left + 0.6, baseline - 2.1, 1.3, 1.3), fill=ACCENT)
            self.text(left + 4.0, baseline, text, REGULAR, 8.6, INK, fit_mm=width - 4.0)

    def _wrong_mark(self, index: int, centre: Point) -> None:
        x, y = centre
        if index == 0:
            self.line((x - 1.5, y - 0.3), (x - 0.4, y + 1.3), INK, 0.45)
            self.line((x - 0.4, y + 1.3), (x + 1.9, y - 2.0), INK, 0.45)
        elif index == 1:
            self.line((x - 1.3, y - 1.6), (x + 1.3, y + 1.6), INK, 0.45)
            self.line((x - 1.3, y + 1.6), (x + 1.3, y - 1.6), INK, 0.45)
        elif index == 2:
            self.canvas.setFillColor(INK)
            self.canvas.circle(x * mm, self._up(y), 0.75 * mm, stroke=0, fill=1)
        else:
            self.line((x - 1.6, y + 0.1), (x + 1.6, y - 0.1), INK, 0.6)

    def _questions(self, questions: Sequence[ChoiceField]) -> None:
        for column in _columns(questions):
            first, last = column[0], column[-1]
            pitch = column[1].centres[0][1] - first.centres[0][1] if len(column) > 1 else first.shape.height_mm + 3.0
            left = first.centres[0][0] - first.shape.width_mm / 2 - QUESTION_LABEL_MM
            right = first.centres[-1][0] + first.shape.width_mm / 2 + 2.6
            top, bottom = first.centres[0][1] - pitch / 2, last.centres[0][1] + pitch / 2
            self.rect(Box(left, top, right - left, bottom - top), line=ACCENT, radius_mm=PANEL_RADIUS_MM)
            split = first.centres[0][0] - first.shape.width_mm / 2 - 2.6
            self.line((split, top), (split, bottom), HAIRLINE, 0.25)
            for index, field in enumerate(column):
                y = field.centres[0][1]
                if index and index % GROUP_ROWS == 0:
                    self.line((left, y - pitch / 2), (right, y - pitch / 2), BUBBLE_LINE, 0.25)
                self.text((left + split) / 2, y + 1.25, field.label[1:], BOLD, 9.5, INK, align="centre")
                for choice, centre in zip(field.choices, field.centres, strict=True):
                    self.bubble(centre, field.shape, choice)

    def _footer(self, layout: Layout, page: LayoutPage, sheet_id: str) -> None:
        y = layout.paper.height_mm - 11.0
        middle = layout.paper.width_mm / 2
        note = f"{sheet_id}  ·  {layout.fingerprint}  ·  {page.number}/{len(layout.pages)}"
        self.text(middle, y, note, REGULAR, 6.5, FAINT, align="centre", fit_mm=layout.paper.width_mm - 50)

    # ------------------------------------------------------------ one student's copy

    def draw_prefill(self, layout: Layout, page: LayoutPage, copy: Prefill) -> None:
        name = layout.name_box
        if copy.name:
            middle = name.x_mm + name.width_mm / 2
            self.text(middle, name.y_mm + 9.6, copy.name, BOLD, 15, INK, align="centre", fit_mm=name.width_mm - 22)
        if page.student_number is None:
            return
        for digit, column in zip(copy.number, page.student_number.columns, strict=False):
            box = _digit_box(column)
            middle = box.x_mm + box.width_mm / 2
            self.text(middle, box.y_mm + 5.0, digit, BOLD, 10, INK, align="centre")
            self.bubble(column[DIGITS.index(digit)], page.student_number.shape, digit, is_filled=True)


def _columns(questions: Sequence[ChoiceField]) -> list[list[ChoiceField]]:
    """The questions by printed column: a column ends where the next question stands higher."""
    columns: list[list[ChoiceField]] = []
    for field in questions:
        if not columns or field.centres[0][1] <= columns[-1][-1].centres[0][1]:
            columns.append([])
        columns[-1].append(field)
    return columns


def _number_box(number: DigitsField) -> Box:
    (left, top), (right, bottom) = number.columns[0][0], number.columns[-1][-1]
    return Box(left - 4.5, top - 18.0, right - left + 9.0, bottom - top + 22.0)


def _digit_box(column: Sequence[Point]) -> Box:
    """Where the digit is written by hand, above its column."""
    x, y = column[0]
    return Box(x - 2.6, y - 11.4, 5.2, 6.4)
