"""Whether two small grey pictures show the same page, under hand shake, other light, and a hand over the page.

Brightness says nothing: under room light it moves more than ink does. Compared is the local contrast, block by block,
after the shift between the pictures is taken out. A hand hides ink; another page has other ink in the same places.
Only blocks with ink in *both* pictures can tell the two apart. The edges of the picture count less and less: a page
is filmed in the middle, and round it lies a desk that stays when the page is turned.

Almost every comparison is of two moments of one page, or of pages that have nothing in common, and for that a quarter
of the pixels is enough: as they lie, then shifted by what half of that size tells. Only what is not plain there is
compared at the whole size, likewise in two steps (five films, seed 1: of one page .12 differs at the 90th percentile,
of two pages .37 at least). What a comparison needs of a picture is worked out once, when it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import floor
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Detail = NDArray[np.float32]
Blocks = NDArray[np.bool_]
Shift = tuple[float, float]

BLOCK: Final = 20
"""Pixels of a sample, 480 on its long side: about two lines of handwriting on a filmed notebook."""
_DETAIL_SIGMA: Final = 8.0
_BLUR_SIGMA: Final = 2.0
"""The neighbourhood's brightness is blurred where this is its sigma: the same to 0.01, at a tenth of the time."""
_INK: Final = 0.055
"""Standard deviation of the local contrast (natural logarithm of brightness) from which a block holds ink."""
_INK_AT_HALF: Final = 0.036
"""The same where lines are half as wide: the same share of the blocks holds ink."""
_SAME_BLOCK: Final = 0.5
"""Same page >= .65, other page <= .49 (measured after alignment)."""
MAX_CHANGED: Final = 0.32
"""Share of the blocks with ink in both that may differ between two pictures of one page."""
MAX_LOST: Final = 0.6
"""Share of the first picture's ink that may be gone: a hand hides less."""
MAX_GAINED: Final = 0.7
"""Share of the second picture's ink that may be new: more is no line added, the first was next to empty."""
MIN_SHARED_BLOCKS: Final = 6
_CLEAR_CHANGED: Final = 0.08
_CLEAR_LOST: Final = 0.15
"""Up to here looking closer could only find the two more alike."""
_SURE_CHANGED: Final = 0.1
_SURE_LOST: Final = 0.45
"""One page, seen at half the size, though a hand hides some: of two worksheets of one layout .15 differs (16 films)."""
_OTHER_AT_HALF: Final = 0.4
"""Two pages at every size, or nobody could tell; of one page .16 differs there at the 90th percentile."""
_HOPELESS_CHANGED: Final = 0.85
_HOPELESS_AT_HALF: Final = 0.7
"""From here a pixel to the side makes no other page the same."""
_MAX_SHIFT: Final = 0.15
"""Of the width. No hand shakes that far between two samples: such pictures have nothing in common."""
_STILL_PIXELS: Final = 0.12
_SHIFTS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))

UNMOVED_LEVELS, UNMOVED_SHARE = 6, 0.001
"""Grey levels that coding alone may change; share of the pixels that may change by more: a pointer has .0006."""
MIN_UNMOVED_BLOCKS: Final = 24
"""With ink; on an emptier picture so few pixels may be all there is."""

