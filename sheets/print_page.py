"""One page of a layout as print: what all copies share, and what is one student's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import segno
from reportlab.lib.colors import HexColor, black, white

from sheets.colours import readable
from sheets.definition import Layout
from sheets.design import CONTENT_LEFT_MM, GROUP_ROWS, LARGE, NUMERIC_SIDE_MM, REGULAR
from sheets.fields import (
    DIGITS,
    Box,
    ChoiceField,
    DigitsField,
    EssayField,
    LayoutPage,
    NumericField,
    Point,
    VersionField,
)
from sheets.pen import BUBBLE_LINE, FAINT, HAIRLINE, INK, PANEL_RADIUS_MM, Pen
from sheets.typeface import BOLD
from sheets.typeface import REGULAR as PLAIN

CODE_MASK: Final = 3
"""Any of QR's eight masks can be read; choosing the prettiest takes five times as long as drawing the code."""
PLAIN_NAME_SHARE: Final = 0.55
"""Of the width beside the number: a wider name box leaves room for the date alone, not for the subject."""
LARGE_SHAPE_MM: Final = 5.0
LOGO_MM: Final = (30.0, 9.0)
"""At most so wide and high, left of the code and above the heading: 36 mm from the next marker, which it never hides
or looks like, and outside of the code's quiet zone."""
LOGO_TOP_MM: Final = 9.0
LOGO_GAP_MM: Final = 4.0

_HOW_TO: Final = (
    "컴퓨터용 사인펜이나 진한 연필로 칸을 꽉 채워 주세요.",
    "고칠 때는 깨끗이 지우고, 한 문항에 하나만 표시해 주세요.",
    "네 귀퉁이의 검은 표시와 QR 코드를 가리거나 접지 마세요.",
    "사진은 네 귀퉁이가 모두 나오게, 위에서 밝게 찍어 주세요.",
)
_SEVERAL: Final = "고칠 때는 깨끗이 지우고, ‘모두 고르기’ 외에는 하나만 표시해 주세요."
_NUMBERS: Final = "단답형은 일의 자리를 오른쪽 끝에 맞추고, 빈 자리는 비워 두세요."


