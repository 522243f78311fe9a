"""Blank worksheets as Korean academies print them: numbered problems, choices, tables, figures, one or two columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sheets.homework import Region

DPI: Final = 200
PX: Final = DPI / 25.4
PAPER_MM: Final = (210.0, 297.0)
FONTS: Final = Path("/usr/share/fonts/truetype/nanum")
_SENTENCES: Final = (
    "다음 그림에서 삼각형의 넓이를 구하시오 두 수의 합은 얼마입니까 밑줄 친 부분의 뜻으로 알맞은 것은 함수 그래프가",
    "점을 지날 때 상수 값을 구하고 풀이 과정을 쓰시오 빈칸에 들어갈 말을 고르시오 옳지 않은 것은 모두 몇 개인지",
    "세어 보세요 직선과 평행하고 원점에서 거리가 같은 점의 좌표 학생이 하루에 읽은 책의 쪽수를 나타낸 표입니다",
    "물음에 답하시오",
)
_WORDS: Final = [word for sentence in _SENTENCES for word in sentence.split()]
_CHOICES: Final = "①②③④⑤"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a mark belongs, in mm: the middle of a printed choice, or the start of an answer line."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A problem as printed: its region, its choices and its answer line, if it has them; its number's middle."""

    region: Region
    number: Spot
    choices: tuple[Spot, ...]
    answer: Spot | None


@dataclass(frozen=True, slots=True, eq=False)
class Worksheet:
    """``page`` grey (H, W) at ``DPI`` and what stands where."""

    page: NDArray[np.uint8]
    problems: tuple[Problem, ...]


@cache
def _font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / f"{name}.ttf"), size_px)


