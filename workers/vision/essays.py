"""Cutting the boxes that students wrote in out of the picture, straight, for teachers to read."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.reading import EssayCrop

MAX_CROP_SIDE: Final = 1800
"""A box across the page at 200 dpi has 1430 pixels; more only makes the file larger."""
MARGIN_SHARE: Final = 0.015
"""Of the box's width, on every side: handwriting leaves its box a little."""


def cut_essay(image: NDArray[np.uint8], crop: EssayCrop) -> NDArray[np.uint8]:
    """The box of ``crop`` in ``image``, grey (H, W) or BGR (H, W, 3), upright, as large as it is in the picture.

    What lies beyond the picture's edge is white.
    """
    corners = np.array(crop.corners, np.float64)
    across = max(_distance(corners[0], corners[1]), _distance(corners[3], corners[2]), 8.0)
    down = max(_distance(corners[0], corners[3]), _distance(corners[1], corners[2]), 8.0)
    scale = min(1.0, MAX_CROP_SIDE / max(across, down))
    margin = round(MARGIN_SHARE * across * scale)
    width, height = round(across * scale), round(down * scale)
    targets = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + np.float32(margin)
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), targets)
    size = (width + 2 * margin, height + 2 * margin)
    white = (255, 255, 255)
    cut = cv2.warpPerspective(
        image, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=white
    )
    return cut.astype(np.uint8, copy=False)


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.hypot(*(one - other)))
