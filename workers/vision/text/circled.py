"""Circled digits, ① to ⑮: Tesseract has no word for them and reads (1), @ or O. Found by their ring, read apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text.engines import FoundWord

GreyImage = NDArray[np.uint8]

SIGNS: Final = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮"
MIN_RING_SHARE: Final = 0.93
"""Of the directions in which a ring has ink; letters that look round (ㅇ이, 6, @) have gaps."""
MAX_HOLLOW_SHARE: Final = 0.45
"""Of the directions in which there is ink just inside the ring: the digit touches it here and there, no more."""
DIGIT_SHARE: Final = (0.05, 0.75)
"""Ink of the ring's inside: less is an O, more is a black dot."""
MIN_CONFIDENCE: Final = 0.5
ATTEMPTS: Final = ((26, 0.8), (30, 1.2), (34, 1.2))
"""Sizes in pixels and blurs at which a digit is tried. Thin digits in a ring are read when small and soft: of 234 on
six scans and photos the first reads 222, the first two 231; sharp at 34 pixels it was 167."""
MARGIN_PX: Final = 16
GAP_PX: Final = 40
ANGLES: Final = np.linspace(0, 2 * np.pi, 72, endpoint=False)


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring in the page's pixels, and what stands in it: black on white, the ring itself painted over."""

    x: int
    y: int
    width: int
    height: int
    inside: GreyImage


@dataclass(frozen=True, slots=True)
class CircledDigit:
    """``sign`` is one of ``SIGNS``; ``confidence`` 0 to 1."""

    ring: Ring
    sign: str
    confidence: float


def find_rings(even: GreyImage, ink: NDArray[np.uint8], unit: float) -> list[Ring]:
    """Everything on the page (H, W) that is a ring the size of a letter with something in it."""
    contours, hierarchy = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if len(contours) == 0:
        return []
    rings = []
    for contour, (_, _, child, _) in zip(contours, hierarchy[0], strict=True):
        if child < 0:
            continue
        x, y, width, height = cv2.boundingRect(contour)
        if not (0.8 * unit <= min(width, height) and max(width, height) <= 2.4 * unit and width <= 1.3 * height):
            continue
        if height > 1.3 * width or cv2.contourArea(contour) < 0.68 * width * height:
            continue
        if _is_ring(ink[y : y + height, x : x + width]):
            rings.append(Ring(x, y, width, height, _inside(even[y : y + height, x : x + width])))
    return rings


def _is_ring(ink: NDArray[np.uint8]) -> bool:
    height, width = ink.shape
    outer = _around(ink, np.linspace(0.8, 1.0, 8))
    hollow = _around(ink, np.linspace(0.66, 0.76, 3))
    inner = np.zeros(ink.shape, np.uint8)
    cv2.ellipse(inner, (width // 2, height // 2), (round(width * 0.32), round(height * 0.32)), 0, 0, 360, (255,), -1)
    share = float(np.count_nonzero(ink[inner > 0])) / max(int(np.count_nonzero(inner)), 1)
    return (
        float(outer.mean()) >= MIN_RING_SHARE
        and float(hollow.mean()) <= MAX_HOLLOW_SHARE
        and DIGIT_SHARE[0] <= share <= DIGIT_SHARE[1]
    )


def _around(ink: NDArray[np.uint8], radii: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each direction whether there is ink at one of ``radii`` (shares of the half axes)."""
    height, width = ink.shape
    xs = (width - 1) / 2 * (1 + np.outer(radii, np.cos(ANGLES)))
    ys = (height - 1) / 2 * (1 + np.outer(radii, np.sin(ANGLES)))
    rows, columns = np.clip(np.round(ys), 0, height - 1), np.clip(np.round(xs), 0, width - 1)
    return np.asarray((ink[rows.astype(int), columns.astype(int)] > 0).any(0))


def _inside(even: GreyImage) -> GreyImage:
    """What the ring holds, the ring itself painted over, from white to black however faint it was."""
    height, width = even.shape
    mask = np.zeros(even.shape, np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (round(width * 0.385), round(height * 0.385)), 0, 0, 360, (255,), -1)
    clean = np.where(mask > 0, even, 255).astype(np.float32)
    darkest, paper = float(clean.min()), float(np.percentile(even[mask > 0], 90))
    return np.asarray(np.clip((clean - darkest) * (255 / max(paper - darkest, 20)), 0, 255), np.uint8)


def _strip(inside: GreyImage, size_px: int, blur: float) -> GreyImage:
    scale = size_px / (0.62 * inside.shape[0])
    piece = cv2.GaussianBlur(cv2.resize(inside, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), (0, 0), blur)
    framed = cv2.copyMakeBorder(piece, MARGIN_PX, MARGIN_PX, GAP_PX, GAP_PX, cv2.BORDER_CONSTANT, value=(255,))
    return np.asarray(framed, np.uint8)


def read_rings(rings: Sequence[Ring], read: Callable[[GreyImage], list[FoundWord]]) -> list[CircledDigit]:
    """The rings that hold a number from 1 to 15. ``read`` finds the digits of a line (h, w): a millisecond each."""
    found: list[CircledDigit] = []
    for ring in rings:
        for size_px, blur in ATTEMPTS:
            words = read(_strip(ring.inside, size_px, blur))
            text = "".join(word.text for word in words)
            sure = min((word.confidence for word in words), default=0.0)
            if text.isdecimal() and 1 <= int(text) <= len(SIGNS) and sure >= MIN_CONFIDENCE:
                found.append(CircledDigit(ring, SIGNS[int(text) - 1], sure))
                break
    return found
