"""Marks as people make them, drawn on a rendered page: the truth is what the person meant."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
InkMap = NDArray[np.float32]

_SHIFT: Final = 4
"""Fractional bits of the coordinates given to OpenCV's line drawing."""
REACH: Final = 2.2
"""Half side of the square a mark is drawn in, in half-heights of the bubble."""


class Style(enum.Enum):
    """How one bubble is marked."""

    FULL = "full"
    SLOPPY = "sloppy"
    TICK = "tick"
    CROSS = "cross"
    DOT = "dot"
    SLASH = "slash"


@dataclass(frozen=True, slots=True)
class Person:
    """One student's hand. ``darkness``: how much light the ink takes, 0 to 1; ``grain``: pencil on paper."""

    darkness: float
    darkness_spread: float
    stroke_mm: float
    grain: float
    style: Style
    style_change: float
    wobble: float


@dataclass(frozen=True, slots=True)
class Bubble:
    """A bubble on the raster: centre and half axes in pixels."""

    x: float
    y: float
    half_width: float
    half_height: float


INSTRUMENTS: Final = (0.3, 0.2, 0.4, 0.1)
"""Shares of felt pens, ball pens, soft pencils and light hands, as in a classroom with no rule."""
STYLE_CHANGE: Final = 0.04
"""How often a person marks otherwise than usual."""


def draw_person(rng: np.random.Generator, instruments: tuple[float, ...] = INSTRUMENTS) -> Person:
    """A student with felt pen, ball pen, soft pencil or a light hand, in the given shares."""
    instrument = rng.choice(4, p=instruments)
    style = Style(
        rng.choice(
            [style.value for style in (Style.FULL, Style.SLOPPY, Style.TICK, Style.CROSS, Style.DOT)],
            p=[0.72, 0.15, 0.06, 0.04, 0.03],
        )
    )
    low, high = ((0.88, 0.97), (0.75, 0.95), (0.45, 0.8), (0.25, 0.42))[instrument]
    stroke = ((1.0, 1.6), (0.35, 0.6), (0.5, 0.9), (0.5, 0.9))[instrument]
    return Person(
        darkness=float(rng.uniform(low, high)),
        darkness_spread=(0.02, 0.04, 0.08, 0.05)[instrument],
        stroke_mm=float(rng.uniform(*stroke)),
        grain=(0.03, 0.05, 0.3, 0.4)[instrument],
        style=style,
        style_change=STYLE_CHANGE,
        wobble=float(rng.uniform(0.04, 0.14)),
    )


def draw_mark(page: GreyImage, bubble: Bubble, person: Person, pixels_per_mm: float, rng: np.random.Generator) -> None:
    """Mark ``bubble`` on ``page`` (H, W), in place, as ``person`` does."""
    style = person.style
    if rng.random() < person.style_change:
        style = Style(rng.choice([other.value for other in Style]))
    darkness = float(np.clip(rng.normal(person.darkness, person.darkness_spread), 0.2, 0.98))
    _lay_ink(page, bubble, _coverage(style, bubble, person, pixels_per_mm, rng), darkness, person.grain, rng)


def draw_erasure(
    page: GreyImage, bubble: Bubble, person: Person, pixels_per_mm: float, rng: np.random.Generator
) -> None:
    """What is left of a mark that was rubbed out: a streaky, blurred ghost; pens get correction tape instead."""
    if person.grain < 0.1:
        _lay_tape(page, bubble, rng)
        return
    ink = _coverage(Style.FULL, bubble, person, pixels_per_mm, rng)
    ink = cv2.GaussianBlur(ink, (0, 0), 0.35 * pixels_per_mm).astype(np.float32)
    residue = person.darkness * float(rng.uniform(0.06, 0.24))
    _lay_ink(page, bubble, ink, residue, 0.5, rng)


def draw_stray(page: GreyImage, person: Person, pixels_per_mm: float, rng: np.random.Generator) -> None:
    """A stroke that means nothing, 8-50 mm long, anywhere in the lower two thirds of the page."""
    height, width = page.shape
    length = rng.uniform(8, 50) * pixels_per_mm
    angle = rng.uniform(0, 2 * math.pi)
    start = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.4, 0.93) * height])
    middle = start + length / 2 * np.array([math.cos(angle), math.sin(angle)]) + rng.normal(0, length * 0.06, 2)
    end = start + length * np.array([math.cos(angle), math.sin(angle)])
    steps = np.linspace(0, 1, 24)[:, None]
    curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * middle + steps**2 * end
    draw_line(page, curve, person, pixels_per_mm, rng)


def draw_line(
    page: GreyImage, points: NDArray[np.float64], person: Person, pixels_per_mm: float, rng: np.random.Generator
) -> None:
    """A thin stroke of ``person``'s along ``points`` (N, 2) pixels."""
    ink = np.zeros(page.shape, np.uint8)
    _stroke(ink, points, rng.uniform(0.3, 0.5) * pixels_per_mm)
    darkness = person.darkness * rng.uniform(0.5, 1.0)
    x, y, w, h = cv2.boundingRect(ink)
    region = page[y : y + h, x : x + w]
    region[:] = (region * (1 - darkness * ink[y : y + h, x : x + w] / 255.0)).astype(np.uint8)


