"""Signs that bubbles were taken for their neighbours: a lattice looks the same one row further on."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.template import Template
from workers.vision.omrchecker.outline import pitch

Floats = NDArray[np.float64]

# A bubble answers with at least this share of the sheet's median when it is there.
PRINT_THERE: Final = 0.4
# Shifts of one sheet differ by up to .25 pitch within a block and .56 between blocks of a bent page in the samples.
MAX_BLOCK_SLIP: Final = 0.5
MAX_SHEET_SLIP: Final = 0.85


def block_trust(template: Template, print_seen: Floats) -> Floats:
    """Per block (blocks,): the share of its bubbles whose print is seen; 0 where an outer row or column shows none."""
    trust: list[float] = []
    first = 0
    for block in template.blocks:
        table = print_seen[first : first + len(block.labels) * len(block.values)].reshape(len(block.labels), -1)
        first += table.size
        trust.append(0.0 if _is_edge_missing(table) else float((table > PRINT_THERE).mean()))
    return np.array(trust)


def slipped_blocks(template: Template, shifts: Floats) -> list[int]:
    """Blocks, or all, whose shifts differ by so much of a pitch that they must lead to different rows."""
    sizes = [len(block.labels) * len(block.values) for block in template.blocks]
    ranges = np.array([np.ptp(part, axis=0) for part in np.split(shifts, np.cumsum(sizes)[:-1])])
    pitches = np.array([pitch(block) for block in template.blocks])
    if (np.ptp(shifts, axis=0) > MAX_SHEET_SLIP * pitches.min(axis=0)).any():
        return list(range(len(template.blocks)))
    return [int(number) for number in np.flatnonzero((ranges > MAX_BLOCK_SLIP * pitches).any(axis=1))]


def _is_edge_missing(table: Floats) -> bool:
    """Whether a whole outer row or column shows no print where the rest of the block does."""
    if float(np.median(table)) < 2 * PRINT_THERE:
        return False
    edges = []
    if table.shape[0] >= 3 and table.shape[1] >= 3:
        edges = [table[0], table[-1], table[:, 0], table[:, -1]]
    return any(float(np.median(edge)) < 0.6 * PRINT_THERE for edge in edges)
