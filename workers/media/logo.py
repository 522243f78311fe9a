"""The logo of an academy: any picture in, two small PNGs on white paper out."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import FULL_SIZE_LIMITS, decode_colour, probe_image

LOGO_PX: Final = (720, 240)
"""At most so wide and high: 9 mm on paper at 600 dpi, three times what a log-in page shows."""
ICON_PX: Final = 512
"""What phones ask of an app's icon."""
ICON_MARGIN: Final = 0.12
"""Of the icon's side: phones cut its corners round."""
PAPER: Final = 250
"""Darker than this is drawn: JPEG leaves a little noise on white."""


def draw_logo(data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture ``data`` without its white margins, and the same in a white square; BGR both.

    Raises ``BrokenMedia``, also for what shows nothing on white.
    """
    probe_image(data)  # a PDF is no picture
    image = decode_colour(data, limits=FULL_SIZE_LIMITS)
    rows, columns = np.nonzero(image.min(axis=2) < PAPER)
    if not rows.size:
        raise BrokenMedia(
            MediaProblem.BLANK_LOGO,
            "Nothing of this picture can be seen on white. Please choose one in a darker colour.",
        )
    image = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = round(ICON_PX * (1 - 2 * ICON_MARGIN))
    small = _within(image, side, side)
    icon = np.full((ICON_PX, ICON_PX, 3), 255, np.uint8)
    height, width = small.shape[:2]
    top, left = (ICON_PX - height) // 2, (ICON_PX - width) // 2
    icon[top : top + height, left : left + width] = small
    return _within(image, *LOGO_PX), icon


def _within(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """``image`` as large as fits, never larger than it is."""
    factor = min(width / image.shape[1], height / image.shape[0], 1.0)
    size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