def _coverage(style: Style, bubble: Bubble, person: Person, pixels_per_mm: float, rng: np.random.Generator) -> InkMap:
    """Where ink lies (S, S), 0 to 1, in a square of ``REACH`` half-heights round the bubble's centre."""
    reach = math.ceil(REACH * bubble.half_height)
    ink = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    half = np.array([bubble.half_width, bubble.half_height])
    fraction = np.array([bubble.x % 1, bubble.y % 1])
    stroke = person.stroke_mm * pixels_per_mm
    if style in (Style.FULL, Style.SLOPPY):
        if style is Style.FULL:
            centre = rng.normal(0, 0.09, 2)
            scale = rng.uniform(0.8, 1.08, 2)
        else:
            centre = rng.normal(0, 0.26, 2).clip(-0.55, 0.55)
            scale = rng.uniform(0.5, 0.95, 2)
        lines = [_scribble(centre, scale, stroke, half, person.wobble, rng)]
        if style is Style.FULL:
            turn = np.linspace(0, 2 * math.pi, 28)
            edge = np.maximum(scale * half - stroke / 2, 1.0) / half
            rim = centre + np.stack([np.cos(turn), np.sin(turn)], 1) * edge + rng.normal(0, person.wobble / 3, (28, 2))
            lines.append(rim)
    elif style is Style.TICK:
        size = rng.uniform(0.8, 1.35)
        at = rng.normal(0, 0.12, 2)
        lines = [at + size * np.array([[-0.75, -0.1], [-0.2, 0.6], [0.9, -0.9]]) + rng.normal(0, 0.08, (3, 2))]
    elif style is Style.CROSS:
        size = rng.uniform(0.75, 1.15)
        at = rng.normal(0, 0.1, 2)
        lines = [
            at + size * np.array([[-0.8, -0.8], [0.8, 0.8]]) + rng.normal(0, 0.1, (2, 2)),
            at + size * np.array([[0.8, -0.8], [-0.8, 0.8]]) + rng.normal(0, 0.1, (2, 2)),
        ]
    elif style is Style.DOT:
        turn = np.linspace(0, 4 * math.pi, 24)
        radius = np.linspace(0, rng.uniform(0.3, 0.55), 24)
        lines = [rng.normal(0, 0.12, 2) + np.stack([np.cos(turn), np.sin(turn)], 1) * radius[:, None]]
    else:
        lean = rng.uniform(-0.5, 0.5)
        lines = [np.array([[-0.9, lean], [0.9, -lean]]) + rng.normal(0, 0.1, (2, 2))]
    if style in (Style.TICK, Style.CROSS, Style.SLASH):
        stroke = max(stroke, 0.4 * pixels_per_mm)
    for line in lines:
        _stroke(ink, reach + fraction + line * half, stroke)
    return (ink / np.float32(255.0)).astype(np.float32)


def _scribble(
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    stroke: float,
    half: NDArray[np.float64],
    wobble: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """A zigzag through an ellipse (points, 2), in half axes; gaps show where the hand was fast."""
    turns = max(3, math.ceil(2 * scale[1] * half[1] / (stroke * rng.uniform(0.7, 1.15))))
    heights = np.linspace(-0.9, 0.9, turns)
    widths = np.sqrt(1 - heights**2) * np.where(np.arange(turns) % 2, 1.0, -1.0)
    points = np.stack([widths, heights], 1)
    tilt = rng.uniform(-0.7, 0.7)
    rotation = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    inner = np.maximum(scale - 0.5 * stroke / half, 0.15)
    path: NDArray[np.float64] = centre + (points @ rotation.T) * inner + rng.normal(0, wobble, points.shape)
    return path


def _stroke(ink: GreyImage, points: NDArray[np.float64], width: float) -> None:
    fixed = np.round(points * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(ink, [fixed], False, 255, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _lay_ink(
    page: GreyImage, bubble: Bubble, ink: InkMap, darkness: float, grain: float, rng: np.random.Generator
) -> None:
    if grain > 0:
        noise = rng.random(ink.shape, dtype=np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 1.0).astype(np.float32)
        noise = (noise - noise.mean()) / (noise.std() + 1e-6)
        ink = ink * np.clip(1 - grain * np.abs(noise), 0, 1)
    reach = ink.shape[0] // 2
    top, left = int(bubble.y) - reach, int(bubble.x) - reach
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + ink.shape[0], page.shape[0]), min(left + ink.shape[1], page.shape[1])
    part = ink[y0 - top : y1 - top, x0 - left : x1 - left]
    region = page[y0:y1, x0:x1]
    region[:] = np.clip(region * (1 - darkness * part), 6, 255).astype(np.uint8)


def _lay_tape(page: GreyImage, bubble: Bubble, rng: np.random.Generator) -> None:
    width, height = bubble.half_width * rng.uniform(1.2, 1.6), bubble.half_height * rng.uniform(1.05, 1.3)
    x0, x1 = round(bubble.x - width), round(bubble.x + width)
    y0, y1 = round(bubble.y - height), round(bubble.y + height)
    page[y0:y1, x0:x1] = int(rng.integers(244, 254))
    page[y1 : y1 + 2, x0:x1] = (page[y1 : y1 + 2, x0:x1] * 0.9).astype(np.uint8)