_LOGARITHM: Final = np.log(np.arange(256, dtype=np.float32) + 8.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second picture differs from a first.

    ``changed``: share of the blocks with ink in both that differ; ``lost``: of the first's ink that is not in the
    second; ``gained``: of the second's that is not in the first. ``agrees``: blocks where the first's ink is there.
    """

    changed: float
    lost: float
    gained: float
    shared_blocks: int
    agrees: Blocks

    @property
    def is_same_page(self) -> bool:
        """The first is still there, whatever has been added: a slide that is built up, a page that is written on."""
        return self.lost <= MAX_LOST and (self.shared_blocks < MIN_SHARED_BLOCKS or self.changed <= MAX_CHANGED)

    @property
    def is_same_sheet(self) -> bool:
        """As ``is_same_page``, for moments far apart: an empty page is not the page that is shown later."""
        return self.is_same_page and self.gained <= MAX_GAINED

    @property
    def is_clear(self) -> bool:
        """One page beyond doubt."""
        return self.is_same_page and self.changed <= _CLEAR_CHANGED and self.lost <= _CLEAR_LOST

    @property
    def is_sure(self) -> bool:
        """One page, though a hand may hide some of it."""
        return self.is_same_page and self.changed <= _SURE_CHANGED and self.lost <= _SURE_LOST


class Layer:
    """The local contrast of a picture at one size, fading towards the edges, and its statistics by blocks."""

    __slots__ = ("block", "detail", "deviations", "half", "ink", "is_half", "least_ink", "means")

    def __init__(self, detail: Detail, *, is_half: bool) -> None:
        self.is_half = is_half
        self.block, self.least_ink = (BLOCK // 2, _INK_AT_HALF) if is_half else (BLOCK, _INK)
        self.detail = detail
        size = (detail.shape[1] // 2, detail.shape[0] // 2)
        self.half: Detail = np.asarray(cv2.resize(detail, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        self.means, self.deviations = _statistics(detail, self.block)
        self.ink: Blocks = self.deviations > self.least_ink

    @classmethod
    def of(cls, luma: Grey, *, is_half: bool) -> Layer:
        if is_half:
            size = (max(luma.shape[1] // 2, 1), max(luma.shape[0] // 2, 1))
            luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        detail = cv2.multiply(detail_of(luma, _DETAIL_SIGMA / (2 if is_half else 1)), _fading(luma.shape))
        return cls(np.asarray(detail, dtype=np.float32), is_half=is_half)


class Look:
    """A small grey picture with what comparisons need of it, at half and at the whole of its size."""

    def __init__(self, luma: Grey) -> None:
        self.luma = luma

    @cached_property
    def half(self) -> Layer:
        return Layer.of(self.luma, is_half=True)

    @cached_property
    def whole(self) -> Layer:
        return Layer.of(self.luma, is_half=False)

    @property
    def ink(self) -> Blocks:
        """The blocks that hold ink."""
        return self.half.ink


def detail_of(luma: Grey, sigma: float) -> Detail:
    """Local contrast: the logarithm of brightness less its neighbourhood's; light and exposure cancel out."""
    light = cv2.LUT(luma, _LOGARITHM)
    height, width = light.shape
    shrink = max(round(sigma / _BLUR_SIGMA), 1)
    small = (max(width // shrink, 1), max(height // shrink, 1))
    blurred = cv2.GaussianBlur(cv2.resize(light, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / shrink)
    return np.asarray(
        cv2.subtract(light, cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)), dtype=np.float32
    )


def compare(first: Look, second: Look) -> Comparison:
    """How two pictures of one size differ."""
    found, shift = _compare_at_half(first.half, second.half)
    if found.is_sure or found.changed > _OTHER_AT_HALF:
        return found
    found = compare_aligned(first.whole, _shifted(second.whole, (2 * shift[0], 2 * shift[1])))
    if found.is_same_sheet:
        return found
    return compare_aligned(first.whole, _shifted(second.whole, _shift_between(first.whole.detail, second.whole.detail)))


def is_unmoved(first: Look, luma: Grey) -> bool:
    """Whether ``luma`` is the first picture again, but for a pointer: a slide, a screen. A camera is never so still."""
    if int(first.ink.sum()) < MIN_UNMOVED_BLOCKS:
        return False
    # a few lines first: of two moments that a camera took they differ
    return all(_unlike(first.luma[::step], luma[::step]) <= UNMOVED_SHARE * luma.size for step in (16, 1))


def _unlike(first: Grey, second: Grey) -> int:
    """Pixels that differ by more than coding does."""
    apart = cv2.threshold(cv2.absdiff(first, second), UNMOVED_LEVELS, 255, cv2.THRESH_BINARY)[1]
    return cv2.countNonZero(apart)


def agreeing_blocks(first: Look, second: Look) -> Blocks:
    """Where the first's ink is there in the second, seen at half the size."""
    if first is second:
        return first.ink
    return _compare_at_half(first.half, second.half)[0].agrees


def is_same_at_a_glance(first: Look, second: Look) -> bool:
    """Whether the two are one page beyond doubt, as they lie or nearly so: looked at quickly, for many comparisons."""
    one, other = first.half, second.half
    found = _compare_once(one, other.detail, other.means, other.deviations)
    if not found.is_sure:
        dx, dy = _shift_between(one.half, other.half)
        found = compare_aligned(one, _shifted(other, (2 * dx, 2 * dy)))
    return found.is_sure and found.is_same_sheet


def _compare_at_half(first: Layer, second: Layer) -> tuple[Comparison, Shift]:
    """What half the size says, and the shift between the two there."""
    found, shift = _compare_once(first, second.detail, second.means, second.deviations), (0.0, 0.0)
    if not found.is_sure:
        apart = _shift_between(first.detail, second.detail)
        moved = compare_aligned(first, _shifted(second, apart))
        if moved.changed <= found.changed:
            found, shift = moved, apart
    return found, shift


def _shift_between(first: Detail, second: Detail) -> Shift:
    """By phase correlation; none where it is further than a hand shakes."""
    # It is given no window, which it would write into its arguments; they are faded as they are.
    (dx, dy), _ = cv2.phaseCorrelate(first, second)
    is_far = max(abs(dx), abs(dy)) > _MAX_SHIFT * first.shape[1]
    return (0.0, 0.0) if is_far else (dx, dy)


def _shifted(layer: Layer, shift: Shift) -> Detail:
    if max(map(abs, shift)) <= _STILL_PIXELS:
        return layer.detail
    # four pictures laid over each other, a pixel apart: a quarter of the time of warping
    height, width = layer.detail.shape
    (left, right), (top, bottom) = ((floor(far), far - floor(far)) for far in shift)
    beyond_x, beyond_y = abs(left) + 1, abs(top) + 1
    wide = cv2.copyMakeBorder(layer.detail, beyond_y, beyond_y, beyond_x, beyond_x, cv2.BORDER_CONSTANT)
    x, y = beyond_x + left, beyond_y + top
    rows = wide[y : y + height + 1]
    across = cv2.addWeighted(rows[:, x : x + width], 1 - right, rows[:, x + 1 : x + 1 + width], right, 0)
    return np.asarray(cv2.addWeighted(across[:-1], 1 - bottom, across[1:], bottom, 0), dtype=np.float32)


def compare_aligned(first: Layer, second: Detail) -> Comparison:
    """As :func:`compare`, for a second picture that lies on the first but for a pixel."""
    means, deviations = _statistics(second, first.block)
    is_same, ink = _is_same(first, second, means, deviations), deviations > first.least_ink
    found = _judge(first.ink, ink, is_same)
    if first.is_half:
        if found.is_sure or found.changed >= _HOPELESS_AT_HALF:
            return found
    elif found.is_clear or found.changed >= _HOPELESS_CHANGED:
        return found
    height, width = second.shape
    around = cv2.copyMakeBorder(second, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    for dx, dy in _SHIFTS:
        moved = np.asarray(around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width], dtype=np.float32)
        is_same |= _is_same(first, moved, means, deviations)  # a pixel to the side a block's own figures are the same
    return _judge(first.ink, ink, is_same)


def ink_share(look: Look) -> float:
    """Share of the blocks that hold ink."""
    return float(look.ink.mean())


def _compare_once(first: Layer, second: Detail, means: Detail, deviations: Detail) -> Comparison:
    return _judge(first.ink, deviations > first.least_ink, _is_same(first, second, means, deviations))


def _is_same(first: Layer, second: Detail, means: Detail, deviations: Detail) -> Blocks:
    """Per block whether the two correlate."""
    shared = _means(cv2.multiply(first.detail, second), first.block) - first.means * means
    return np.asarray(shared >= _SAME_BLOCK * first.deviations * deviations)


def _judge(ink_first: Blocks, ink_second: Blocks, is_same: Blocks) -> Comparison:
    both = ink_first & ink_second
    agrees = both & is_same
    shared_blocks, agreeing = int(both.sum()), int(agrees.sum())
    ink_blocks, other_ink_blocks = int(ink_first.sum()), int(ink_second.sum())
    return Comparison(
        changed=(shared_blocks - agreeing) / shared_blocks if shared_blocks else 0.0,
        lost=(ink_blocks - agreeing) / ink_blocks if ink_blocks else 0.0,
        gained=(other_ink_blocks - agreeing) / other_ink_blocks if other_ink_blocks else 0.0,
        shared_blocks=shared_blocks,
        agrees=agrees,
    )


@lru_cache(maxsize=4)
def _fading(shape: tuple[int, int]) -> Detail:
    """Hann's window, squared."""
    window = cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F)
    return np.asarray(cv2.multiply(window, window), dtype=np.float32)


def _means(values: NDArray[np.float32] | cv2.typing.MatLike, block: int) -> Detail:
    rows, columns = values.shape[0] // block, values.shape[1] // block
    whole = values[: rows * block, : columns * block]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _statistics(values: Detail, block: int) -> tuple[Detail, Detail]:
    """Mean and standard deviation of each block."""
    means = _means(values, block)
    squares = _means(cv2.multiply(values, values), block)
    return means, np.asarray(np.sqrt(np.maximum(squares - means * means, 0)), dtype=np.float32)
