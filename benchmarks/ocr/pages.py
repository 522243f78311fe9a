"""Pages with known text, drawn with real typefaces: exam papers of two columns, handouts, English pages, tables.

The text is drawn by Pillow, the reader never sees how. One seed gives one page, always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.ocr import corpus

GreyImage = NDArray[np.uint8]

BASE_DPI: Final = 300
PAGE_PX: Final = (2480, 3508)
"""A4 at ``BASE_DPI``: width, height."""
INK: Final = 25
NANUM: Final = Path("/usr/share/fonts/truetype/nanum")
DEJAVU: Final = Path("/usr/share/fonts/truetype/dejavu")
CIRCLED: Final = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮"
COLUMN_GAP_PX: Final = 120
MARGIN_PX: Final = 190


@dataclass(frozen=True, slots=True)
class Face:
    """A typeface and its size in pixels at 300 dpi (42 is ten points)."""

    file: Path
    size: int

    def font(self) -> ImageFont.FreeTypeFont:
        return _font(self.file, self.size)


@cache
def _font(file: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size)


@dataclass(slots=True)
class Sheet:
    """A page being drawn, and the lines written on it in reading order."""

    picture: Image.Image = field(default_factory=lambda: Image.new("L", PAGE_PX, 255))
    lines: list[str] = field(default_factory=list)

    @property
    def pixels(self) -> GreyImage:
        return np.array(self.picture, dtype=np.uint8)

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.picture)


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """The pixels (H, W) at 300 dpi and the text, line by line."""

    pixels: GreyImage
    text: str


def _circled(sheet: Sheet, x: int, y: int, number: int, size: int) -> int:
    """Draw ``number`` in a circle as exam papers print it; returns how wide it came out."""
    diameter = round(size * 1.02)
    top = y + round(size * 0.1)
    sheet.draw.ellipse((x, top, x + diameter, top + diameter), outline=INK, width=max(round(size / 18), 2))
    label = str(number)
    inner = _font(NANUM / "NanumGothic.ttf", round(size * (0.72 if number < 10 else 0.6)))
    left, upper, right, lower = inner.getbbox(label)
    sheet.draw.text(
        (x + (diameter - right - left) / 2, top + (diameter - lower - upper) / 2), label, fill=INK, font=inner
    )
    return diameter


def _width(text: str, face: Face) -> int:
    total = 0.0
    for part in _parts(text):
        total += face.size * 1.02 if part in CIRCLED else face.font().getlength(part)
    return round(total)


def _parts(text: str) -> list[str]:
    """Circled digits apart from what is between them."""
    parts: list[str] = []
    for character in text:
        if character in CIRCLED or not parts or parts[-1] in CIRCLED:
            parts.append(character)
        else:
            parts[-1] += character
    return parts


def _write_line(sheet: Sheet, x: int, y: int, text: str, face: Face) -> None:
    at = x
    for part in _parts(text):
        if part in CIRCLED:
            at += _circled(sheet, at, y, CIRCLED.index(part) + 1, face.size)
        else:
            sheet.draw.text((at, y), part, fill=INK, font=face.font())
            at += round(face.font().getlength(part))
    sheet.lines.append(text)


def _wrap(text: str, face: Face, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer, face) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _write(sheet: Sheet, x: int, y: int, width: int, text: str, face: Face, leading: float = 1.62) -> int:
    """Wrapped text from ``y`` down; returns the y below it."""
    for line in _wrap(text, face, width):
        _write_line(sheet, x, y, line, face)
        y += round(face.size * leading)
    return y


def _pick(rng: np.random.Generator, texts: Sequence[str], count: int) -> list[str]:
    return [texts[int(index)] for index in rng.choice(len(texts), count, replace=count > len(texts))]


def exam_page(rng: np.random.Generator, face: Face) -> DrawnPage:
    """Two columns of questions with five choices each under a heading and a rule; some English in between."""
    sheet = Sheet()
    bold = Face(NANUM / "NanumGothicBold.ttf", 64)
    _write_line(sheet, MARGIN_PX, 150, "고등학교 국어 영역 모의고사", bold)
    sheet.draw.line((MARGIN_PX, 262, PAGE_PX[0] - MARGIN_PX, 262), fill=INK, width=5)
    width = (PAGE_PX[0] - 2 * MARGIN_PX - COLUMN_GAP_PX) // 2
    number = 1
    for column in range(2):
        x = MARGIN_PX + column * (width + COLUMN_GAP_PX)
        y = 330
        while y < PAGE_PX[1] - 900:
            mixed = rng.random() < 0.3
            question = f"{number}. " + (_pick(rng, corpus.MIXED, 1)[0] if mixed else _pick(rng, corpus.KOREAN, 1)[0])
            y = _write(sheet, x, y, width, question, face) + 12
            if rng.random() < 0.5:
                y = _write(sheet, x, y, width, " ".join(_pick(rng, corpus.KOREAN, 2)), face) + 12
            if rng.random() < 0.2:
                y = _write(sheet, x, y, width, _pick(rng, corpus.ENGLISH, 1)[0], face) + 12
            for choice, text in enumerate(_pick(rng, corpus.KOREAN_CHOICES, 5)):
                y = _write(sheet, x + 20, y, width - 20, f"{CIRCLED[choice]} {text}", face)
            y += 70
            number += 1
    middle = PAGE_PX[0] // 2
    sheet.draw.line((middle, 300, middle, PAGE_PX[1] - 200), fill=INK, width=3)
    return DrawnPage(sheet.pixels, "\n".join(sheet.lines))


def english_page(rng: np.random.Generator, face: Face) -> DrawnPage:
    """Paragraphs of English in one column, then questions with choices."""
    sheet = Sheet()
    width = PAGE_PX[0] - 2 * MARGIN_PX
    y = 220
    for _ in range(4):
        y = _write(sheet, MARGIN_PX, y, width, " ".join(_pick(rng, corpus.ENGLISH, 4)), face) + 50
    for number in range(1, 4):
        y = _write(sheet, MARGIN_PX, y, width, f"{number}. {_pick(rng, corpus.ENGLISH, 1)[0]}", face) + 8
        for letter, text in zip("ABCD", _pick(rng, corpus.ENGLISH_CHOICES, 4), strict=True):
            y = _write(sheet, MARGIN_PX + 40, y, width - 40, f"({letter}) {text}", face)
        y += 40
    return DrawnPage(sheet.pixels, "\n".join(sheet.lines))


def handout_page(rng: np.random.Generator, face: Face) -> DrawnPage:
    """One column of Korean, and a ruled table."""
    sheet = Sheet()
    width = PAGE_PX[0] - 2 * MARGIN_PX
    y = 220
    for _ in range(5):
        y = _write(sheet, MARGIN_PX, y, width, " ".join(_pick(rng, corpus.KOREAN, 4)), face) + 40
    columns, rows = 4, 6
    heads = _pick(rng, corpus.TABLE_HEADS[1:], columns - 1)
    cell_width, cell_height = width // columns, round(face.size * 2.2)
    top = y + 30
    for row in range(rows):
        cells = ["과목", *heads] if row == 0 else [_pick(rng, corpus.SUBJECTS, 1)[0]]
        while len(cells) < columns:
            cells.append(str(int(rng.integers(10, 100))))
        for column, text in enumerate(cells):
            box = (MARGIN_PX + column * cell_width, top + row * cell_height)
            sheet.draw.rectangle((*box, box[0] + cell_width, box[1] + cell_height), outline=INK, width=3)
            sheet.draw.text(
                (box[0] + (cell_width - face.font().getlength(text)) / 2, box[1] + face.size * 0.45),
                text,
                fill=INK,
                font=face.font(),
            )
        sheet.lines.append(" ".join(cells))
    y = top + rows * cell_height + 60
    for _ in range(2):
        y = _write(sheet, MARGIN_PX, y, width, " ".join(_pick(rng, corpus.KOREAN, 3)), face) + 40
    return DrawnPage(sheet.pixels, "\n".join(sheet.lines))


Maker = Callable[[np.random.Generator, Face], DrawnPage]
GOTHIC: Final = Face(NANUM / "NanumGothic.ttf", 44)
MYEONGJO: Final = Face(NANUM / "NanumMyeongjo.ttf", 44)
BARUN: Final = Face(NANUM / "NanumBarunGothic.ttf", 42)
THIN: Final = Face(NANUM / "NanumMyeongjo.ttf", 36)
SERIF: Final = Face(DEJAVU / "DejaVuSerif.ttf", 42)
SANS: Final = Face(DEJAVU / "DejaVuSans.ttf", 40)
