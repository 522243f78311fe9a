"""Whether stated confidence is what is right: the reliability curve of a condition, its error, and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

EDGES: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.01)
"""Of the curve's steps: most answers are near one, so the steps are narrow there."""
MIN_DRAWN: Final = 5
SIDE: Final = 300
MARGIN: Final = 40
COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")


@dataclass(slots=True)
class Step:
    """Answers of one range of confidence: how many, the sum of what was stated, how many were right."""

    count: int = 0
    stated: float = 0.0
    right: int = 0

    @property
    def gap(self) -> float:
        """What was right less what was stated, as shares."""
        return (self.right - self.stated) / self.count if self.count else 0.0


@dataclass(slots=True)
class Reliability:
    """Counts for each step between ``EDGES``; the best guess of an unsure answer counts too."""

    steps: list[Step] = field(default_factory=lambda: [Step() for _ in EDGES[1:]])

    def add(self, confidence: float, *, is_right: bool) -> None:
        step = self.steps[sum(confidence >= edge for edge in EDGES[1:])]
        step.count += 1
        step.stated += confidence
        step.right += is_right

    def add_all(self, other: Reliability) -> None:
        for mine, theirs in zip(self.steps, other.steps, strict=True):
            mine.count += theirs.count
            mine.stated += theirs.stated
            mine.right += theirs.right

    def error(self) -> float:
        """The expected calibration error: the steps' gaps, weighed by their answers (Guo et al. 2017)."""
        total = sum(step.count for step in self.steps)
        return sum(step.count * abs(step.gap) for step in self.steps) / max(total, 1)

    def lines(self) -> list[str]:
        return [
            f"    from {low:5}: {step.count:7} answers, stated {step.stated / step.count:.4f}"
            f", right {step.right / step.count:.4f}"
            for low, step in zip(EDGES, self.steps, strict=False)
            if step.count
        ]


def draw_curves(curves: Mapping[str, Reliability], path: Path) -> None:
    """Stated against right, one line a condition, as SVG."""
    size = SIDE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 120} {size}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="white"/>',
        f'<path d="M{MARGIN},{MARGIN + SIDE}L{MARGIN + SIDE},{MARGIN}" stroke="#bbb" stroke-dasharray="4"/>',
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#333"/>',
        f'<text x="{MARGIN}" y="{size - 12}">stated confidence, 0 to 1</text>',
        f'<text x="{MARGIN}" y="{MARGIN - 12}">share that is right, 0 to 1</text>',
    ]
    for index, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        points = [
            (MARGIN + SIDE * step.stated / step.count, MARGIN + SIDE * (1 - step.right / step.count))
            for step in curve.steps
            if step.count >= MIN_DRAWN
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(f'<text x="{size - 20}" y="{MARGIN + 14 * index + 10}" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>"]))
