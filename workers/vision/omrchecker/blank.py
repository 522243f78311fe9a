"""A blank sheet of another maker: seen from straight above, and where bubbles are printed on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.omrchecker.page import find_pages

Grey = NDArray[np.uint8]
Box = tuple[float, float, float, float]

LONG_SIDE_PX: Final = 1600
"""Of the flattened page, 137 dpi of A4: a bubble of 2.5 mm is 13 pixels wide."""
MIN_SIDE_PX: Final = 200
ISO_SHAPE: Final = 2**0.5
ISO_TOLERANCE: Final = 0.08
"""A4, B4 and their kin are all of one shape; a photo of them from an angle comes this near to it."""
# Bubbles are 2 to 8 mm on A4, which is 8 to 50 pixels here; letters are filled less than an oval (pi / 4).
MIN_BUBBLE_PX: Final = 8
MAX_BUBBLE_PX: Final = 60
MAX_ASPECT: Final = 4.0
MIN_FILLED: Final = 0.62
ALIKE: Final = 0.2
"""Sizes of one kind of bubble differ by at most this share: print is even, thresholds are not."""
MIN_KIN: Final = 8
"""Fewer of a size are no lattice: the zeros and the o's of a heading."""
MAX_BUBBLES: Final = 4_000
MAX_SHAPES: Final = 8_000
"""That are looked at, the largest first: a page of noise has more."""


@dataclass(frozen=True, slots=True, eq=False)
class BlankSheet:
    """``picture`` grey (H, W), the page and nothing else; ``bubbles`` as (x of the centre, y, width, height) pixels."""

    picture: Grey
    bubbles: tuple[Box, ...]


def flatten_blank(image: Grey, *, is_whole: bool) -> BlankSheet:
    """The page in ``image``, grey (H, W). ``is_whole``: the picture is the page, as in a PDF; else it is looked for."""
    height, width = image.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    if not is_whole:
        page = next(iter(find_pages(image)))
        if page.has_four_edges:
            corners = page.corners
    sides = np.hypot(*(corners - np.roll(corners, -1, axis=0)).T)
    across, down = float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2
    shape = max(across, down) / max(min(across, down), 1.0)
    if abs(shape / ISO_SHAPE - 1) < ISO_TOLERANCE:
        shape = ISO_SHAPE
    long, short = LONG_SIDE_PX, max(round(LONG_SIDE_PX / shape), MIN_SIDE_PX)
    size = (long, short) if across > down else (short, long)
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], dtype=np.float32)
    source, shrink = image, 1.0
    while max(across, down) * shrink > 2 * LONG_SIDE_PX:
        source, shrink = np.asarray(cv2.pyrDown(source), dtype=np.uint8), shrink / 2
    way = cv2.getPerspectiveTransform((corners * shrink).astype(np.float32), target)
    picture = np.asarray(
        cv2.warpPerspective(source, way, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )
    return BlankSheet(picture, find_bubbles(picture))


def find_bubbles(picture: Grey) -> tuple[Box, ...]:
    """Closed shapes of the size of a bubble of which there are many alike, from the top, at most ``MAX_BUBBLES``."""
    dark = cv2.adaptiveThreshold(picture, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 9)
    # Outer outlines at any depth: a frame round a block does not hide the bubbles in it.
    contours, tree = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    nodes = tree[0] if len(contours) else ()
    outer = [contour for contour, node in zip(contours, nodes, strict=True) if node[3] < 0]
    found = [box for contour in outer if (box := _bubble(contour)) is not None]
    found = sorted(set(found), key=lambda box: -box[2] * box[3])[:MAX_SHAPES]
    return _without_contents(_alike(found))


def _bubble(contour: cv2.typing.MatLike) -> Box | None:
    left, top, width, height = cv2.boundingRect(contour)
    if not (min(width, height) >= MIN_BUBBLE_PX and max(width, height) <= MAX_BUBBLE_PX):
        return None
    if max(width, height) > MAX_ASPECT * min(width, height):
        return None
    if cv2.contourArea(contour) < MIN_FILLED * width * height:
        return None
    return (left + width / 2, top + height / 2, float(width), float(height))


def _alike(boxes: list[Box]) -> list[Box]:
    """Those of a size that many have."""
    sizes = np.array([box[2:] for box in boxes]).reshape(-1, 2)
    kin = np.array([(np.abs(sizes / size - 1) < ALIKE).all(axis=1).sum() for size in sizes])
    return [box for box, count in zip(boxes, kin, strict=True) if count >= MIN_KIN]


def _without_contents(boxes: list[Box]) -> tuple[Box, ...]:
    """``boxes``, the largest first, without the digits that are printed inside of others; from the top."""
    kept: list[Box] = []
    for box in boxes:
        near = np.array(kept).reshape(-1, 4)
        is_inside = (np.abs(near[:, :2] - box[:2]) * 2 < near[:, 2:]).all(axis=1)
        if not is_inside.any():
            kept.append(box)
            if len(kept) == MAX_BUBBLES:
                break
    return tuple(sorted(kept, key=lambda box: (box[1], box[0])))
