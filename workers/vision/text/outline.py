"""The sheet of paper in a photo, cut out and seen from straight above."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
Corners = NDArray[np.float32]

LOOK_PX: Final = 640
MIN_SHARE: Final = 0.25
"""Of the picture that a sheet of paper has to take; smaller bright things are something else."""
MAX_SHARE: Final = 0.985
MIN_FILL: Final = 0.9
"""Of its four-cornered outline that the bright region has to fill: else the outline is not the paper's."""
MIN_STEP: Final = 22
"""Grey levels by which paper is brighter than the table just outside its edge."""


def cut_out_paper(image: GreyImage) -> GreyImage:
    """The sheet that ``image`` (H, W) shows on a darker table, made rectangular; ``image`` itself where there is none.

    A scan has no table: its outline is the picture's own, and nothing is done.
    """
    corners = find_paper(image)
    if corners is None:
        return image
    top, right, bottom, left = (float(np.linalg.norm(corners[index] - corners[(index + 1) % 4])) for index in range(4))
    width, height = round((top + bottom) / 2), round((left + right) / 2)
    if min(width, height) < 100:
        return image
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, dtype=np.uint8)


def find_paper(image: GreyImage) -> Corners | None:
    """The paper's corners (4, 2) in pixels, from the top left clockwise; None where no sheet stands out."""
    factor = max(max(image.shape) / LOOK_PX, 1.0)
    size = (max(round(image.shape[1] / factor), 1), max(round(image.shape[0] / factor), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Letters go, the paper they stand on stays.
    bright = cv2.morphologyEx(cv2.medianBlur(small, 5), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, mask = cv2.threshold(bright, 0, 255, cv2.THRESH_OTSU)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    hull = np.asarray(cv2.convexHull(largest), np.int32)
    corners = _four_corners(hull)
    if corners is None:
        return None
    area = cv2.contourArea(corners)
    share = area / (size[0] * size[1])
    if not MIN_SHARE <= share <= MAX_SHARE or cv2.contourArea(largest) < MIN_FILL * area:
        return None
    inside = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(inside, corners.astype(np.int32), (255,))
    rim = cv2.subtract(cv2.dilate(inside, np.ones((15, 15), np.uint8)), cv2.dilate(inside, np.ones((7, 7), np.uint8)))
    edge = cv2.subtract(cv2.erode(inside, np.ones((7, 7), np.uint8)), cv2.erode(inside, np.ones((15, 15), np.uint8)))
    if not rim.any() or not edge.any():
        return None
    if float(np.median(bright[edge > 0])) - float(np.median(bright[rim > 0])) < MIN_STEP:
        return None
    return (_clockwise(corners) * np.float32(factor)).astype(np.float32)


def _four_corners(hull: NDArray[np.int32]) -> Corners | None:
    length = cv2.arcLength(hull, True)
    for tolerance in (0.01, 0.015, 0.02, 0.03, 0.045, 0.06):
        found = cv2.approxPolyDP(hull, tolerance * length, True)
        if len(found) == 4:
            return found.reshape(4, 2).astype(np.float32)
        if len(found) < 4:
            return None
    return None


def _clockwise(corners: Corners) -> Corners:
    """From the corner nearest the picture's top left, clockwise as seen."""
    middle = corners.mean(0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ordered = corners[np.argsort(angles)]
    first = int(np.argmin(ordered.sum(1)))
    return np.roll(ordered, -first, axis=0)
