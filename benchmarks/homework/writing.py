"""What students and teachers leave on a page: digits, letters and lines by hand, rings, ticks, erasures, red marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.homework.worksheets import PX, Problem, Spot
from sheets.homework import Mark, Region

Layer = NDArray[np.float32]
Points = NDArray[np.float64]

# Strokes of digits, signs and syllables in a box of 1 x 1, y down: enough to be as thin, bowed and broken as writing.
_GLYPHS: Final[tuple[tuple[tuple[tuple[float, float], ...], ...], ...]] = (
    (((0.5, 0), (0.1, 0.3), (0.1, 0.75), (0.5, 1), (0.9, 0.7), (0.85, 0.25), (0.5, 0)),),
    (((0.35, 0.15), (0.55, 0), (0.52, 1)),),
    (((0.1, 0.2), (0.5, 0), (0.85, 0.25), (0.5, 0.6), (0.05, 1), (0.95, 0.97)),),
    (((0.1, 0.1), (0.7, 0.05), (0.4, 0.42), (0.85, 0.65), (0.5, 1), (0.1, 0.9)),),
    (((0.55, 0), (0.05, 0.65), (0.95, 0.62)), ((0.65, 0.3), (0.6, 1))),
    (((0.85, 0), (0.2, 0.05), (0.2, 0.45), (0.7, 0.45), (0.8, 0.8), (0.45, 1), (0.1, 0.9)),),
    (((0.7, 0), (0.2, 0.5), (0.25, 0.9), (0.7, 0.95), (0.75, 0.6), (0.3, 0.6)),),
    (((0.1, 0.05), (0.9, 0.05), (0.45, 1)),),
    (((0.5, 0.5), (0.2, 0.2), (0.5, 0), (0.8, 0.2), (0.2, 0.75), (0.5, 1), (0.8, 0.75), (0.5, 0.5)),),
    (((0.1, 0.35), (0.9, 0.35)), ((0.1, 0.65), (0.9, 0.65))),
    (((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.1), (0.5, 0.9))),
    (((0.15, 0.1), (0.85, 0.9)), ((0.85, 0.1), (0.15, 0.9))),
    (((0.1, 0.15), (0.5, 0.12), (0.45, 0.5)), ((0.75, 0), (0.75, 0.6)), ((0.2, 0.7), (0.75, 0.7), (0.7, 1))),
    (((0.15, 0.1), (0.15, 0.45), (0.5, 0.42)), ((0.7, 0), (0.72, 0.95)), ((0.72, 0.4), (0.95, 0.4))),
)


@dataclass(frozen=True, slots=True)
class Pen:
    """``colour`` BGR of full ink, ``strength`` how much of it reaches the paper, ``width_mm``."""

    colour: tuple[float, float, float]
    strength: float
    width_mm: float


@dataclass(frozen=True, slots=True)
class WritingDials:
    """Shares of problems: ``blank`` ones; of the attempted those with a ``short`` answer only, in ``faint`` pencil;
    of the blank those with something ``erased``; of pages those that a teacher has ``marked``."""

    blank: float = 0.4
    short: float = 0.5
    faint: float = 0.15
    erased: float = 0.1
    marked: float = 0.35


@dataclass(frozen=True, slots=True)
class Written:
    """The truth about one problem. ``kind``: how it was attempted, or what else is there."""

    is_attempted: bool
    kind: str
    mark: Mark


def write_page(
    page: NDArray[np.uint8], problems: Sequence[Problem], dials: WritingDials, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Written]]:
    """``page`` grey (H, W) with writing on it, BGR (H, W, 3), and what was done to each problem."""
    paper = np.repeat(page[:, :, None], 3, axis=2).astype(np.float32)
    tint = 1 - rng.uniform(0, 0.07, 3).astype(np.float32)
    paper *= tint
    is_marked = rng.random() < dials.marked
    pen = _pen(rng, is_faint=False)
    truth = []
    name_at = Spot(163, 13)
    if rng.random() < 0.7:
        paper = _write_glyphs(paper, rng, pen, name_at, size=4.5, count=3)
    for problem in problems:
        own_pen = _pen(rng, is_faint=True) if rng.random() < dials.faint else pen
        is_attempted = bool(rng.random() >= dials.blank)
        kind = "blank"
        if is_attempted:
            paper, kind = _attempt(paper, page, problem, own_pen, dials, rng)
        elif rng.random() < dials.erased:
            paper, kind = _erased(paper, page, problem, rng), "erased"
        mark = Mark.NONE
        if is_marked and rng.random() < 0.85:
            mark = Mark.RIGHT if is_attempted and rng.random() < 0.7 else Mark.WRONG
            paper = _red_mark(paper, problem, mark, rng)
        truth.append(Written(is_attempted, kind, mark))
    return np.clip(paper, 0, 255).astype(np.uint8), truth


def _pen(rng: np.random.Generator, *, is_faint: bool) -> Pen:
    if is_faint:
        return Pen((70, 70, 70), float(rng.uniform(0.28, 0.42)), float(rng.uniform(0.35, 0.5)))
    kind = rng.random()
    if kind < 0.55:
        return Pen((60, 60, 60), float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.35, 0.6)))
    if kind < 0.8:
        return Pen((150, 60, 30), float(rng.uniform(0.8, 0.95)), float(rng.uniform(0.3, 0.55)))
    return Pen((25, 25, 25), float(rng.uniform(0.8, 0.97)), float(rng.uniform(0.3, 0.6)))


def _attempt(
    paper: Layer, page: NDArray[np.uint8], problem: Problem, pen: Pen, dials: WritingDials, rng: np.random.Generator
) -> tuple[Layer, str]:
    if rng.random() < dials.short:
        if problem.choices and rng.random() < 0.75:
            spot = problem.choices[int(rng.integers(len(problem.choices)))]
            if rng.random() < 0.6:
                return _ring(paper, rng, pen, spot, float(rng.uniform(2.6, 4.2))), "choice ring"
            return _tick(paper, rng, pen, spot, float(rng.uniform(4.0, 7.0))), "choice tick"
        size = float(rng.uniform(3.0, 6.5))
        count = int(rng.integers(1, 4))
        spot = problem.answer or _free_spot(page, problem.region, (count * size, size), rng)
        kind = "one character" if count == 1 else "short answer"
        return _write_glyphs(paper, rng, pen, spot, size=size, count=count), kind
    size = float(rng.uniform(3.2, 6.0))
    lines = int(rng.integers(2, 5))
    for _ in range(lines):
        count = int(rng.integers(3, 9))
        count = max(1, min(count, int((problem.region.width - 6) / (size * 0.85))))
        spot = _free_spot(page, problem.region, (count * size * 0.85, size), rng)
        paper = _write_glyphs(paper, rng, pen, spot, size=size, count=count)
    return paper, "solution"


def _free_spot(page: NDArray[np.uint8], region: Region, size: tuple[float, float], rng: np.random.Generator) -> Spot:
    """Where a student would write: of some places in the region that with least print."""
    best, least = Spot(region.x + 3, region.y + 3), math.inf
    for _ in range(10):
        x = region.x + 2.5 + rng.random() * max(region.width - size[0] - 5, 0.1)
        y = region.y + 2.5 + rng.random() * max(region.height - size[1] - 5, 0.1)
        window = page[round(y * PX) : round((y + size[1]) * PX), round(x * PX) : round((x + size[0]) * PX)]
        ink = float((255 - window.astype(np.int32)).sum())
        if ink < least:
            best, least = Spot(x, y), ink
        if ink == 0:
            break
    return best


def _write_glyphs(paper: Layer, rng: np.random.Generator, pen: Pen, spot: Spot, *, size: float, count: int) -> Layer:
    lean = rng.uniform(-0.15, 0.25)
    strokes = []
    for index in range(count):
        glyph = _GLYPHS[int(rng.integers(len(_GLYPHS)))]
        wide = size * rng.uniform(0.5, 0.75)
        for stroke in glyph:
            points = np.array(stroke, np.float64) + rng.normal(0, 0.05, (len(stroke), 2))
            x = spot.x + index * size * 0.85 + points[:, 0] * wide + (1 - points[:, 1]) * lean * size
            y = spot.y + points[:, 1] * size + rng.normal(0, 0.02 * size)
            strokes.append(_rounded(np.stack([x, y], axis=1)))
    return _ink(paper, strokes, pen, rng)


def _rounded(points: Points) -> Points:
    """A curve through the corners (Chaikin, 1974)."""
    for _ in range(2):
        if len(points) < 3:
            return points
        one, other = 0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]
        points = np.concatenate([points[:1], np.stack([one, other], axis=1).reshape(-1, 2), points[-1:]])
    return points


def _ring(paper: Layer, rng: np.random.Generator, pen: Pen, spot: Spot, radius: float) -> Layer:
    angles = np.linspace(0, 2 * math.pi * rng.uniform(0.93, 1.1), 40) + rng.uniform(0, 6)
    wobble = 1 + 0.06 * np.sin(2 * angles + rng.uniform(0, 6))
    x = spot.x + radius * rng.uniform(0.95, 1.2) * wobble * np.cos(angles)
    y = spot.y + radius * wobble * np.sin(angles)
    return _ink(paper, [np.stack([x, y], axis=1)], pen, rng)


def _tick(paper: Layer, rng: np.random.Generator, pen: Pen, spot: Spot, size: float) -> Layer:
    points = np.array([(-0.4, -0.1), (-0.05, 0.35), (0.65, -0.6)]) + rng.normal(0, 0.04, (3, 2))
    return _ink(paper, [np.array([spot.x, spot.y]) + points * size], pen, rng)


def _red_mark(paper: Layer, problem: Problem, mark: Mark, rng: np.random.Generator) -> Layer:
    pen = Pen(
        (float(rng.uniform(30, 75)), float(rng.uniform(30, 65)), float(rng.uniform(205, 240))),
        float(rng.uniform(0.8, 0.97)),
        float(rng.uniform(0.5, 0.9)),
    )
    if mark is Mark.RIGHT:
        return _ring(paper, rng, pen, Spot(problem.number.x + 1, problem.number.y + 2), float(rng.uniform(4.5, 9)))
    length = rng.uniform(10, 20)
    start = np.array([problem.number.x + length * 0.4, problem.number.y - 1.5])
    end = start + length * np.array([-0.62, 0.78])
    bow = (start + end) / 2 + rng.normal(0, 0.4, 2)
    return _ink(paper, [_rounded(np.stack([start, bow, end]))], pen, rng)


def _erased(paper: Layer, page: NDArray[np.uint8], problem: Problem, rng: np.random.Generator) -> Layer:
    """What is left of a line that was rubbed out: a grey smear and the pressed trace."""
    size = float(rng.uniform(3.5, 6))
    count = int(rng.integers(2, 5))
    spot = _free_spot(page, problem.region, (count * size, size), rng)
    trace = Pen((80, 80, 80), float(rng.uniform(0.03, 0.08)), 0.5)
    paper = _write_glyphs(paper, rng, trace, spot, size=size, count=count)
    smear = np.zeros(paper.shape[:2], np.float32)
    middle = (round((spot.x + count * size * 0.4) * PX), round((spot.y + size / 2) * PX))
    cv2.ellipse(smear, middle, (round(count * size * 0.5 * PX), round(size * 0.6 * PX)), 0, 0, 360, (1.0,), -1)
    smear = cv2.GaussianBlur(smear, (0, 0), 1.5 * PX).astype(np.float32)
    return np.asarray(paper * (1 - np.float32(rng.uniform(0.01, 0.04)) * smear[:, :, None]), np.float32)


def _ink(paper: Layer, strokes: Sequence[Points], pen: Pen, rng: np.random.Generator) -> Layer:
    """``strokes`` in mm drawn with ``pen``: pressure changes along the way, pencils leave gaps."""
    everything = np.concatenate(strokes)
    low = np.floor((everything.min(axis=0) - 2) * PX).astype(int)
    high = np.ceil((everything.max(axis=0) + 2) * PX).astype(int)
    low = np.clip(low, 0, [paper.shape[1] - 1, paper.shape[0] - 1])
    high = np.clip(high, low + 1, [paper.shape[1], paper.shape[0]])
    width, height = (int(value) for value in high - low)
    over = 3
    cover = np.zeros((height * over, width * over), np.uint8)
    thick = max(1, round(pen.width_mm * PX * over))
    for stroke in strokes:
        points = np.round((stroke * PX - low) * over).astype(np.int32)
        cv2.polylines(cover, [points.reshape(-1, 1, 2)], False, (255,), thick, cv2.LINE_AA)
    alpha = cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    grain = cv2.resize(rng.uniform(0.75, 1.0, (height // 3 + 2, width // 3 + 2)).astype(np.float32), (width, height))
    alpha *= pen.strength * grain
    window = paper[low[1] : high[1], low[0] : high[0]]
    window *= 1 - alpha[:, :, None] * (1 - np.array(pen.colour, np.float32) / 255)
    return paper
