"""What a person looks at before believing a verdict: the region as it was handed in, and the page with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from sheets.homework import Mark, Region, RegionReading, Verdict
from workers.vision.homework.paper import PX_PER_MM, Picture

MARGIN_MM: Final = 2.0
OVERLAY_SCALE: Final = 0.667
"""4 pixels a mm: handwriting can still be read, and a page has 150 kB as JPEG."""
_COLOURS: Final = {Verdict.ATTEMPTED: (72, 148, 22), Verdict.UNSURE: (16, 140, 240), Verdict.BLANK: (50, 40, 214)}
_SIGNS: Final = {Mark.NONE: "", Mark.RIGHT: " O", Mark.WRONG: " /"}


def cut_region(page: Picture, region: Region) -> Picture:
    """``region`` of ``page`` (H, W, 3) at ``PX_PER_MM``, with a margin."""
    height, width = page.shape[:2]
    top, left = (max(round((start - MARGIN_MM) * PX_PER_MM), 0) for start in (region.y, region.x))
    bottom = min(round((region.y + region.height + MARGIN_MM) * PX_PER_MM), height)
    right = min(round((region.x + region.width + MARGIN_MM) * PX_PER_MM), width)
    return np.ascontiguousarray(page[min(top, height - 1) : max(bottom, 1), min(left, width - 1) : max(right, 1)])


def draw_verdicts(page: Picture, regions: Sequence[Region], readings: Sequence[RegionReading]) -> Picture:
    """``page`` (H, W, 3) at ``PX_PER_MM``, smaller, each region framed: green attempted, red blank, amber unsure."""
    canvas = cv2.resize(page, None, fx=OVERLAY_SCALE, fy=OVERLAY_SCALE, interpolation=cv2.INTER_AREA)
    scale = PX_PER_MM * OVERLAY_SCALE
    for region, reading in zip(regions, readings, strict=True):
        colour = _COLOURS[reading.verdict]
        corner = (round((region.x + 0.5) * scale), round((region.y + 0.5) * scale))
        other = (round((region.x + region.width - 0.5) * scale), round((region.y + region.height - 0.5) * scale))
        cv2.rectangle(canvas, corner, other, colour, 2, cv2.LINE_AA)
        words = f"{round(100 * reading.confidence)}%{_SIGNS[reading.mark]}"
        at = (other[0] - 62, corner[1] + 16)
        cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_DUPLEX, 0.5, (255, 255, 255), 4, cv2.LINE_AA)
        cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_DUPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)
