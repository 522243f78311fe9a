"""Reading the printed QR code of a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from sheets.layout import Box

GreyImage = NDArray[np.uint8]
Doubles = NDArray[np.float64]

QUIET_MM: Final = 4.0
RECTIFIED_PIXELS_PER_MM: Final = 9.0
_FORMATS: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


@dataclass(frozen=True, slots=True, eq=False)
class SeenCode:
    """A code read from a picture: its text, and its ``corners`` (4, 2) in pixels, clockwise from its own top left."""

    text: str
    corners: Doubles


def read_code_at(image: GreyImage, homography: Doubles, box: Box) -> SeenCode | None:
    """The code printed at ``box``, or None. ``homography`` (3, 3) leads from mm to pixels of ``image``.

    First as it lies in the picture; if that fails, straightened and enlarged, which helps small and tilted codes.
    """
    left, top = box.x_mm - QUIET_MM, box.y_mm - QUIET_MM
    side = max(box.width_mm, box.height_mm) + 2 * QUIET_MM
    corners = np.array([[[left, top], [left + side, top], [left + side, top + side], [left, top + side]]])
    seen = cv2.perspectiveTransform(corners, homography)[0]
    x0, y0 = (max(0, math.floor(value)) for value in seen.min(axis=0))
    x1, y1 = (math.ceil(value) + 1 for value in seen.max(axis=0))
    crop = image[y0:y1, x0:x1]
    if min(crop.shape, default=0) < 20:
        return None
    found = find_code(crop)
    if found is not None:
        return SeenCode(found.text, found.corners + np.array([x0, y0], np.float64))
    pixels = round(side * RECTIFIED_PIXELS_PER_MM)
    scale = RECTIFIED_PIXELS_PER_MM
    to_picture = homography @ np.array([[1 / scale, 0, left], [0, 1 / scale, top], [0, 0, 1]])
    straight = cv2.warpPerspective(
        image,
        to_picture,
        (pixels, pixels),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    soft = cv2.GaussianBlur(straight, (0, 0), 3.0)
    sharp = cv2.addWeighted(straight, 2.2, soft, -1.2, 0).astype(np.uint8, copy=False)
    found = find_code(sharp)
    if found is None:
        return None
    return SeenCode(found.text, cv2.perspectiveTransform(found.corners[None], to_picture)[0].astype(np.float64))


def find_code(image: GreyImage) -> SeenCode | None:
    """The first QR code anywhere in ``image`` (H, W), or None."""
    found = zxingcpp.read_barcodes(np.ascontiguousarray(image), formats=_FORMATS)
    if not found:
        return None
    place = found[0].position
    corners = [place.top_left, place.top_right, place.bottom_right, place.bottom_left]
    return SeenCode(found[0].text, np.array([(corner.x, corner.y) for corner in corners], np.float64))
