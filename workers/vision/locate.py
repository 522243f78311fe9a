"""Finding a page in a picture: markers, code, and the proof that the print is where it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.layout import Layout
from sheets.payload import PagePayload, parse_payload
from sheets.reading import UnreadableReason, UnreadableSheet
from workers.vision.alignment import Alignment, align, match_ghosts
from workers.vision.markers import (
    Candidate,
    Hypothesis,
    MarkerFit,
    find_candidates,
    four_corner_hypotheses,
    measure_marker,
    reduce_image,
    three_corner_hypotheses,
    thumbnails,
)
from workers.vision.page_code import SeenCode, find_code, read_code_at
from workers.vision.plan import PagePlan, plan_page
from workers.vision.three_corners import align_widely, guess_from_three

GreyImage = NDArray[np.uint8]
Doubles = NDArray[np.float64]

MIN_LONG_SIDE: Final = 500
"""A4 at 500 pixels is 1.7 pixels per mm: a bubble's outline is gone and so is the proof of the alignment."""
WORKING_LONG_SIDE: Final = 2600
"""Larger pictures are halved: bubbles need 4 pixels per mm, and halving averages a scan's dither away."""
MAX_TRIES: Final = 6
MAX_GUESSES: Final = 20
MIN_CORNERS: Final = 3
"""With two corners hidden answers usually are too, and what is covered white reads as blank."""
MIN_AGREEMENT: Final = 0.4
"""Of the printed outlines: true alignments of generated pictures have 0.55 to 0.9, false ones up to 0.3."""
MIN_BLOCK_MATCH: Final = 0.45
"""A block of bubbles whose print is not there is covered, glaring or torn."""
MIN_BLOCK_BUBBLES: Final = 8
MAX_GHOST_MATCH: Final = 0.45
"""Of an outline where none is printed: beside a true alignment there are letters and lines, up to 0.35."""
MIN_COVERAGE: Final = 0.6
MIN_UNPROVED_COVERAGE: Final = 0.8
"""Where a corner or the code is missing, more of the print has to be there."""
MAX_CODE_MISS_MM: Final = 2.0
SURE_COVERAGE: Final = 0.9
"""Share of the bubbles whose print was found; below the second every other guess at the corners is tried as well."""
MAX_DRIFT_MM: Final = 1.0
"""Four true corners leave less to bend and curl; more, and the ghosts are asked."""
MIN_CONTRAST: Final = 25.0
DARK_LEVEL: Final = 60.0
BLURRED_STEP: Final = 0.16
"""The steepest steps of a sharp page are half its contrast and more; below this no letter can be read."""


@dataclass(frozen=True, slots=True, eq=False)
class LocatedPage:
    """A page found in a picture: the picture it was found in, how it lies, what its code says.

    ``is_trusted`` (N,): for each bubble whether the print of its block was found. ``coverage``: the share of them.
    ``factor``: how many pixels of the picture handed in became one of ``image``.
    """

    image: GreyImage
    plan: PagePlan
    page: int
    payload: PagePayload | None
    alignment: Alignment
    is_trusted: NDArray[np.bool_]
    factor: int = 1

    @property
    def coverage(self) -> float:
        return float(self.is_trusted.mean())


def locate_page(image: GreyImage, layout: Layout) -> LocatedPage:
    """Find the page in ``image`` (H, W) and lay the layout over it. Raises :class:`UnreadableSheet`."""
    _check_picture(image)
    factor = working_factor(image)
    return replace(_locate_working(reduce_image(image, factor), layout), factor=factor)


def _locate_working(working: GreyImage, layout: Layout) -> LocatedPage:
    best: LocatedPage | None = None
    candidates: Sequence[Candidate] = ()
    step = 1
    for small, step in thumbnails(working):
        candidates = find_candidates(small)
        for located in _with_four_corners(working, layout, candidates, step):
            best = _better(best, located)
            if best.coverage >= SURE_COVERAGE:
                return best
    code = find_code(working)
    payload = _payload(code, layout)
    for located in _with_three_corners(working, layout, candidates, step, code):
        best = _better(best, located)
        if best.coverage >= SURE_COVERAGE:
            return best
    if best is None:
        raise _why_not(working, payload is not None)
    return best


