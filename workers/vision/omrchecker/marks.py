"""Which bubbles are marked: ink against the local paper, without the print, judged by the sheet's own marks.

Blank, one mark, several marks and "cannot tell" are four different answers. An absolute floor stands beside the
relative thresholds, so that a blank column of noise never yields an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.reading import FieldStatus
from sheets.template import FieldBlock, Template
from workers.vision.ink import sample_grid
from workers.vision.omrchecker.lattice import Placement
from workers.vision.omrchecker.outline import pitch

Floats = NDArray[np.float64]
Patches = NDArray[np.uint8]

# In half axes of the printed outline; its own line ends at about .85.
INSIDE: Final = 0.78
PAPER_FROM: Final = 1.12
PATCH_REACH: Final = 1.6
PATCH_SIDE: Final = 25
PAPER_QUANTILE: Final = 0.7
# Darker than the blank by this share of the paper's brightness is the least that a pencil leaves; in the samples
# blank bubbles stay below .08, the faintest mark of a pencil is .34, of a pen .5.
INK_FLOOR: Final = 0.14
NOISE_FLOOR_SIGMAS: Final = 5.0
# Shares of the sheet's typical mark.
SURELY_MARKED: Final = 0.55
SURELY_BLANK: Final = 0.3
# Two marks in a field of which the paler is under this share of the darker: the paler was rubbed out.
RUBBED_OUT: Final = 0.5
TYPICAL_MARK: Final = 0.55  # where a sheet has too few marks to say
MAX_BASELINE_SPREAD: Final = 0.12
MIN_BLOCK_TRUST: Final = 0.5
MIN_PRINT_OF_BLANK: Final = 0.3


@dataclass(frozen=True, slots=True)
class Decision:
    """One printed field as decided: ``marked`` choices by index, in printed order."""

    status: FieldStatus
    marked: tuple[int, ...]
    confidence: float
    ink: tuple[float, ...]


def measure_ink(image: NDArray[np.uint8], template: Template, placement: Placement) -> Floats:
    """Ink of every bubble (N,): 0 as its print alone, up to 1 black. ``image`` grey (H, W)."""
    grid = np.linspace(-PATCH_REACH, PATCH_REACH, PATCH_SIDE)
    centres, axes = placement.centres.astype(np.float32), placement.axes.astype(np.float32)
    patches = sample_grid(image, centres, axes, grid.astype(np.float32))
    x, y = np.meshgrid(grid, grid)
    is_box = placement.outline.shape == "box"
    fill = np.empty(len(patches))
    first = 0
    for block in template.blocks:
        count = len(block.labels) * len(block.values)
        flat = patches[first : first + count].reshape(count, -1)
        inside, around = _regions(block, placement, x, y, is_box=is_box)
        darkness = 1 - flat[:, inside] / _paper(flat, x.ravel(), y.ravel(), inside, around)
        fill[first : first + count] = np.clip(darkness, -0.3, 1).mean(axis=1)
        first += count
    return fill - _baselines(template, fill)


def _paper(flat: Patches, x: Floats, y: Floats, inside: NDArray[np.intp], around: NDArray[np.intp]) -> Floats:
    """The paper's level under each sample inside, (N, samples): a plane through the eight parts of what lies around.

    A plane, so that the edge of a shadow across a bubble is not taken for ink.
    """
    sector = ((np.arctan2(y[around], x[around]) + np.pi) / (np.pi / 4)).astype(int) % 8
    parts = [around[sector == index] for index in range(8) if (sector == index).sum() >= 3]
    ordered = [np.sort(flat[:, part].astype(np.float32), axis=1) for part in parts]
    levels = np.stack([part[:, round(PAPER_QUANTILE * (part.shape[1] - 1))] for part in ordered], axis=1)
    middle = np.median(levels, axis=1, keepdims=True)
    # A part full of somebody's stroke must not tilt the plane.
    levels = np.clip(levels, 0.6 * middle, 1.6 * middle)
    design = np.array([[1.0, x[part].mean(), y[part].mean()] for part in parts])
    coefficients = levels @ np.linalg.pinv(design).T
    plane = coefficients @ np.stack([np.ones(len(inside)), x[inside], y[inside]])
    return np.asarray(np.maximum(plane, 6.0))


def _regions(
    block: FieldBlock, placement: Placement, x: Floats, y: Floats, *, is_box: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Samples inside the outline, and on the bare paper round it, as indices into a flat patch."""

    def distance(right: Floats, down: Floats) -> Floats:
        return np.asarray(np.maximum(np.abs(right), np.abs(down)) if is_box else np.hypot(right, down))

    here = distance(x, y)
    is_paper = here >= PAPER_FROM
    half_x, half_y = placement.outline.halves(block)
    gap_x, gap_y = pitch(block)
    for column in (-1, 0, 1):
        for row in (-1, 0, 1):
            if column or row:
                is_paper &= distance(x - column * gap_x / half_x, y - row * gap_y / half_y) > PAPER_FROM
    if is_paper.sum() < 12:  # bubbles touch: what little lies between them
        is_paper = here >= np.quantile(here, 0.9)
    return np.flatnonzero(here <= INSIDE), np.flatnonzero(is_paper)


