"""One page of another maker's sheet: picture and template in, reading out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.reading import FieldReading, FieldStatus, SheetReading, UnreadableReason, UnreadableSheet
from sheets.template import FieldBlock, OutputField, Template
from workers.vision.omrchecker.corner_marks import find_markers
from workers.vision.omrchecker.lattice import Placement, place_bubbles
from workers.vision.omrchecker.marks import MIN_BLOCK_TRUST, Decision, decide, measure_ink
from workers.vision.omrchecker.page import Page, find_pages
from workers.vision.omrchecker.trust import PRINT_THERE

Floats = NDArray[np.float64]

MIN_SIDE_PX: Final = 64
MAX_SIDE_PX: Final = 30_000
# Share of the bubbles that are seen where they should be. Right place: .89 (bubbles of 8 pixels, heavy noise)
# to 1; another sheet, or this one turned: up to .88.
SURE_COVERAGE: Final = 0.97
MIN_COVERAGE: Final = 0.87
# How much darker the print is (``Placement.contrast``): .04 to .13 in the samples, .013 in their worst photo. Few
# bubbles can agree by chance where there is next to nothing: .018 on a white desk.
MIN_COVERAGE_OF_FEW: Final = 0.95
MIN_CONTRAST: Final = 0.011
MIN_CONTRAST_OF_FEW: Final = 0.03
FEW_BUBBLES: Final = 100
PAGES_TO_TURN: Final = 2
RIVAL_FIT: Final = 0.95
# Sheets cut off by the picture's border: those misread .33 and more, those read right 0 to .29. A scan is all page.
MAX_SLIP_OF_UNSURE_OUTLINE: Final = 0.3
DARK_PAPER_LEVEL: Final = 30
MIN_PICTURE_CONTRAST: Final = 25
BLURRED_SHARPNESS: Final = 0.08
UNCLEAR: Final = "?"


def read_template_sheet(image: NDArray[np.uint8], template: Template) -> SheetReading:
    """The answers on ``image``, grey (H, W) uint8, a photo or scan of the sheet that ``template`` describes.

    Fields are the template's output labels in OMRChecker's order; a custom label joins its parts into one string, where
    an unclear place is ``?`` and a blank one the template's ``emptyValue``. ``student_number`` is always ``None``.
    Raises ``UnreadableSheet``: NOT_A_PICTURE, TOO_LARGE, NO_SHEET, CORNER_MISSING, OTHER_SHEET, TOO_DARK or BLURRED.
    """
    placement, corners = locate(image, template)
    decisions = decide(template, measure_ink(image, template, placement), placement)
    block_of = {label: block for block in template.blocks for label in block.labels}
    return SheetReading(
        layout_fingerprint=template.fingerprint,
        sheet_id=None,
        page=1,
        fields=tuple(_reported(output, decisions, block_of) for output in template.outputs),
        student_number=None,
        corners_found=corners,
        rotation_degrees=_rotation(placement.to_image, template.page_size),
        sharpness=_sharpness(image, placement),
    )


def locate(image: NDArray[np.uint8], template: Template) -> tuple[Placement, int]:
    """Where the bubbles are, and how many corners or markers that rests on. Raises ``UnreadableSheet``.

    A sheet photographed upside down or sideways is found too, at the price of a second look.
    """
    _check(image)
    pages: Iterable[Page] = find_pages(image)
    if not template.is_cropped_to_page and template.marker is None:
        height, width = image.shape
        whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
        pages = [Page(whole, has_four_edges=False, is_whole=True)]
    found: list[tuple[Placement, int]] = []
    is_any_corner_seen = False
    for rank, page in enumerate(pages):
        here = _best_turn(image, template, page, turns=4 if rank < PAGES_TO_TURN else 1)
        is_any_corner_seen |= here is not None
        if here is None or not _is_found(here[0]):
            continue
        is_outline_sure = here[1] == 4 and (template.marker is not None or page.has_four_edges)
        is_scan = page.is_whole and template.marker is None
        has_slipped = here[0].slip > MAX_SLIP_OF_UNSURE_OUTLINE and not is_scan
        is_doubtful = has_slipped or here[0].block_trust.min() < MIN_BLOCK_TRUST
        if is_doubtful and not is_outline_sure:
            # Some bubbles may be a row off, and no outline says that the others are not.
            here = (replace(here[0], block_trust=np.zeros_like(here[0].block_trust)), here[1])
        found.append(here)
        if page.has_four_edges or template.marker is not None:
            break
    if not is_any_corner_seen:
        raise _nothing_found(image, UnreadableReason.CORNER_MISSING)
    if not found:
        raise _nothing_found(image, UnreadableReason.OTHER_SHEET)
    return _best_of(found)


def _best_of(found: list[tuple[Placement, int]]) -> tuple[Placement, int]:
    """The placement that fits best, distrusted when another that puts the bubbles elsewhere fits nearly as well.

    A lattice of bubbles looks the same one row further on. An outline with four visible edges settles that, so that
    there is but one placement to choose from; on a page that fills the picture several boxes may pass for the page.
    """
    best, corners = max(found, key=lambda entry: _fit(entry[0]))
    reach = 0.6 * float(np.median(np.abs(best.axes).sum(axis=2).max(axis=1)))
    for other, _ in found:
        distance = np.hypot(*(other.centres - best.centres).T)
        if _fit(other) > RIVAL_FIT * _fit(best) and float((distance > reach).mean()) > 0.05:
            return replace(best, block_trust=np.zeros_like(best.block_trust)), corners
    return best, corners


def _best_turn(image: NDArray[np.uint8], template: Template, page: Page, turns: int) -> tuple[Placement, int] | None:
    """The best placement on ``page`` of up to ``turns`` quarter turns; ``None`` when its markers are not there."""
    corners, found = page.corners, _corners_inside(page.corners, image.shape)
    if template.marker is not None:
        markers = find_markers(image, page.corners, template.marker)
        if markers is None:
            return None
        corners, found = markers.corners, markers.found
    best: Placement | None = None
    for turn in _likely_turns(corners, template.page_size)[:turns]:
        placement = place_bubbles(image, template, _homography(template.page_size, np.roll(corners, -turn, axis=0)))
        if best is None or _fit(placement) > _fit(best):
            best = placement
        if _is_found(placement) and _coverage(placement) >= SURE_COVERAGE:
            return placement, found
    return None if best is None else (best, found)


def _likely_turns(corners: Floats, page_size: tuple[float, float]) -> tuple[int, ...]:
    """Quarter turns in the order to try: upright first, unless the outline lies on its side."""
    sides = np.hypot(*(corners - np.roll(corners, -1, axis=0)).T)
    shape = float(np.log((sides[0] + sides[2]) / max(sides[1] + sides[3], 1.0)))
    wanted = float(np.log(page_size[0] / page_size[1]))
    return (0, 2, 1, 3) if abs(shape - wanted) <= abs(shape + wanted) + 0.1 else (1, 3, 0, 2)


def _coverage(placement: Placement) -> float:
    return float((placement.print_seen > PRINT_THERE).mean())


def _is_found(placement: Placement) -> bool:
    few = len(placement.centres) < FEW_BUBBLES
    least = MIN_CONTRAST_OF_FEW if few else MIN_CONTRAST
    return placement.contrast >= least and _coverage(placement) >= (MIN_COVERAGE_OF_FEW if few else MIN_COVERAGE)


def _fit(placement: Placement) -> float:
    return placement.contrast * float(np.clip(placement.print_seen, 0, 1).mean()) * _coverage(placement) ** 2


def _check(image: NDArray[np.uint8]) -> None:
    if image.ndim != 2 or image.dtype != np.uint8 or min(image.shape) < MIN_SIDE_PX:
        raise UnreadableSheet(
            UnreadableReason.NOT_A_PICTURE,
            "The picture is too small to hold a sheet. Please scan or photograph it again.",
        )
    if max(image.shape) > MAX_SIDE_PX:
        raise UnreadableSheet(UnreadableReason.TOO_LARGE, "The picture is too large. Please scan at 300 dpi or less.")


def _nothing_found(image: NDArray[np.uint8], otherwise: UnreadableReason) -> UnreadableSheet:
    if float(np.quantile(image[::4, ::4], 0.95)) < DARK_PAPER_LEVEL:
        return UnreadableSheet(UnreadableReason.TOO_DARK, "The picture is too dark. Please use more light.")
    if _contrast(image) < MIN_PICTURE_CONTRAST:
        return UnreadableSheet(UnreadableReason.NO_SHEET, "The picture is empty. Please show the whole sheet.")
    if _edge_sharpness(image) < BLURRED_SHARPNESS:
        return UnreadableSheet(UnreadableReason.BLURRED, "The picture is blurred. Please hold the camera still.")
    messages = {
        UnreadableReason.CORNER_MISSING: "The corner marks were not found. Please show the whole sheet.",
        UnreadableReason.OTHER_SHEET: "This does not look like the sheet that was chosen. Please check the template.",
    }
    return UnreadableSheet(otherwise, messages.get(otherwise, "No sheet was found. Please show the whole sheet."))


def _homography(page_size: tuple[float, float], corners: Floats) -> Floats:
    width, height = page_size
    page = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    return np.asarray(cv2.getPerspectiveTransform(page, corners.astype(np.float32)), dtype=np.float64)


def _corners_inside(page: Floats, shape: tuple[int, ...]) -> int:
    tolerance = 0.01 * max(shape)
    is_inside = (page > -tolerance).all(axis=1) & (page < np.array(shape[::-1]) + tolerance).all(axis=1)
    return int(is_inside.sum())


def _rotation(to_image: Floats, page_size: tuple[float, float]) -> float:
    """Degrees clockwise by which the page's middle line is turned."""
    width, height = page_size
    ends = np.array([[[0, height / 2], [width, height / 2]]], dtype=np.float64)
    (left, right) = cv2.perspectiveTransform(ends, to_image)[0]
    return float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))


