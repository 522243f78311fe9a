"""What a layout is made of: paper, markers, boxes, bubbles and fields.

All positions are millimetres from the paper's top left corner, x to the right, y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

MIN_CHOICES: Final = 2
MAX_CHOICES: Final = 10
MIN_NUMBER_DIGITS: Final = 4
MAX_NUMBER_DIGITS: Final = 12
MAX_NUMERIC_DIGITS: Final = 8
MAX_ESSAY_LINES: Final = 40
DIGITS: Final = tuple("0123456789")
SIGNS: Final = ("+", "-")
VERSIONS: Final = tuple("ABCD")
STUDENT_NUMBER: Final = "student_number"
VERSION: Final = "version"

Point: TypeAlias = tuple[float, float]
"""(x, y) in millimetres, x to the right, y down."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper format, portrait or landscape as its two sides say."""

    name: str
    width_mm: float
    height_mm: float


A4: Final = Paper("A4", 210.0, 297.0)
LETTER: Final = Paper("Letter", 215.9, 279.4)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its top left corner and size."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Top left, top right, bottom right, bottom left."""
        right, bottom = self.x_mm + self.width_mm, self.y_mm + self.height_mm
        return ((self.x_mm, self.y_mm), (right, self.y_mm), (right, bottom), (self.x_mm, bottom))


@dataclass(frozen=True, slots=True)
class BubbleShape:
    """The ellipse of a bubble, outer edge to outer edge."""

    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class Markers:
    """Four solid squares by their centres: top left, top right, bottom right, bottom left.

    The first has a square hole of ``hole_mm``, which tells which way up the page lies.
    """

    centres: tuple[Point, Point, Point, Point]
    size_mm: float
    hole_mm: float


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """A question with one bubble per choice, in printed order. ``has_several``: more than one may be meant."""

    label: str
    choices: tuple[str, ...]
    centres: tuple[Point, ...]
    shape: BubbleShape
    has_several: bool = False

    @property
    def columns(self) -> tuple[tuple[Point, ...], ...]:
        return (self.centres,)

    @property
    def symbols(self) -> tuple[tuple[str, ...], ...]:
        return (self.choices,)


@dataclass(frozen=True, slots=True)
class VersionField:
    """The row in which the exam's version (A, B, ...) is marked. On every page, for pages come apart."""

    choices: tuple[str, ...]
    centres: tuple[Point, ...]
    shape: BubbleShape
    label: str = VERSION

    @property
    def columns(self) -> tuple[tuple[Point, ...], ...]:
        return (self.centres,)

    @property
    def symbols(self) -> tuple[tuple[str, ...], ...]:
        return (self.choices,)


@dataclass(frozen=True, slots=True)
class DigitsField:
    """A number written as one column of ten bubbles (0-9, downwards) per digit."""

    label: str
    columns: tuple[tuple[Point, ...], ...]
    shape: BubbleShape

    @property
    def symbols(self) -> tuple[tuple[str, ...], ...]:
        return (DIGITS,) * len(self.columns)


@dataclass(frozen=True, slots=True)
class NumericField:
    """A question answered by a number: a column of ``SIGNS`` if it ``has_sign``, then a column of digits per place.

    The last ``decimals`` places stand after a printed decimal point, or the last ``denominator`` ones after a printed
    fraction bar; never both. What is not needed is left blank: 7 in three places is ``7``, ``07`` or ``007``.
    """

    label: str
    columns: tuple[tuple[Point, ...], ...]
    shape: BubbleShape
    has_sign: bool = False
    decimals: int = 0
    denominator: int = 0

    @property
    def symbols(self) -> tuple[tuple[str, ...], ...]:
        places = len(self.columns) - self.has_sign
        return ((SIGNS,) if self.has_sign else ()) + (DIGITS,) * places

    @property
    def whole_places(self) -> int:
        """How many digits stand before the point or the bar."""
        return len(self.columns) - self.has_sign - self.decimals - self.denominator


@dataclass(frozen=True, slots=True)
class EssayField:
    """A box to write in, ``lines`` high; read by people."""

    label: str
    box: Box
    lines: int


BubbleField: TypeAlias = ChoiceField | NumericField | DigitsField | VersionField
Field: TypeAlias = BubbleField | EssayField
QuestionField: TypeAlias = ChoiceField | NumericField | EssayField