def _baselines(template: Template, fill: Floats) -> Floats:
    """What the print alone leaves in each bubble (N,): the lighter half of those with the same print."""
    overall = float(np.median(np.sort(fill)[: max(1, len(fill) // 2)]))
    baselines: list[Floats] = []
    first = 0
    for block in template.blocks:
        table = fill[first : first + len(block.labels) * len(block.values)].reshape(len(block.labels), -1)
        first += table.size
        local = _lighter_half(table.ravel(), overall)
        columns = np.array([_lighter_half(column, local) for column in table.T])
        # A column of few bubbles says little about its letter: it leans on the block.
        share = len(block.labels) / (len(block.labels) + 3)
        expected = local + share * (columns - local)
        # Shaded columns of a number field differ by field, not by value.
        if len(block.values) >= 8:
            rows = np.array([_lighter_half(row, local) for row in table])
            expected = expected[None] + (rows - local)[:, None]
        baselines.append(np.broadcast_to(expected, table.shape).ravel())
    return np.concatenate(baselines)


def _lighter_half(values: Floats, expected: float) -> float:
    light = np.sort(values)[: max(1, (len(values) + 1) // 2)]
    return float(np.clip(np.median(light), expected - MAX_BASELINE_SPREAD, expected + MAX_BASELINE_SPREAD))


def decide(template: Template, ink: Floats, placement: Placement) -> dict[str, Decision]:
    """The decision for each printed field, by its label."""
    # Half the spread of blanks lies below their median, untouched by marks.
    below = ink[ink <= np.median(ink)]
    noise = 1.48 * float(np.median(np.abs(below - np.median(ink)))) + 0.004
    floor = max(INK_FLOOR, NOISE_FLOOR_SIGMAS * noise)
    decisions: dict[str, Decision] = {}
    sheet_mark = _typical_mark(ink, floor, TYPICAL_MARK, weight=3)
    first = 0
    for block, trust in zip(template.blocks, placement.block_trust.tolist(), strict=True):
        table = ink[first : first + len(block.labels) * len(block.values)].reshape(len(block.labels), -1)
        seen = placement.print_seen[first : first + table.size].reshape(table.shape)
        first += table.size
        mark = _typical_mark(table.ravel(), floor, sheet_mark, weight=6)
        for label, row, seen_here in zip(block.labels, table, seen, strict=True):
            decision = _decide_field(row, mark, floor, noise)
            # Blank where not even the print is seen is glare, a fold or the wrong place, not a decision.
            is_hidden = decision.status is FieldStatus.BLANK and float(np.median(seen_here)) < MIN_PRINT_OF_BLANK
            is_cut_off = bool((seen_here == 0).any())
            if is_hidden or is_cut_off or trust < MIN_BLOCK_TRUST:
                decision = replace(decision, status=FieldStatus.UNSURE, confidence=min(decision.confidence, 0.4))
            decisions[label] = decision
    return decisions


def _typical_mark(ink: Floats, floor: float, expected: float, *, weight: float) -> float:
    """How dark a mark is here: the median of the dark ones, leaning on ``expected`` where they are few."""
    dark = ink[ink > max(floor, 0.4 * expected)]
    if not len(dark):
        return expected
    return float((np.median(dark) * len(dark) + expected * weight) / (len(dark) + weight))


def _decide_field(row: Floats, mark: float, floor: float, noise: float) -> Decision:
    sure = max(SURELY_MARKED * mark, floor)
    doubtful = max(SURELY_BLANK * mark, 0.7 * floor)
    ink = tuple(float(value) for value in np.clip(row, 0, 1))
    order = np.argsort(-row)
    strongest = float(row[order[0]])
    second = float(row[order[1]]) if len(row) > 1 else -1.0
    softness = max(0.12 * mark, 1.5 * noise)
    marked = tuple(int(place) for place in np.flatnonzero(row > sure))
    status, choice, margin = FieldStatus.OK, marked, 0.0
    if strongest <= doubtful:
        status, choice, margin = FieldStatus.BLANK, (), doubtful - strongest + 0.5 * softness
    elif not marked:
        status, choice = FieldStatus.UNSURE, (int(order[0]),)
    elif second <= doubtful or (second <= sure and second <= RUBBED_OUT * strongest):
        choice = (int(order[0]),)
        margin = min(strongest - sure, max(doubtful - second, RUBBED_OUT * strongest - second)) + 0.5 * softness
    elif len(marked) > 1 and second > 0.7 * strongest:
        status, margin = FieldStatus.MULTIPLE, second - sure
    else:
        status = FieldStatus.UNSURE
        choice = tuple(int(place) for place in np.flatnonzero(row > doubtful))
    confidence = float(1 / (1 + np.exp(-2 * margin / softness)))
    if status is FieldStatus.UNSURE:
        confidence = min(confidence, 0.5)
    return Decision(status, choice, confidence, ink)