def _sharpness(image: NDArray[np.uint8], placement: Placement) -> float:
    low = np.maximum(np.floor(placement.centres.min(axis=0)).astype(int), 0)
    high = np.ceil(placement.centres.max(axis=0)).astype(int) + 1
    part = image[low[1] : high[1], low[0] : high[0]]
    return _edge_sharpness(part if min(part.shape[:2], default=0) >= 16 else image)


def _contrast(image: NDArray[np.uint8]) -> float:
    return float(np.quantile(image[::4, ::4], 0.98) - np.quantile(image[::4, ::4], 0.005))


def _edge_sharpness(image: NDArray[np.uint8]) -> float:
    """Steepness of the steepest edges, 0 to 1: their change between two pixels as a share of the full contrast."""
    change = cv2.absdiff(image[:, 1:], image[:, :-1])
    return float(np.clip(np.quantile(change[::2], 0.998) / max(_contrast(image), 12.0) / 0.5, 0, 1))


def _reported(output: OutputField, decisions: dict[str, Decision], block_of: dict[str, FieldBlock]) -> FieldReading:
    if len(output.parts) == 1 and output.parts[0] == output.label:
        decision = decisions[output.label]
        values = block_of[output.label].values
        return FieldReading(
            label=output.label,
            values=tuple(values[index] for index in decision.marked),
            status=decision.status,
            confidence=decision.confidence,
            ink=decision.ink,
        )
    parts = [decisions[label] for label in output.parts]
    statuses = [part.status for part in parts]
    texts = [
        block_of[label].values[part.marked[0]]
        if part.status is FieldStatus.OK
        else block_of[label].empty_value
        if part.status is FieldStatus.BLANK
        else UNCLEAR
        for label, part in zip(output.parts, parts, strict=True)
    ]
    status = FieldStatus.OK
    if all(one is FieldStatus.BLANK for one in statuses):
        status = FieldStatus.BLANK
    elif FieldStatus.UNSURE in statuses:
        status = FieldStatus.UNSURE
    elif FieldStatus.MULTIPLE in statuses:
        status = FieldStatus.MULTIPLE
    else:
        # A short number leaves places blank before or after it; a blank one inside was forgotten, or not seen.
        marked = [index for index, one in enumerate(statuses) if one is not FieldStatus.BLANK]
        for index in range(marked[0], marked[-1]):
            if statuses[index] is FieldStatus.BLANK:
                texts[index], status = UNCLEAR, FieldStatus.UNSURE
    return FieldReading(
        label=output.label,
        values=() if status is FieldStatus.BLANK else ("".join(texts),),
        status=status,
        confidence=float(np.prod([part.confidence for part in parts])),
        ink=tuple(value for part in parts for value in part.ink),
    )