@dataclass(frozen=True, slots=True)
class LayoutPage:
    """One printed page with its fields in printed order. ``number`` counts from 1."""

    number: int
    fields: tuple[Field, ...]

    @property
    def bubble_fields(self) -> tuple[BubbleField, ...]:
        return tuple(field for field in self.fields if not isinstance(field, EssayField))

    @property
    def question_fields(self) -> tuple[QuestionField, ...]:
        """What is scored, of every kind."""
        return tuple(field for field in self.fields if not isinstance(field, DigitsField | VersionField))

    @property
    def questions(self) -> tuple[ChoiceField, ...]:
        return tuple(field for field in self.fields if isinstance(field, ChoiceField))

    @property
    def numerics(self) -> tuple[NumericField, ...]:
        return tuple(field for field in self.fields if isinstance(field, NumericField))

    @property
    def essays(self) -> tuple[EssayField, ...]:
        return tuple(field for field in self.fields if isinstance(field, EssayField))

    @property
    def student_number(self) -> DigitsField | None:
        return next((field for field in self.fields if isinstance(field, DigitsField)), None)

    @property
    def version(self) -> VersionField | None:
        return next((field for field in self.fields if isinstance(field, VersionField)), None)

    @property
    def bubbles(self) -> Iterator[tuple[BubbleField, str, Point]]:
        """Every bubble of the page with its field and its print, field by field and column by column."""
        for field in self.bubble_fields:
            for column, symbols in zip(field.columns, field.symbols, strict=True):
                for symbol, centre in zip(symbols, column, strict=True):
                    yield field, symbol, centre

    @property
    def bubble_centres(self) -> tuple[Point, ...]:
        """Where each of :attr:`bubbles` is."""
        return tuple(centre for field in self.bubble_fields for column in field.columns for centre in column)

    @property
    def bubble_shapes(self) -> tuple[BubbleShape, ...]:
        """The shape of each of :attr:`bubbles`."""
        return tuple(field.shape for field in self.bubble_fields for column in field.columns for _ in column)


# ---------------------------------------------------------------- what every layout keeps to


def require(is_kept: bool, rule: str) -> None:
    if not is_kept:
        raise ValueError(f"layout: {rule}")


def check_fields(page: LayoutPage, paper: Paper) -> None:
    for field in page.fields:
        if isinstance(field, ChoiceField):
            _check_choices(field)
        elif isinstance(field, NumericField):
            _check_numeric(field)
        elif isinstance(field, VersionField):
            is_known = len(field.choices) >= 2 and field.choices == VERSIONS[: len(field.choices)]
            require(is_known and field.label == VERSION, "versions are A and B, up to D, in a field called version")
            require(len(field.centres) == len(field.choices), "one bubble per version")
        elif isinstance(field, DigitsField):
            require(field.label == STUDENT_NUMBER, f"the number field is called {STUDENT_NUMBER}")
            is_in_range = MIN_NUMBER_DIGITS <= len(field.columns) <= MAX_NUMBER_DIGITS
            require(is_in_range, f"{MIN_NUMBER_DIGITS}-{MAX_NUMBER_DIGITS} digits")
            require(all(len(column) == len(DIGITS) for column in field.columns), "ten bubbles per digit")
        else:
            _check_essay(field, paper)
    for (x, y), shape in zip(page.bubble_centres, page.bubble_shapes, strict=True):
        require(2 <= shape.width_mm <= 20 and 2 <= shape.height_mm <= 20, "bubbles are 2-20 mm")
        require(is_inside(paper, x, y, shape.width_mm, shape.height_mm), "bubbles lie on the paper")


def _check_choices(field: ChoiceField) -> None:
    require(MIN_CHOICES <= len(field.choices) <= MAX_CHOICES, f"{field.label}: 2-10 choices")
    require(len(set(field.choices)) == len(field.choices), f"{field.label}: choices are unique")
    require(len(field.centres) == len(field.choices), f"{field.label}: one bubble per choice")


def _check_numeric(field: NumericField) -> None:
    places = len(field.columns) - field.has_sign
    require(1 <= places <= MAX_NUMERIC_DIGITS, f"{field.label}: 1-{MAX_NUMERIC_DIGITS} digits")
    require(field.decimals >= 0 and field.denominator >= 0, f"{field.label}: no negative count of digits")
    require(not (field.decimals and field.denominator), f"{field.label}: a point or a bar, not both")
    require(field.whole_places >= 1, f"{field.label}: a digit before the point or the bar")
    for column, symbols in zip(field.columns, field.symbols, strict=True):
        require(len(column) == len(symbols), f"{field.label}: ten bubbles per digit, two for the sign")


def _check_essay(field: EssayField, paper: Paper) -> None:
    require(1 <= field.lines <= MAX_ESSAY_LINES, f"{field.label}: 1-{MAX_ESSAY_LINES} lines")
    require(field.box.width_mm >= 10 and field.box.height_mm >= 5, f"{field.label}: a box has room to write in")
    for x, y in field.box.corners:
        require(is_inside(paper, x, y, 0, 0), "boxes lie on the paper")


def is_inside(paper: Paper, x: float, y: float, width: float, height: float) -> bool:
    return (
        width / 2 <= x <= paper.width_mm - width / 2
        and height / 2 <= y <= paper.height_mm - height / 2
        and math.isfinite(x + y)
    )