def working_factor(image: GreyImage) -> int:
    """How many pixels of ``image`` (H, W) or (H, W, 3) become one before reading."""
    long_side: int = max(image.shape[:2])
    return max(1, -(-long_side // WORKING_LONG_SIDE))


def _better(one: LocatedPage | None, other: LocatedPage) -> LocatedPage:
    if one is None or other.coverage > one.coverage + 0.02:
        return other
    return one


def _with_four_corners(
    image: GreyImage, layout: Layout, candidates: Sequence[Candidate], step: int
) -> Iterator[LocatedPage]:
    markers = np.array(layout.markers.centres, np.float64)
    tries = 0
    for hypothesis in four_corner_hypotheses(candidates, markers, layout.markers.size_mm, layout.markers.hole_mm):
        fits = _measure_corners(image, hypothesis, step, layout)
        places = np.array([(fit.x, fit.y) for fit in fits if fit is not None], np.float32)
        if len(places) < 4 or tries == MAX_TRIES:
            continue
        tries += 1
        homography = cv2.getPerspectiveTransform(markers.astype(np.float32), places).astype(np.float64)
        code = read_code_at(image, homography, layout.code)
        page = _page_number(_payload(code, layout), layout)
        if page is not None:
            plan = plan_page(layout, page)
            alignment = align(image, plan, homography, fits)
            located = _prove(image, layout, plan, page, code, alignment)
            if located is not None:
                yield located
            if alignment.agreement >= MIN_AGREEMENT and (located is None or located.coverage < SURE_COVERAGE):
                # much is right: let the print that was found overrule a corner that was not
                wider = align_widely(image, plan, homography, fits, _pairs(layout, code))
                located = None if wider is None else _prove(image, layout, plan, page, code, wider)
                if located is not None:
                    yield located


def _with_three_corners(
    image: GreyImage,
    layout: Layout,
    candidates: Sequence[Candidate],
    step: int,
    code: SeenCode | None,
) -> Iterator[LocatedPage]:
    markers = np.array(layout.markers.centres, np.float64)
    page = _page_number(_payload(code, layout), layout)
    if page is None:
        return
    plan = plan_page(layout, page)
    pairs = _pairs(layout, code)
    triples = three_corner_hypotheses(candidates, markers, layout.markers.size_mm, layout.markers.hole_mm)
    shape = (image.shape[0], image.shape[1])
    for guess in guess_from_three(triples, shape, markers, layout.markers.size_mm, step, pairs)[:MAX_GUESSES]:
        fits = _measure_corners(image, guess.corners, step, layout)
        if sum(fit is not None for fit in fits) < 3:
            continue
        alignment = align_widely(image, plan, guess.homography, fits, pairs)
        located = None if alignment is None else _prove(image, layout, plan, page, code, alignment)
        if located is not None:
            yield located


def _prove(
    image: GreyImage, layout: Layout, plan: PagePlan, page: int, code: SeenCode | None, alignment: Alignment
) -> LocatedPage | None:
    """The page under ``alignment`` if its print is there and nowhere else, each bubble trusted or not; else None."""
    if alignment.agreement < MIN_AGREEMENT or sum(marker is not None for marker in alignment.markers) < MIN_CORNERS:
        return None
    if code is not None and _code_is_off(layout, plan, code, alignment):
        return None
    has_print = alignment.matches >= MIN_BLOCK_MATCH
    has_four = all(marker is not None for marker in alignment.markers)
    if not has_four or alignment.drift_mm(plan) > MAX_DRIFT_MM:
        has_print &= match_ghosts(image, plan, alignment) < MAX_GHOST_MATCH
    trusted = np.ones(len(plan.centres), np.bool_)
    for block, is_printed in zip(plan.blocks, has_print, strict=True):
        if not is_printed and (len(block) >= MIN_BLOCK_BUBBLES or len(plan.blocks) < 4):
            trusted[block] = False
    located = LocatedPage(image, plan, page, _payload(code, layout), alignment, trusted)
    needed = MIN_COVERAGE if has_four and code is not None else MIN_UNPROVED_COVERAGE
    return located if located.coverage >= needed else None


def _pairs(layout: Layout, code: SeenCode | None) -> tuple[Doubles, Doubles] | None:
    """The code's corners in mm and in pixels, both (4, 2)."""
    return None if code is None else (np.array(layout.code.corners, np.float64), code.corners)


def _code_is_off(layout: Layout, plan: PagePlan, code: SeenCode, alignment: Alignment) -> bool:
    corners = np.array(layout.code.corners, np.float64)
    miss = alignment.place(corners, plan) - code.corners
    pixels_per_mm = float(np.hypot(*(code.corners[2] - code.corners[0]))) / float(np.hypot(*(corners[2] - corners[0])))
    return float(np.hypot(miss[:, 0], miss[:, 1]).mean()) > MAX_CODE_MISS_MM * pixels_per_mm


def _check_picture(image: GreyImage) -> None:
    if image.ndim != 2 or image.dtype != np.dtype(np.uint8) or image.size == 0:
        raise UnreadableSheet(
            UnreadableReason.NOT_A_PICTURE, "This is not a picture. Hand in a photo or a scan of the sheet."
        )
    if max(image.shape) < MIN_LONG_SIDE or min(image.shape) < MIN_LONG_SIDE // 3:
        raise UnreadableSheet(
            UnreadableReason.NO_SHEET, "The picture is too small to read. Hand in the original photo, not a preview."
        )


def _measure_corners(
    image: GreyImage, hypothesis: Hypothesis, step: int, layout: Layout
) -> tuple[MarkerFit | None, ...]:
    size, hole = layout.markers.size_mm, layout.markers.hole_mm
    fits: list[MarkerFit | None] = []
    for index, corner in enumerate(hypothesis.corners):
        if corner is None:
            fits.append(None)
            continue
        share = 1.0 if index else 1 - (hole / size) ** 2
        x, y = (corner.x + 0.5) * step - 0.5, (corner.y + 0.5) * step - 0.5
        fits.append(measure_marker(image, x, y, corner.side * step, share))
    return tuple(fits)


def _page_number(payload: PagePayload | None, layout: Layout) -> int | None:
    """The page the code names; without a code only a sheet of one page is known."""
    if payload is not None:
        return payload.page
    return 1 if len(layout.pages) == 1 else None


def _payload(code: SeenCode | None, layout: Layout) -> PagePayload | None:
    """The code's content, None without one. Raises :class:`UnreadableSheet` for another sheet's code."""
    if code is None:
        return None
    try:
        payload = parse_payload(code.text)
    except ValueError:
        payload = None
    if payload is None or payload.fingerprint != layout.fingerprint or payload.page > len(layout.pages):
        raise UnreadableSheet(
            UnreadableReason.OTHER_SHEET, "This is another answer sheet. Check that it belongs to this exam."
        )
    return payload


def _why_not(image: GreyImage, has_code: bool) -> UnreadableSheet:
    """The likeliest reason why no page was found, for the person who took the picture."""
    dark, bright = (float(value) for value in np.percentile(image[::8, ::8], [2, 98]))
    if bright < DARK_LEVEL:
        return UnreadableSheet(UnreadableReason.TOO_DARK, "The picture is too dark. Turn on a light and try again.")
    if has_code:
        return UnreadableSheet(
            UnreadableReason.CORNER_MISSING,
            "Corners of the sheet are hidden. Lay it flat so that all four black squares are in the picture.",
        )
    if bright - dark >= MIN_CONTRAST:
        steps = np.abs(np.diff(image[::4].astype(np.int16), axis=1))
        if float(np.quantile(steps, 0.998)) < BLURRED_STEP * (bright - dark):
            return UnreadableSheet(
                UnreadableReason.BLURRED,
                "The picture is blurred. Hold the phone still, tap the sheet to focus and retry.",
            )
    return UnreadableSheet(
        UnreadableReason.NO_SHEET,
        "No answer sheet was found. Photograph the whole sheet from above, with all four black squares in the picture.",
    )
