"""Homework without a registered worksheet: handwriting against print, by what tells them apart on one picture alone.

A pen is blue, or a pencil paler than the page's print; print stands in lines of even letters. What is neither surely
the one nor the other is for people to look at.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import Doubt, HomeworkReading, Region, RegionReading, Verdict
from workers.vision.homework.outline import find_outline, flatten_page
from workers.vision.homework.paper import PX_PER_MM, Floats, Ink, Picture, measure_ink
from workers.vision.homework.red_marks import find_red
from workers.vision.homework.regions import propose_regions

PAPER_MM: Final = (210.0, 297.0)
FLOOR: Final = 0.1
MIN_LENGTH_MM: Final = 1.2
BLUE: Final = 0.16
"""Red light missing more than blue; black print under warm light stays below 0.08 after white balance."""
PALE: Final = 0.62
"""Of the print's darkness: a soft pencil stays below."""
ATTEMPT_MM2: Final = 2.5
REST_MM2: Final = 0.8
EVEN_LETTERS: Final = 5
SURE: Final = 0.8
"""Never more: there is nothing to compare with."""


def read_unregistered(image: Picture) -> tuple[HomeworkReading, Picture]:
    """What a picture shows by itself, grey (H, W) or BGR (H, W, 3), and the page straight, BGR at ``PX_PER_MM``.

    The page has to stand upright. No problem number seen: the whole page is one region.
    """
    page = _flat(image)
    ink = measure_ink(page)
    regions = propose_regions(np.clip(ink.dark, 0, 1))
    if not regions:
        height, width = ink.dark.shape
        regions = (Region("1", 5.0, 5.0, round(width / PX_PER_MM - 10, 2), round(height / PX_PER_MM - 10, 2)),)
    red = find_red(ink, None, regions)
    pieces = _Pieces(ink, red.is_red)
    readings = []
    for index, region in enumerate(regions):
        hand, rest, count = pieces.within(region)
        verdict, sureness, doubt = Verdict.UNSURE, 0.5, Doubt.NOT_REGISTERED
        if hand >= ATTEMPT_MM2:
            verdict, sureness, doubt = Verdict.ATTEMPTED, min(SURE, 0.5 + 0.05 * hand), Doubt.NONE
        elif hand + rest < REST_MM2 and red.other_mm2[index] < 0.5:
            verdict, sureness, doubt = Verdict.BLANK, 0.6, Doubt.NONE
        readings.append(RegionReading(region.label, verdict, sureness, hand, count, 0.0, 0.0, red.marks[index], doubt))
    coloured = page if page.ndim == 3 else np.asarray(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), np.uint8)
    return HomeworkReading(None, False, ink.has_colour, 0, tuple(readings), regions), coloured


def _flat(image: Picture) -> Picture:
    if image.ndim == 2:
        return flatten_page(image, PAPER_MM)
    corners = find_outline(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8))
    channels = [flatten_page(np.ascontiguousarray(image[:, :, channel]), PAPER_MM, corners) for channel in range(3)]
    return np.ascontiguousarray(np.stack(channels, axis=2))


class _Pieces:
    """The connected pieces of a page's ink, each handwriting, print or undecided."""

    def __init__(self, ink: Ink, is_red: NDArray[np.bool_]) -> None:
        soft = cv2.GaussianBlur(ink.dark, (0, 0), 0.13 * PX_PER_MM)
        mask = ((soft > FLOOR) & ~is_red).astype(np.uint8)
        edge = round(3 * PX_PER_MM)
        mask[:edge] = mask[-edge:] = 0
        mask[:, :edge] = mask[:, -edge:] = 0
        count, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
        sizes = np.maximum(stats[:, cv2.CC_STAT_AREA], 1).astype(np.float64)
        self._areas = sizes / PX_PER_MM**2
        self._centres = centres / PX_PER_MM
        boxes = stats[:, :4].astype(np.float64) / PX_PER_MM
        self._is_stroke = np.hypot(boxes[:, 2], boxes[:, 3]) >= MIN_LENGTH_MM
        self._is_stroke[0] = False
        levels = np.bincount(labels.ravel(), np.clip(soft, 0, 1).ravel(), minlength=count) / sizes
        is_print = _stands_in_line(boxes) & self._is_stroke
        black = float(np.median(levels[is_print])) if is_print.sum() >= 20 else 0.6
        is_blue = np.zeros(count, bool)
        if ink.has_colour:
            is_blue = np.bincount(labels.ravel(), _blueness(ink).ravel(), minlength=count) / sizes > BLUE
        self._is_hand = self._is_stroke & (is_blue | ((levels < PALE * black) & ~is_print))
        self._is_print = is_print & ~self._is_hand

    def within(self, region: Region) -> tuple[float, float, int]:
        """mm^2 of handwriting, mm^2 undecided, and pieces of handwriting whose middle lies in ``region``."""
        x, y = self._centres[:, 0], self._centres[:, 1]
        inside = (x >= region.x) & (x < region.x + region.width) & (y >= region.y) & (y < region.y + region.height)
        hand = inside & self._is_hand
        rest = inside & self._is_stroke & ~self._is_hand & ~self._is_print
        return float(self._areas[hand].sum()), float(self._areas[rest].sum()), int(hand.sum())


def _blueness(ink: Ink) -> Floats:
    # red is min(green, blue) - red of what is missing: a blue pen leaves blue light and takes red, far below zero
    return np.asarray(np.clip(-ink.red, 0, 1), np.float32)


def _stands_in_line(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) mm are letters of a printed line: several of one height on one level, close together."""
    found = np.zeros(len(boxes), bool)
    middles = boxes[:, 1] + boxes[:, 3] / 2
    for index in np.flatnonzero((boxes[:, 3] > 1.0) & (boxes[:, 3] < 7)):
        x, _, width, height = boxes[index]
        near = np.abs(boxes[:, 0] + boxes[:, 2] / 2 - x - width / 2) < 7 * height
        near &= np.abs(middles - middles[index]) < 0.35 * height
        near &= (boxes[:, 3] > 0.25 * height) & (boxes[:, 3] < 1.4 * height)
        found[index] = near.sum() >= EVEN_LETTERS
    return found