class PagePrinter:
    """Draws the pages of one layout with one pen."""

    def __init__(self, layout: Layout, pen: Pen, colour: int, logo: bytes | None = None) -> None:
        self.layout = layout
        self.pen = pen
        self.accent = HexColor(readable(colour))
        self.logo = logo
        number = layout.pages[0].student_number
        self.is_large = number is not None and number.shape.width_mm > LARGE_SHAPE_MM
        self.measures = LARGE if self.is_large else REGULAR
        self.grow = 1.3 if self.is_large else 1.0
        self.right = layout.paper.width_mm - CONTENT_LEFT_MM

    # ------------------------------------------------------------ what all copies share

    def draw_page(self, page: LayoutPage, heading: str, academy: str, subject: str, sheet_id: str) -> None:
        layout, pen = self.layout, self.pen
        self._markers()
        left = 22.0
        width = layout.code.x_mm - left - 6.0
        beside = width
        if self.logo is not None:
            place = Box(left + width - LOGO_MM[0], LOGO_TOP_MM, *LOGO_MM)
            beside -= pen.picture(place, self.logo) + LOGO_GAP_MM
        pen.text(left, 15.5, academy, BOLD, 9.5, self.accent, fit_mm=beside)
        pen.text(left, 25.0, heading, BOLD, 19, INK, fit_mm=width)
        pen.text(left, 31.5, f"{layout.question_count}문항", PLAIN, 8.5 * self.grow, FAINT)
        if len(layout.pages) > 1:
            labels = [field.label.removeprefix("q") for field in page.question_fields]
            note = f"{page.number} / {len(layout.pages)}쪽  ·  {labels[0]}–{labels[-1]}번"
            pen.text(left + 16.0 * self.grow, 31.5, note, BOLD, 8.5 * self.grow, self.accent)
        pen.line((CONTENT_LEFT_MM, 36.2), (self.right, 36.2), self.accent, 0.5)
        if page.student_number is not None:
            self._number_panel(page.student_number)
        self._name_panel(subject)
        top = layout.name_box.y_mm + layout.name_box.height_mm
        if page.version is not None:
            self._version_row(page.version)
            top = page.version.centres[0][1] + page.version.shape.height_mm / 2
        self._how_to(page, top + (6.6 if page.version is not None else 8.0))
        for column in _columns(page.questions):
            self._choice_column(column)
        for numeric in page.numerics:
            self._numeric_panel(numeric)
        for essay in page.essays:
            self._essay_box(essay)
        self._footer(page, sheet_id)

    def draw_code(self, payload: str) -> None:
        cells = segno.make_qr(payload, error="m", boost_error=False, mask=CODE_MASK).matrix
        box = self.layout.code
        self.pen.squares((box.x_mm, box.y_mm), box.width_mm / len(cells), cells)

    def _markers(self) -> None:
        size, hole = self.layout.markers.size_mm, self.layout.markers.hole_mm
        for index, (x, y) in enumerate(self.layout.markers.centres):
            self.pen.rect(Box(x - size / 2, y - size / 2, size, size), fill=black)
            if index == 0 and hole:
                self.pen.rect(Box(x - hole / 2, y - hole / 2, hole, hole), fill=white)

    def _number_panel(self, number: DigitsField) -> None:
        pen = self.pen
        panel = self._number_box(number)
        first = number.columns[0][0]
        pen.rect(panel, line=self.accent, radius_mm=PANEL_RADIUS_MM)
        self._tab(Box(panel.x_mm, panel.y_mm, panel.width_mm, 5.6 * self.grow), "수험번호")
        for column in number.columns:
            pen.rect(self._digit_box(column), line=BUBBLE_LINE)
            for digit, centre in zip(DIGITS, column, strict=True):
                pen.bubble(centre, number.shape, digit)
        y = first[1] - number.shape.height_mm / 2 - 1.85
        pen.line((panel.x_mm, y), (panel.x_mm + panel.width_mm, y), HAIRLINE, 0.2)

    def _number_box(self, number: DigitsField) -> Box:
        (left, top), (right, bottom) = number.columns[0][0], number.columns[-1][-1]
        side, above = number.shape.width_mm / 2 + 2.6, self.measures.number_top_mm
        return Box(
            left - side, top - above, right - left + 2 * side, bottom - top + above + number.shape.height_mm - 0.3
        )

    def _digit_box(self, column: Sequence[Point]) -> Box:
        """Where the digit is written by hand, above its column."""
        x, y = column[0]
        width, height = 5.2 * self.grow, 6.4 * self.grow
        return Box(x - width / 2, y - self.measures.numeric_shape.height_mm / 2 - 2.85 - height, width, height)

    def _tab(self, box: Box, title: str) -> None:
        self.pen.rect(box, fill=self.accent, radius_mm=PANEL_RADIUS_MM)
        self.pen.rect(Box(box.x_mm, box.y_mm + 2, box.width_mm, box.height_mm - 2), fill=self.accent)
        middle, baseline = box.x_mm + box.width_mm / 2, box.y_mm + 0.705 * box.height_mm
        points = 8.2 * self.grow
        self.pen.text(middle, baseline, title, BOLD, points, white, align="centre", fit_mm=box.width_mm - 2)

    def _name_panel(self, subject: str) -> None:
        name = self.layout.name_box
        left = name.x_mm + name.width_mm + 3.0
        boxes = [(name, "이름")]
        if name.width_mm / (self.right - name.x_mm) > PLAIN_NAME_SHARE:
            boxes.append((Box(left, name.y_mm, self.right - left, name.height_mm), "날짜"))
        else:
            half = (self.right - left - 3.0) / 2
            box = Box(left, name.y_mm, half, name.height_mm)
            boxes.append((box, "과목"))
            boxes.append((Box(left + half + 3.0, name.y_mm, half, name.height_mm), "날짜"))
            middle = left + half / 2
            self.pen.text(middle, name.y_mm + 10.6, subject, BOLD, 11, INK, align="centre", fit_mm=half - 3)
        for box, title in boxes:
            self.pen.rect(box, line=self.accent, radius_mm=PANEL_RADIUS_MM)
            self.pen.text(box.x_mm + 2.4, box.y_mm + 4.2, title, BOLD, 7.6 * min(self.grow, 1.15), self.accent)

    def _version_row(self, version: VersionField) -> None:
        (first, y), (last, _) = version.centres[0], version.centres[-1]
        half_x, half_y = version.shape.width_mm / 2 + 2.4, version.shape.height_mm / 2 + 1.3
        left = self.layout.name_box.x_mm
        self.pen.rect(
            Box(left, y - half_y, last + half_x - left, 2 * half_y), line=self.accent, radius_mm=PANEL_RADIUS_MM
        )
        split = first - half_x
        self.pen.line((split, y - half_y), (split, y + half_y), HAIRLINE, 0.25)
        middle = (left + split) / 2
        self.pen.text(middle, y + 1.1, "시험지 유형", BOLD, 8.2, self.accent, align="centre", fit_mm=split - left - 2)
        for letter, centre in zip(version.choices, version.centres, strict=True):
            self.pen.bubble(centre, version.shape, letter)

    def _how_to(self, page: LayoutPage, top: float) -> None:
        pen = self.pen
        left = self.layout.name_box.x_mm
        width = self.right - left
        lines = list(_HOW_TO)
        if any(field.has_several for field in page.questions):
            lines[1] = _SEVERAL
        if page.numerics:
            lines.insert(2, _NUMBERS)
        bottom = self.measures.question_top_mm - 6.0
        pen.text(left + 0.5, top, "유의사항 · 표시하는 방법", BOLD, 9, self.accent)
        pen.line((left, top + 2.0), (left + width, top + 2.0), HAIRLINE, 0.25)
        shape = self.measures.question_shape
        y = top + 3.6 + shape.height_mm / 2
        pen.text(left + 0.5, y + 1.1, "바름", BOLD, 8, INK)
        pen.bubble((left + 12.0, y), shape, "", is_filled=True)
        pen.text(left + 22.0, y + 1.1, "틀림", BOLD, 8, INK)
        step = shape.width_mm + 3.8
        for index in range(min(4, int((width - 32.0) / step))):
            centre = (left + 31.4 + shape.width_mm / 2 + index * step, y)
            pen.bubble(centre, shape, "")
            self._wrong_mark(index, centre)
        start = y + shape.height_mm / 2 + 5.6
        step = min(6.4 * self.grow, (bottom - start) / max(len(lines) - 1, 1))
        for index, text in enumerate(lines):
            baseline = start + index * step
            pen.rect(Box(left + 0.6, baseline - 2.1, 1.3, 1.3), fill=self.accent)
            pen.text(left + 4.0, baseline, text, PLAIN, 8.6 * self.grow, INK, fit_mm=width - 4.0)

    def _wrong_mark(self, index: int, centre: Point) -> None:
        x, y = centre
        if index == 0:
            self.pen.line((x - 1.5, y - 0.3), (x - 0.4, y + 1.3), INK, 0.45)
            self.pen.line((x - 0.4, y + 1.3), (x + 1.9, y - 2.0), INK, 0.45)
        elif index == 1:
            self.pen.line((x - 1.3, y - 1.6), (x + 1.3, y + 1.6), INK, 0.45)
            self.pen.line((x - 1.3, y + 1.6), (x + 1.3, y - 1.6), INK, 0.45)
        elif index == 2:
            self.pen.disc((x, y), 0.75, INK)
        else:
            self.pen.line((x - 1.6, y + 0.1), (x + 1.6, y - 0.1), INK, 0.6)

    def _choice_column(self, column: Sequence[ChoiceField]) -> None:
        pen = self.pen
        first, last = column[0], column[-1]
        label, side = self.measures.question_label_mm, 2.6
        pitch = column[1].centres[0][1] - first.centres[0][1] if len(column) > 1 else first.shape.height_mm + 3.0
        left = first.centres[0][0] - first.shape.width_mm / 2 - label
        right = first.centres[-1][0] + first.shape.width_mm / 2 + side
        top, bottom = first.centres[0][1] - pitch / 2, last.centres[0][1] + pitch / 2
        pen.rect(Box(left, top, right - left, bottom - top), line=self.accent, radius_mm=PANEL_RADIUS_MM)
        split = first.centres[0][0] - first.shape.width_mm / 2 - side
        pen.line((split, top), (split, bottom), HAIRLINE, 0.25)
        for index, field in enumerate(column):
            y = field.centres[0][1]
            if index and index % GROUP_ROWS == 0:
                pen.line((left, y - pitch / 2), (right, y - pitch / 2), BUBBLE_LINE, 0.25)
            self._question_label((left + split) / 2, y, field)
            for choice, centre in zip(field.choices, field.centres, strict=True):
                pen.bubble(centre, field.shape, choice)

    def _question_label(self, x: float, y: float, field: ChoiceField) -> None:
        text = field.label.removeprefix("q")
        points = 9.5 * (1.45 if self.is_large else 1.0)
        if not field.has_several:
            self.pen.text(x, y + 0.13 * points, text, BOLD, points, INK, align="centre")
            return
        self.pen.text(x, y + 0.02 * points, text, BOLD, points, INK, align="centre")
        self.pen.text(
            x, y + 0.13 * points + 1.7 * self.grow, "모두", PLAIN, 5.2 * self.grow, self.accent, align="centre"
        )

    def _numeric_panel(self, field: NumericField) -> None:
        pen, shape = self.pen, field.shape
        side, top_mm = self.measures.numeric_pitch_mm[0] / 2 + NUMERIC_SIDE_MM, self.measures.numeric_top_mm
        first, last = field.columns[-1][0], field.columns[-1][-1]
        left = field.columns[0][0][0] - side
        panel = Box(left, first[1] - top_mm, last[0] + side - left, last[1] - first[1] + top_mm + shape.height_mm - 0.3)
        pen.rect(panel, line=self.accent, radius_mm=PANEL_RADIUS_MM)
        self._tab(Box(panel.x_mm, panel.y_mm, panel.width_mm, 5.0 * self.grow), field.label.removeprefix("q"))
        for column, symbols in zip(field.columns, field.symbols, strict=True):
            pen.rect(self._digit_box(column), line=BUBBLE_LINE)
            for symbol, centre in zip(symbols, column, strict=True):
                pen.bubble(centre, shape, "–" if symbol == "-" else symbol)
        split = len(field.columns) - (field.decimals or field.denominator)
        if split < len(field.columns):
            x = (field.columns[split - 1][0][0] + field.columns[split][0][0]) / 2
            box = self._digit_box(field.columns[split])
            if field.decimals:
                pen.disc((x, box.y_mm + box.height_mm - 0.6), 0.6 * self.grow, INK)
            else:
                pen.line((x - 0.9, box.y_mm + box.height_mm), (x + 0.9, box.y_mm), INK, 0.4)
            pen.line((x, first[1] - shape.height_mm / 2), (x, last[1] + shape.height_mm / 2), HAIRLINE, 0.25)

    def _essay_box(self, field: EssayField) -> None:
        pen, box = self.pen, field.box
        title = self.measures.essay_title_mm
        pen.rect(box, line=self.accent, radius_mm=PANEL_RADIUS_MM)
        pen.text(box.x_mm + 3.0, box.y_mm + 0.7 * title, field.label.removeprefix("q"), BOLD, 9.5 * self.grow, INK)
        note = "서술형 · 칸 안에 써 주세요"
        pen.text(box.x_mm + 11.0 * self.grow, box.y_mm + 0.7 * title, note, PLAIN, 7.6 * self.grow, FAINT)
        pitch = (box.height_mm - title) / field.lines
        for line in range(field.lines):
            y = box.y_mm + title + line * pitch
            pen.line((box.x_mm + 2.0, y), (box.x_mm + box.width_mm - 2.0, y), HAIRLINE, 0.2)

    def _footer(self, page: LayoutPage, sheet_id: str) -> None:
        paper = self.layout.paper
        note = f"{sheet_id}  ·  {self.layout.fingerprint}  ·  {page.number}/{len(self.layout.pages)}"
        y, width = paper.height_mm - 11.0, paper.width_mm - 50
        self.pen.text(paper.width_mm / 2, y, note, PLAIN, 6.5, FAINT, align="centre", fit_mm=width)

    # ------------------------------------------------------------ one student's copy

    def draw_known(self, page: LayoutPage, name: str, number: str, version: str) -> None:
        """What is known before the exam. Bubbles are inked in full: a light tint would be taken for an erasure."""
        pen, box = self.pen, self.layout.name_box
        if name:
            middle = box.x_mm + box.width_mm / 2
            pen.text(middle, box.y_mm + 10.4, name, BOLD, 15, INK, align="centre", fit_mm=box.width_mm - 4)
        if version and page.version is not None:
            pen.bubble(
                page.version.centres[page.version.choices.index(version)], page.version.shape, version, is_filled=True
            )
        if version:
            x = self.layout.code.x_mm - 3.0
            pen.text(x, 31.5, f"{version}형", BOLD, 13, INK, align="right")
        if page.student_number is None:
            return
        for digit, column in zip(number, page.student_number.columns, strict=False):
            place = self._digit_box(column)
            middle, baseline = place.x_mm + place.width_mm / 2, place.y_mm + 0.78 * place.height_mm
            pen.text(middle, baseline, digit, BOLD, 10 * self.grow, INK, align="centre")
            pen.bubble(column[DIGITS.index(digit)], page.student_number.shape, digit, is_filled=True)


def _columns(questions: Sequence[ChoiceField]) -> list[list[ChoiceField]]:
    """The questions by printed column: it ends where the next question stands elsewhere than right below."""
    columns: list[list[ChoiceField]] = []
    pitch = 0.0
    for field in questions:
        if columns:
            before = columns[-1][-1]
            step = field.centres[0][1] - before.centres[0][1]
            is_below = field.centres[0][0] == before.centres[0][0] and 0 < step < field.shape.height_mm * 2
            is_like = (field.choices, field.has_several) == (before.choices, before.has_several)
            if is_below and is_like and (len(columns[-1]) == 1 or step < 1.2 * pitch):
                columns[-1].append(field)
                pitch = step
                continue
        columns.append([field])
    return columns
