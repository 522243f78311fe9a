"""An answer sheet as other makers print them: no marks at the corners, ovals in a light colour, a gap every five rows.

Drawn flat at ``PX_PER_MM`` on A4. ``BLOCKS`` is what a person draws over it, in mm: they know nothing of its maker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

PX_PER_MM: Final = 8
PAPER_MM: Final = (210, 297)
OVAL_MM: Final = (4.2, 5.8)
PRINT: Final = 150
INK: Final = 45
_FIRST_ROW, _ROW, _FIVE = 140.0, 8.2, 4.0
_CHOICE, _COLUMN, _FIRST_COLUMN = 7.5, 62.0, 24.0
_NUMBER, _DIGIT, _PLACE = (128.0, 52.0), 7.0, 8.0
_SUM = (30.0, 52.0)
NUMBER_PLACES, SUM_PLACES = 6, 3
QUESTIONS: Final = 45
SUM_QUESTION: Final = 46


def _question_at(number: int, choice: int) -> tuple[float, float]:
    column, row = divmod(number - 1, 15)
    return _FIRST_COLUMN + column * _COLUMN + (choice - 1) * _CHOICE, _FIRST_ROW + row * _ROW + row // 5 * _FIVE


def _digit_at(origin: tuple[float, float], place: int, digit: int) -> tuple[float, float]:
    return origin[0] + place * _PLACE, origin[1] + digit * _DIGIT


def draw_sheet(answers: Mapping[int, int], *, number: str = "", total: str = "") -> NDArray[np.uint8]:
    """The sheet, grey (H, W): blank, or with ``answers``, the student ``number`` and the ``total`` of question 46."""
    zoom = 2 * PX_PER_MM
    page = Image.new("L", (PAPER_MM[0] * zoom, PAPER_MM[1] * zoom), 250)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(3.0 * zoom)
    draw.text((20 * zoom, 18 * zoom), "MOCK TEST 2026  ANSWER SHEET", fill=60, font=ImageFont.load_default(7 * zoom))

    def oval(centre: tuple[float, float], text: str, is_marked: bool) -> None:
        x, y = centre[0] * zoom, centre[1] * zoom
        half = (OVAL_MM[0] * zoom / 2, OVAL_MM[1] * zoom / 2)
        draw.ellipse((x - half[0], y - half[1], x + half[0], y + half[1]), outline=PRINT, width=round(0.3 * zoom))
        draw.text((x, y), text, fill=PRINT, font=font, anchor="mm")
        if is_marked:
            draw.ellipse((x - 0.9 * half[0], y - 0.85 * half[1], x + 0.9 * half[0], y + 0.85 * half[1]), fill=INK)

    for question in range(1, QUESTIONS + 1):
        for choice in range(1, 6):
            oval(_question_at(question, choice), str(choice), answers.get(question) == choice)
        x, y = _question_at(question, 1)
        draw.text(((x - 8) * zoom, y * zoom), str(question), fill=60, font=font, anchor="mm")
    for origin, places, text in ((_NUMBER, NUMBER_PLACES, number), (_SUM, SUM_PLACES, total)):
        for place in range(places):
            for digit in range(10):
                oval(_digit_at(origin, place, digit), str(digit), text[place : place + 1] == str(digit))
    small = page.resize((PAPER_MM[0] * PX_PER_MM, PAPER_MM[1] * PX_PER_MM), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def drawn_blocks(size: tuple[int, int]) -> list[dict[str, Any]]:
    """The boxes that a person draws over a picture of ``size`` (width, height) of the blank sheet."""
    scale_x, scale_y = size[0] / PAPER_MM[0], size[1] / PAPER_MM[1]

    def block(kind: str, first: int, shape: tuple[int, int], ends: tuple[float, float, float, float]) -> dict[str, Any]:
        return {
            "kind": kind, "first": first, "columns": shape[0], "rows": shape[1], "from_one": False,
            "is_across": kind == "choices", "width": OVAL_MM[0] * scale_x, "height": OVAL_MM[1] * scale_y,
            "x1": ends[0] * scale_x, "y1": ends[1] * scale_y, "x2": ends[2] * scale_x, "y2": ends[3] * scale_y,
        }  # fmt: skip

    fives = [
        block("choices", first, (5, 5), (*_question_at(first, 1), *_question_at(first + 4, 5)))
        for first in range(1, QUESTIONS + 1, 5)
    ]
    return [
        block("student", 0, (NUMBER_PLACES, 10), (*_NUMBER, *_digit_at(_NUMBER, NUMBER_PLACES - 1, 9))),
        block("numeric", SUM_QUESTION, (SUM_PLACES, 10), (*_SUM, *_digit_at(_SUM, SUM_PLACES - 1, 9))),
        *fives,
    ]
