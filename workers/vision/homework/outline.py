"""A sheet of paper on a table, photographed: found by its outline and seen from straight above."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.homework.paper import PX_PER_MM, Picture

SEARCH_SIDE: Final = 600
MIN_SHARE: Final = 0.3
"""Of the picture; a smaller light shape is a label, not the page."""


def flatten_page(grey: Picture, paper_mm: tuple[float, float], corners: NDArray[np.float32] | None = None) -> Picture:
    """The page in ``grey`` (H, W) at ``PX_PER_MM``, upright or on its side as in the picture, by its ``corners``.

    Where no outline stands out, as in a scan, the whole picture is the page.
    """
    corners = find_outline(grey) if corners is None else corners
    height, width = grey.shape
    if corners is None:
        corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    across = float(np.hypot(*(corners[1] - corners[0])) + np.hypot(*(corners[2] - corners[3])))
    down = float(np.hypot(*(corners[3] - corners[0])) + np.hypot(*(corners[2] - corners[1])))
    short, long = sorted(paper_mm)
    wide, high = (long, short) if across > down else (short, long)
    size = (round(wide * PX_PER_MM), round(high * PX_PER_MM))
    target = np.array([[0, 0], [size[0] - 1, 0], [size[0] - 1, size[1] - 1], [0, size[1] - 1]], np.float32)
    way = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(grey, way, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def find_outline(grey: Picture) -> NDArray[np.float32] | None:
    """The corners (4, 2) of the largest light four-sided shape, from the top left clockwise; ``None``: none there."""
    scale = SEARCH_SIDE / max(grey.shape)
    size = (max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1))
    small = cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (5, 5), 0)
    _, mask = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = cv2.convexHull(max(contours, key=cv2.contourArea))
    for tolerance in (0.01, 0.02, 0.03, 0.05):
        found = cv2.approxPolyDP(largest, tolerance * cv2.arcLength(largest, True), True).reshape(-1, 2)
        if len(found) == 4 and cv2.contourArea(found) >= MIN_SHARE * mask.size:
            return _in_order(found.astype(np.float32) / np.float32(scale))
    return None


def _in_order(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    return np.ascontiguousarray(corners[np.argsort(angles)], np.float32)
