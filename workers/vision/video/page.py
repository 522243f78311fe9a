"""The sheet of paper in a picture of a desk: its four corners, and the picture as if taken from straight above."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.video.similarity import Grey

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]

_SIDE: Final = 320
"""Pixels of the longer side at which the sheet is looked for: lines through its sides are right to a third of one."""
_MIN_AREA, _MAX_AREA = 0.18, 0.92
"""Of the picture. What is smaller is a note on the desk, what is larger has no desk round it."""
_BORDER: Final = 0.012
"""Of the longer side: a sheet that reaches the picture's border has corners outside it."""
_MIN_FILL: Final = 0.88
"""Share of the four-cornered shape that is bright; a hand over a corner takes .05."""
_MIN_ANGLE, _MAX_ANGLE = 60.0, 120.0
_MAX_ASPECT: Final = 2.2
_MIN_CONTRAST: Final = 18.0
"""Grey levels between the sheet and what lies round it."""
_INK_CLOSING: Final = 7
MAX_SIDE: Final = 2400
"""Pixels of a page's longer side: a filmed page has no more to show."""


def find_sheet(luma: Grey) -> Quad | None:
    """The sheet's corners in pixels of ``luma``, (4, 2), clockwise from the top left; ``None`` where there is none.

    Slides and screen recordings have none: what they show reaches the border of the picture.
    """
    scale = _SIDE / max(luma.shape)
    small = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else luma
    scale = min(scale, 1.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_INK_CLOSING, _INK_CLOSING))
    paper = cv2.morphologyEx(cv2.GaussianBlur(small, (3, 3), 0), cv2.MORPH_CLOSE, kernel)
    tiny = cv2.GaussianBlur(cv2.resize(paper, (32, 32), interpolation=cv2.INTER_AREA), (0, 0), 5.0)
    light = cv2.resize(tiny, (paper.shape[1], paper.shape[0]), interpolation=cv2.INTER_LINEAR)
    even = cv2.divide(paper, light, scale=128)  # a shadow over half the desk is no sheet
    for picture in (paper, np.asarray(even, dtype=np.uint8)):
        quad = _brightest_quad(np.asarray(picture, dtype=np.uint8))
        if quad is not None:
            return np.asarray(quad / scale, dtype=np.float32)
    return None


def rectified(picture: Picture, quad: Quad) -> Picture:
    """The sheet alone, upright, in its own proportions, as large as it was filmed."""
    top, right, bottom, left = (float(np.linalg.norm(quad[index] - quad[(index + 1) % 4])) for index in range(4))
    width, height = max(top, bottom), max(left, right)
    shrink = min(1.0, MAX_SIDE / max(width, height))
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    corners = np.array([(0, 0), (size[0], 0), size, (0, size[1])], dtype=np.float32)
    left_edge, top_edge = (max(int(edge) - 2, 0) for edge in quad.min(axis=0))
    right_edge, bottom_edge = (int(edge) + 3 for edge in quad.max(axis=0))
    matrix = cv2.getPerspectiveTransform((quad - (left_edge, top_edge)).astype(np.float32), corners)
    # OpenCV warps four channels in a quarter of the time that it takes for three
    padded = cv2.cvtColor(picture[top_edge:bottom_edge, left_edge:right_edge], cv2.COLOR_BGR2BGRA)
    straight = cv2.warpPerspective(padded, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(straight, cv2.COLOR_BGRA2BGR), dtype=np.uint8)


def _brightest_quad(grey: Grey) -> Quad | None:
    _, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = grey.shape[0] * grey.shape[1]
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:3]:
        if cv2.contourArea(contour) < _MIN_AREA * whole / 2:
            return None
        hull = cv2.convexHull(contour)
        rough = _four_corners(hull)
        if rough is not None and _reaches_border(rough, grey, 1.0):
            rough = None  # fitted sides do not bring it back into the picture
        quad = None if rough is None else _along_sides(rough, contour.reshape(-1, 2).astype(np.float32))
        if quad is not None and _is_sheet(quad, grey, mask):
            return quad
    return None


def _four_corners(hull: NDArray[np.int32] | cv2.typing.MatLike) -> Quad | None:
    length = cv2.arcLength(hull, True)
    for share in (0.02, 0.03, 0.045, 0.065):
        corners = cv2.approxPolyDP(hull, share * length, True).reshape(-1, 2)
        if len(corners) == 4:
            return _in_order(corners.astype(np.float32))
    return None


def _in_order(corners: Quad) -> Quad:
    """Clockwise on the screen, from the corner nearest to the top left."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    turned = corners[np.argsort(angles)]
    return np.asarray(np.roll(turned, -int(np.argmin(turned.sum(axis=1))), axis=0), dtype=np.float32)


def _along_sides(rough: Quad, outline: NDArray[np.float32]) -> Quad | None:
    """Each side fitted to the outline along its middle part, so that a bent corner or a finger moves nothing."""
    lines = []
    for index in range(4):
        start, end = rough[index], rough[(index + 1) % 4]
        along = end - start
        length = float(np.linalg.norm(along))
        if length < 20:
            return None
        along = along / length
        offsets = outline - start
        place = offsets @ along
        aside = np.abs(offsets[:, 0] * along[1] - offsets[:, 1] * along[0])
        near = outline[(place > 0.1 * length) & (place < 0.9 * length) & (aside < 0.03 * length + 2)]
        if len(near) < 0.25 * length:
            return None
        lines.append(cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01).reshape(-1))
    corners = [_crossing(lines[index - 1], lines[index]) for index in range(4)]
    return None if any(corner is None for corner in corners) else np.array(corners, dtype=np.float32)


def _crossing(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, float] | None:
    (ux, uy, px, py), (vx, vy, qx, qy) = first.tolist(), second.tolist()
    turn = ux * vy - uy * vx
    if abs(turn) < 0.3:
        return None
    along = ((qx - px) * vy - (qy - py) * vx) / turn
    return px + along * ux, py + along * uy


def _reaches_border(quad: Quad, grey: Grey, border: float) -> bool:
    height, width = grey.shape
    return bool((quad < border).any() or (quad[:, 0] > width - border).any() or (quad[:, 1] > height - border).any())


def _is_sheet(quad: Quad, grey: Grey, mask: cv2.typing.MatLike) -> bool:
    height, width = grey.shape
    if _reaches_border(quad, grey, _BORDER * max(width, height)):
        return False
    area = float(cv2.contourArea(quad))
    if not _MIN_AREA <= area / (width * height) <= _MAX_AREA or not cv2.isContourConvex(quad.astype(np.int32)):
        return False
    sides = np.roll(quad, -1, axis=0) - quad
    lengths = np.linalg.norm(sides, axis=1)
    if (lengths[0] + lengths[2]) / (lengths[1] + lengths[3]) > _MAX_ASPECT:
        return False
    if (lengths[1] + lengths[3]) / (lengths[0] + lengths[2]) > _MAX_ASPECT:
        return False
    for index in range(4):
        cosine = float(-(sides[index - 1] @ sides[index]) / (lengths[index - 1] * lengths[index]))
        if not _MIN_ANGLE <= float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) <= _MAX_ANGLE:
            return False
    inside = cv2.fillConvexPoly(np.zeros_like(grey), quad.astype(np.int32), 255)
    ring = cv2.subtract(cv2.dilate(inside, np.ones((11, 11), np.uint8)), inside)
    is_full = float(cv2.mean(mask, mask=inside)[0]) / 255 >= _MIN_FILL
    return is_full and cv2.mean(grey, mask=inside)[0] - cv2.mean(grey, mask=ring)[0] >= _MIN_CONTRAST
