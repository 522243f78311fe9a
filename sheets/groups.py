"""What a sheet is ordered by: groups of like questions, in the order in which they are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sheets.definition import MAX_QUESTIONS
from sheets.fields import MAX_CHOICES, MAX_ESSAY_LINES, MAX_NUMERIC_DIGITS, MIN_CHOICES

MAX_GROUPS: Final = 50


@dataclass(frozen=True, slots=True)
class Choices:
    """``count`` questions of ``choices`` bubbles each; ``has_several``: more than one may be right together."""

    count: int
    choices: int = 5
    has_several: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """``count`` questions answered by a number of ``digits`` digits, 0-999 by default as in Korea's entrance exam.

    ``decimals`` more digits stand after a decimal point, or ``denominator`` more after a fraction bar.
    """

    count: int
    digits: int = 3
    has_sign: bool = False
    decimals: int = 0
    denominator: int = 0


@dataclass(frozen=True, slots=True)
class Essays:
    """``count`` boxes to write in, each ``lines`` high."""

    count: int
    lines: int = 5


Group: TypeAlias = Choices | Numbers | Essays


def check_groups(groups: Sequence[Group]) -> None:
    """Raises ``ValueError`` that says which group is out of range."""
    require_range("groups", len(groups), 1, MAX_GROUPS)
    for number, group in enumerate(groups, start=1):
        name = f"group {number}: "
        require_range(f"{name}count", group.count, 1, MAX_QUESTIONS)
        if isinstance(group, Choices):
            require_range(f"{name}choices", group.choices, MIN_CHOICES, MAX_CHOICES)
        elif isinstance(group, Essays):
            require_range(f"{name}lines", group.lines, 1, MAX_ESSAY_LINES)
        else:
            require_range(f"{name}digits", group.digits, 1, MAX_NUMERIC_DIGITS)
            require_range(f"{name}decimals", group.decimals, 0, MAX_NUMERIC_DIGITS)
            require_range(f"{name}denominator", group.denominator, 0, MAX_NUMERIC_DIGITS)
            places = group.digits + group.decimals + group.denominator
            require_range(f"{name}all digits", places, 1, MAX_NUMERIC_DIGITS)
            if group.decimals and group.denominator:
                raise ValueError(f"{name}decimals or a denominator are expected, not both")
    require_range("questions", sum(group.count for group in groups), 1, MAX_QUESTIONS)


def require_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, expected {low}-{high}")
