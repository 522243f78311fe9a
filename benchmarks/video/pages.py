"""Pages to film: ruled notebook paper with handwriting, printed worksheets, slides. Drawn from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

PAGE_SIZE: Final = (1000, 1414)  # width, height in pixels: A4
SLIDE_SIZE: Final = (1280, 720)
_FONTS: Final = Path("/usr/share/fonts/truetype/nanum")
_TEXT: Final = (
    "함수 그래프 미분 적분 확률 통계 수열 극한 벡터 행렬 다음 물음에 답하시오 옳은 것을 고르시오 풀이 과정 "
    "the following passage best answer because therefore however x+y=7 2x-3=5 f(x)=ax^2 sin cos tan"
)
_WORDS: Final = tuple(_TEXT.split())


def font(size: int, *, is_bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONTS / ("NanumGothicBold.ttf" if is_bold else "NanumGothic.ttf")), size)


def notebook_page(rng: np.random.Generator, *, fill: float = 0.8) -> Picture:
    """Ruled paper, written on by hand down to ``fill`` of its height: (1414, 1000, 3) BGR."""
    width, height = PAGE_SIZE
    page = _paper(rng, width, height)
    ink = np.array(rng.choice([(60, 45, 40), (120, 50, 25), (40, 40, 50)]), dtype=np.float64)
    for y in range(120, height - 60, 44):
        cv2.line(page, (50, y), (width - 50, y), (225, 205, 190), 1, cv2.LINE_AA)
    cv2.line(page, (110, 40), (110, height - 40), (190, 190, 235), 1, cv2.LINE_AA)
    for y in range(120, int(120 + (height - 180) * fill), 44):
        if rng.random() < 0.12:
            continue
        x = 120.0 + rng.uniform(0, 60)
        end = rng.uniform(0.5, 0.98) * (width - 60)
        while x < end:
            x = _handwritten_word(page, rng, x, y - 6, ink) + rng.uniform(12, 30)
    return page


def worksheet_page(rng: np.random.Generator) -> Picture:
    """A printed page of problems in Korean, partly solved by hand: (1414, 1000, 3) BGR."""
    width, height = PAGE_SIZE
    image = Image.fromarray(_paper(rng, width, height))
    draw = ImageDraw.Draw(image)
    draw.text((70, 50), f"단원 평가 {rng.integers(1, 40)}회", font=font(40, is_bold=True), fill=(20, 20, 20))
    y = 150
    solved = []
    for number in range(1, 8):
        text = " ".join(rng.choice(_WORDS, size=int(rng.integers(5, 12))))
        draw.text((70, y), f"{number}. {text[:46]}", font=font(26), fill=(25, 25, 25))
        draw.text((100, y + 40), text[46:90], font=font(26), fill=(25, 25, 25))
        if rng.random() < 0.8:
            solved.append(y + 110)
        y += 175
    page = np.asarray(image).copy()
    for top in solved:
        for row in range(int(rng.integers(1, 3))):
            x = 130.0
            while x < rng.uniform(400, 850):
                x = _handwritten_word(page, rng, x, top + row * 36, np.array((120.0, 50.0, 25.0))) + 20
    return page


def slide(rng: np.random.Generator) -> Picture:
    """A slide of a lecture or a screen recording: (720, 1280, 3) BGR. Some are dark."""
    width, height = SLIDE_SIZE
    is_dark = rng.random() < 0.3
    ground, ink = ((40, 32, 28), (235, 235, 235)) if is_dark else ((250, 250, 250), (40, 35, 30))
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, 84), fill=tuple(int(value) for value in rng.integers(40, 200, 3)))
    draw.text((40, 20), " ".join(rng.choice(_WORDS, 4)), font=font(40, is_bold=True), fill=(255, 255, 255))
    y = 120
    for _ in range(int(rng.integers(4, 9))):
        draw.text((70, y), "• " + " ".join(rng.choice(_WORDS, int(rng.integers(3, 9)))), font=font(30), fill=ink)
        y += 62
    for _ in range(int(rng.integers(0, 3))):
        x0, y0 = int(rng.integers(700, 1000)), int(rng.integers(150, 500))
        box = (x0, y0, x0 + int(rng.integers(80, 240)), y0 + int(rng.integers(60, 180)))
        draw.ellipse(box, outline=ink, width=4)
    return np.asarray(image).copy()


def _paper(rng: np.random.Generator, width: int, height: int) -> Picture:
    base = np.array([rng.uniform(225, 244), rng.uniform(230, 248), rng.uniform(234, 250)])
    grain = cv2.resize(rng.normal(0, 3.0, (height // 4, width // 4)).astype(np.float32), (width, height))
    return np.clip(base + grain[..., None], 0, 255).astype(np.uint8)


def _handwritten_word(page: Picture, rng: np.random.Generator, x: float, y: float, ink: NDArray[np.float64]) -> float:
    """Joined strokes about a line; returns where the word ends."""
    for _ in range(int(rng.integers(2, 6))):
        size = rng.uniform(14, 24)
        points = [(x + rng.uniform(0, size), y - rng.uniform(-2, size)) for _ in range(int(rng.integers(3, 7)))]
        curve = _smooth(np.array(points))
        colour = tuple(float(value) for value in np.clip(ink + rng.normal(0, 8), 0, 255))
        cv2.polylines(page, [(curve * 8).astype(np.int32)], False, colour, int(rng.integers(2, 4)), cv2.LINE_AA, 3)
        x += size * rng.uniform(0.8, 1.15)
    return x


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chaikin's corner cutting, twice."""
    for _ in range(2):
        cut = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points
