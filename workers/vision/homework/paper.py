"""Ink against the paper it is on: brightness, shadow and the colour of the light cancel out.

Works on pictures of a known scale, ``PX_PER_MM``, so that its sizes are millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

PX_PER_MM: Final = 6.0
"""About 150 dpi: a pencil's line of 0.4 mm is two pixels and more, a page 1260 x 1782."""
COARSE: Final = 4
PAPER_REACH_MM: Final = 7.0
"""What is narrower is ink, what is wider is light: strokes are below 1 mm, a soft shadow's edge above 2 mm."""
COLOUR_SPREAD: Final = 12
"""Grey levels between a pixel's channels; a picture without colours has 0, rounding of JPEG makes up to 4."""
COLOURED_SAMPLES: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """How much darker than its paper each pixel is, (H, W) float32: 0 paper, towards 1 black.

    ``red``: by how much less red light is missing than green and blue, which a red pen does and a pencil does not.
    ``has_colour``: whether there is any colour in the picture at all.
    """

    dark: Floats
    red: Floats
    has_colour: bool


def measure_ink(picture: Picture) -> Ink:
    """The ink of ``picture``, BGR (H, W, 3) or grey (H, W), at ``PX_PER_MM``."""
    if picture.ndim == 2:
        dark = darkness(picture)
        return Ink(dark, np.zeros_like(dark), has_colour=False)
    shares = [darkness(np.ascontiguousarray(picture[:, :, channel])) for channel in range(3)]
    blue, green, red = shares
    dark = np.float32(0.114) * blue + np.float32(0.587) * green + np.float32(0.299) * red
    rosy = np.minimum(green, blue) - red
    sample = picture[::3, ::3].astype(np.int16)
    is_coloured = sample.max(axis=2) - sample.min(axis=2) > COLOUR_SPREAD
    return Ink(dark, rosy.astype(np.float32, copy=False), has_colour=int(is_coloured.sum()) >= COLOURED_SAMPLES)


def darkness(channel: Picture) -> Floats:
    """1 - level / level of the paper around, (H, W) float32, for one channel (H, W)."""
    paper = paper_level(channel)
    share: Floats = (1 - channel / np.maximum(paper, np.float32(12))).astype(np.float32)
    return share


def paper_level(channel: Picture) -> Floats:
    """What each pixel would be without ink, (H, W) float32: strokes filled in, shadows left as they are."""
    height, width = channel.shape
    small = cv2.resize(channel, (max(width // COARSE, 1), max(height // COARSE, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.medianBlur(small, 3)
    reach = round(PAPER_REACH_MM * PX_PER_MM / COARSE) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    filled = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.GaussianBlur(filled, (0, 0), 0.6 * PX_PER_MM / COARSE)
    return cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
