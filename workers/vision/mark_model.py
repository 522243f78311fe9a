"""How likely each bubble is meant as a mark: a small network over :mod:`workers.vision.mark_features`.

Its weights lie beside, in ``mark_model.npz``, made by ``python -m benchmarks.omr.training``: numbers of NumPy's,
nothing that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WEIGHTS: Final = Path(__file__).with_name("mark_model.npz")
LIMIT: Final = 6.0
"""Standard deviations beyond which a number counts as no further from the ordinary."""


@dataclass(frozen=True, slots=True)
class MarkModel:
    """Numbers of a bubble, less ``mean`` and over ``scale`` (F,), through layers ``weights`` and ``biases``: hyperbolic
    tangents between them, the logarithm of the odds at the end."""

    mean: Floats
    scale: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def log_odds(self, features: Floats) -> Floats:
        """Of each bubble being meant, (N,), from its numbers (N, F)."""
        values: Floats = np.clip((features - self.mean) / self.scale, -LIMIT, LIMIT)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.tanh(values @ weight + bias)
        found: Floats = (values @ self.weights[-1] + self.biases[-1])[:, 0]
        return found

    def save(self, path: Path) -> None:
        layers = {f"weight{index}": weight for index, weight in enumerate(self.weights)}
        layers |= {f"bias{index}": bias for index, bias in enumerate(self.biases)}
        np.savez_compressed(path, allow_pickle=False, mean=self.mean, scale=self.scale, **layers)


@lru_cache(maxsize=1)
def load_model() -> MarkModel:
    """The model that the reader uses."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        count = sum(name.startswith("weight") for name in stored.files)
        return MarkModel(
            stored["mean"],
            stored["scale"],
            tuple(stored[f"weight{index}"] for index in range(count)),
            tuple(stored[f"bias{index}"] for index in range(count)),
        )