class _Pen:
    """Drawing in mm."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.image = Image.new("L", (round(PAPER_MM[0] * PX), round(PAPER_MM[1] * PX)), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.face = str(rng.choice(["NanumGothic", "NanumBarunGothic", "NanumSquareR"]))
        self.black = int(rng.integers(0, 50))

    def text(self, x: float, y: float, words: str, size_mm: float, face: str | None = None) -> float:
        """Draws with the top left at ``x``, ``y``; returns the width in mm."""
        font = _font(face or self.face, round(size_mm * PX))
        self.draw.text((x * PX, y * PX), words, fill=self.black, font=font)
        return float(font.getlength(words)) / PX

    def line(self, *points: float, width_mm: float = 0.25) -> None:
        scaled = [value * PX for value in points]
        self.draw.line(scaled, fill=self.black, width=max(1, round(width_mm * PX)))


def draw_worksheet(seed: int) -> Worksheet:
    """The worksheet that belongs to ``seed``."""
    rng = np.random.default_rng([seed, 77])
    pen = _Pen(rng)
    size = float(rng.uniform(3.6, 4.6))
    pen.text(15, 11, f"{rng.integers(1, 13)}단원 {' '.join(rng.choice(_WORDS, 3))}", 6.0)
    pen.text(150, 13, "이름:", 4.2)
    pen.line(161, 18, 192, 18)
    pen.line(13, 22, 197, 22, width_mm=0.5)
    columns = 2 if rng.random() < 0.55 else 1
    if columns == 2 and rng.random() < 0.6:
        pen.line(105, 27, 105, 287, width_mm=0.2)
    style = str(rng.choice(["dotted", "dotted", "pair", "circled", "bracket"]))
    per_column = int(rng.integers(3, 6))
    problems: list[Problem] = []
    for column in range(columns):
        left = 16.0 if column == 0 else 110.0
        right = 101.0 if columns == 2 and column == 0 else 194.0
        tops = 30 + np.cumsum([0, *(rng.uniform(0.75, 1.25, per_column - 1) * 256 / per_column)])
        bottoms = [*(tops[1:] - 2.2), PAPER_MM[1] - 6.0]
        for top, bottom in zip(tops, bottoms, strict=True):
            if bottom - top < 22 or top > 262:
                continue
            box = (left, float(top), right, float(bottom))
            problems.append(_draw_problem(pen, rng, box, len(problems) + 1, style, size))
    pen.text(103, 288, str(rng.integers(1, 90)), 3.4)
    return Worksheet(np.asarray(pen.image, np.uint8), tuple(problems))


def _number_text(number: int, style: str) -> str:
    if style == "pair":
        return f"{number:02d}"
    if style == "circled":
        return chr(ord("①") + number - 1)
    return f"{number}." if style == "dotted" else f"{number})"


def _draw_problem(
    pen: _Pen, rng: np.random.Generator, box: tuple[float, float, float, float], number: int, style: str, size: float
) -> Problem:
    left, top, right, bottom = box
    bold = "NanumGothicBold" if style == "pair" else None
    scale = 1.25 if style in {"pair", "circled"} else 1.0
    width = pen.text(left, top, _number_text(number, style), size * scale, bold)
    start = left + max(width + 2.0, 7.5)
    y = top + (0.4 if scale > 1 else 0.0)
    for _ in range(int(rng.integers(1, 4))):
        words = ""
        while True:
            more = f"{words} {rng.choice(_WORDS)}".strip()
            if start + _font(pen.face, round(size * PX)).getlength(more) / PX > right - 3:
                break
            words = more
        pen.text(start, y, words, size)
        y += size * 1.55
    choices: list[Spot] = []
    answer: Spot | None = None
    kind = str(rng.choice(["open", "choices", "table", "figure", "answer", "tall choices"]))
    room = bottom - y
    if kind == "choices" and room > 14:
        step = (right - start - 6) / 5
        for index, sign in enumerate(_CHOICES):
            x = start + index * step
            pen.text(x, y + 1, sign, size * 1.05)
            pen.text(x + size * 1.3, y + 1, str(rng.integers(1, 99)), size)
            choices.append(Spot(x + size * 0.5, y + 1 + size * 0.62))
    elif kind == "tall choices" and room > 36:
        for index, sign in enumerate(_CHOICES):
            line = y + 1 + index * size * 1.5
            pen.text(start, line, f"{sign} {' '.join(rng.choice(_WORDS, 3))}", size)
            choices.append(Spot(start + size * 0.5, line + size * 0.6))
    elif kind == "table" and room > 28:
        columns, rows, cell_w, cell_h = int(rng.integers(3, 6)), int(rng.integers(2, 4)), 11.0, 7.0
        for row in range(rows + 1):
            pen.line(start, y + 2 + row * cell_h, start + columns * cell_w, y + 2 + row * cell_h)
        for column in range(columns + 1):
            pen.line(start + column * cell_w, y + 2, start + column * cell_w, y + 2 + rows * cell_h)
        for column in range(columns):
            pen.text(start + column * cell_w + 2, y + 3, str(rng.choice(_WORDS))[:2], size * 0.8)
    elif kind == "figure" and room > 34:
        middle_x, middle_y, reach = start + 22, y + 17, 13.0
        corners = [rng.uniform(0, 2 * math.pi) for _ in range(3)]
        points = [(middle_x + reach * math.cos(a), middle_y + reach * math.sin(a)) for a in sorted(corners)]
        for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
            pen.line(ax, ay, bx, by, width_mm=0.35)
        round_box = [(middle_x - reach) * PX, (middle_y - reach) * PX, (middle_x + reach) * PX, (middle_y + reach) * PX]
        pen.draw.ellipse(round_box, outline=pen.black, width=max(1, round(0.3 * PX)))
        for (x, y_), name in zip(points, "ABC", strict=True):
            pen.text(x + 1, y_ - 4, name, size * 0.8)
    elif kind == "answer" and room > 14:
        at = bottom - 9
        pen.text(right - 42, at, "답:", size)
        pen.line(right - 34, at + size * 1.15, right - 6, at + size * 1.15)
        answer = Spot(right - 32, at - 1.0)
    region = Region(str(number), left - 2, top - 2, right - left + 3, bottom - top + 1.5)
    return Problem(region, Spot(left + width / 2, top + size * scale * 0.6), tuple(choices), answer)
