"""From ink to answers: which bubbles of a field are marked, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.reading import FieldReading, FieldStatus
from workers.vision.ink import BubbleInk

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thresholds:
    pass


def decide_choice(label: str, choices: tuple[str, ...], ink: Floats, level: float) -> FieldReading:
    marked = [i for i, v in enumerate(ink) if v > level]
    status = (FieldStatus.BLANK, FieldStatus.OK)[len(marked)] if len(marked) < 2 else FieldStatus.MULTIPLE
    return FieldReading(label, tuple(choices[i] for i in marked), status, 1.0, tuple(float(v) for v in ink))
