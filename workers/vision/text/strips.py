"""One segment of a line as a picture of its own: nothing of its neighbours, straight however the paper curls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text.layout import Segment

GreyImage = NDArray[np.uint8]

TARGET_UNIT_PX: Final = 30.0
"""Height of a letter that Tesseract's networks read best: they scale each line to 36 pixels."""
MARGIN_PX: Final = 12
MAX_STRIP_PX: Final = 12_000
CURVED_PX: Final = 0.08
"""Of the letter height: lines that bend less are taken as they are."""


@dataclass(frozen=True, slots=True)
class Strip:
    """``pixels`` (h, w), black on white, and how to get back: page = origin + (strip - margin) / scale, plus the bend.

    ``bend`` (w of the page's pixels): by how much each column was moved up, in page pixels.
    """

    pixels: GreyImage
    segment: Segment
    scale: float
    bend: NDArray[np.float32] | None

    def to_page(self, x: float, y: float) -> tuple[float, float]:
        """Where the strip's point lies on the page."""
        at_x = (x - MARGIN_PX) / self.scale
        at_y = (y - MARGIN_PX) / self.scale
        if self.bend is not None:
            at_y += float(self.bend[int(np.clip(at_x, 0, self.bend.size - 1))])
        return self.segment.box.x + at_x, self.segment.box.y + at_y


def cut_strip(
    even: GreyImage, ink: NDArray[np.uint8], labels: NDArray[np.int32], segment: Segment, unit: float
) -> Strip:
    """The segment's pixels of ``even`` (H, W), other ink painted over, straightened and brought to reading size."""
    box = segment.box
    rows, columns = slice(box.y, box.bottom), slice(box.x, box.right)
    is_own = labels[rows, columns] == segment.label
    own_ink = np.where(is_own, ink[rows, columns], 0).astype(np.uint8)
    near = cv2.dilate(is_own.astype(np.uint8), np.ones((3, 3), np.uint8))
    pixels = np.where(near > 0, even[rows, columns], 255).astype(np.uint8)
    bend = _bend(own_ink, unit)
    if bend is not None:
        room = math.ceil(float(bend.max()))  # above, for what moves up
        pixels, own_ink = (_straightened(one, bend, room, fill) for one, fill in ((pixels, 255), (own_ink, 0)))
        filled = np.flatnonzero(own_ink.any(1))
        first, last = (int(filled[0]), int(filled[-1])) if filled.size else (0, pixels.shape[0] - 1)
        pixels, bend = pixels[first : last + 1], bend + np.float32(first - room)
    scale = min(TARGET_UNIT_PX / unit, 4.0, MAX_STRIP_PX / max(pixels.shape[1], 1))
    if abs(scale - 1) > 0.1:
        size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
        pixels = np.asarray(
            cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8
        )
    else:
        scale = 1.0
    framed = cv2.copyMakeBorder(pixels, MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX, cv2.BORDER_CONSTANT, value=(255,))
    return Strip(np.ascontiguousarray(framed, dtype=np.uint8), segment, scale, bend)


def _bend(ink: NDArray[np.uint8], unit: float) -> NDArray[np.float32] | None:
    """How far each column's ink lies below the highest column's, as a parabola; None for a straight or short line."""
    height, width = ink.shape
    if width < 8 * unit:
        return None
    step = max(round(unit), 4)
    starts = np.arange(0, width - step + 1, step)
    filled = np.maximum.reduceat(ink[:, : int(starts[-1]) + step], starts, axis=1) > 0
    counts = filled.sum(0)
    first, last = filled.argmax(0), height - 1 - filled[::-1].argmax(0)
    is_letter = counts >= 0.5 * unit
    places = (starts + step / 2)[is_letter]
    middles, weights = ((first + last) / 2)[is_letter], counts[is_letter].astype(np.float64)
    if places.size < 8:
        return None
    curve = np.polynomial.Polynomial.fit(places, middles, 2, w=np.sqrt(weights))
    residual = np.abs(curve(places) - middles)
    keep = residual <= np.median(residual) * 2.5 + 0.5
    curve = np.polynomial.Polynomial.fit(places[keep], middles[keep], 2)
    found = curve(np.arange(width)).astype(np.float32)
    if float(found.max() - found.min()) < max(CURVED_PX * unit, 1.0) or float(found.max() - found.min()) > height:
        return None
    return np.asarray(found - found.min(), dtype=np.float32)


def _straightened(pixels: GreyImage, bend: NDArray[np.float32], room: int, fill: int) -> GreyImage:
    height, width = pixels.shape
    xs = np.repeat(np.arange(width, dtype=np.float32)[None], height + room, 0)
    ys = np.arange(-room, height, dtype=np.float32)[:, None] + bend[None]
    moved = cv2.remap(
        pixels, xs, ys.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(fill,)
    )
    return np.asarray(moved, dtype=np.uint8)
