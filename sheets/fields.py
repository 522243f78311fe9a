"""What a layout is made of: paper, markers, boxes, bubbles and fields, with their JSON.

All positions are millimetres from the paper's top left corner, x to the right, y down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

MIN_CHOICES: Final = 2
MAX_CHOICES: Final = 10
MIN_NUMBER_DIGITS: Final = 4
MAX_NUMBER_DIGITS: Final = 12
DIGITS: Final = tuple("0123456789")
STUDENT_NUMBER: Final = "student_number"

_SINGLE_CHOICE: Final = "single_choice"
_DIGITS_KIND: Final = "digits"

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
    """A single-choice question: one bubble per choice, in printed order."""

    label: str
    choices: tuple[str, ...]
    centres: tuple[Point, ...]
    shape: BubbleShape


@dataclass(frozen=True, slots=True)
class DigitsField:
    """A number written as one column of ten bubbles (0-9, downwards) per digit."""

    label: str
    columns: tuple[tuple[Point, ...], ...]
    shape: BubbleShape


@dataclass(frozen=True, slots=True)
class LayoutPage:
    """One printed page. ``number`` counts from 1."""

    number: int
    questions: tuple[ChoiceField, ...]
    student_number: DigitsField | None

    @property
    def bubble_centres(self) -> tuple[Point, ...]:
        """Every bubble of the page: questions choice by choice, then the number column by column."""
        questions = tuple(centre for field in self.questions for centre in field.centres)
        if self.student_number is None:
            return questions
        return questions + tuple(centre for column in self.student_number.columns for centre in column)

    @property
    def bubble_shapes(self) -> tuple[BubbleShape, ...]:
        """The shape of each of :attr:`bubble_centres`."""
        questions = tuple(field.shape for field in self.questions for _ in field.centres)
        if self.student_number is None:
            return questions
        return questions + tuple(self.student_number.shape for column in self.student_number.columns for _ in column)


# ---------------------------------------------------------------- JSON


def box_json(box: Box) -> list[float]:
    return [box.x_mm, box.y_mm, box.width_mm, box.height_mm]


def fields_json(page: LayoutPage) -> list[dict[str, object]]:
    fields: list[dict[str, object]] = [
        {
            "kind": _SINGLE_CHOICE,
            "label": field.label,
            "choices": list(field.choices),
            "centres": [list(centre) for centre in field.centres],
            "shape": [field.shape.width_mm, field.shape.height_mm],
        }
        for field in page.questions
    ]
    number = page.student_number
    if number is not None:
        fields.append(
            {
                "kind": _DIGITS_KIND,
                "label": number.label,
                "columns": [[list(centre) for centre in column] for column in number.columns],
                "shape": [number.shape.width_mm, number.shape.height_mm],
            }
        )
    return fields


def as_object(value: object, where: str, keys: set[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object")
    if set(value) != keys:
        wrong = sorted(map(str, set(value) ^ keys))
        raise ValueError(f"{where}: missing or unknown keys {', '.join(wrong)}")
    return value


def as_list(value: object, where: str) -> list[object]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where}: expected a list")
    return list(value)


def as_text(value: object, where: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 40:
        raise ValueError(f"{where}: expected 1-40 characters")
    return value


def as_number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value < 1e6:
        raise ValueError(f"{where}: expected a number of millimetres")
    return float(value)


def as_point(value: object, where: str) -> Point:
    parts = as_list(value, where)
    if len(parts) != 2:
        raise ValueError(f"{where}: expected two numbers")
    return (as_number(parts[0], where), as_number(parts[1], where))


def as_box(value: object, where: str) -> Box:
    parts = as_list(value, where)
    if len(parts) != 4:
        raise ValueError(f"{where}: expected four numbers")
    return Box(*(as_number(part, where) for part in parts))


def as_page(value: object, where: str) -> LayoutPage:
    page = as_object(value, where, {"number", "fields"})
    number = page["number"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise ValueError(f"{where}.number: expected an integer")
    questions: list[ChoiceField] = []
    student_number: DigitsField | None = None
    for index, item in enumerate(as_list(page["fields"], f"{where}.fields")):
        place = f"{where}.fields[{index}]"
        if not isinstance(item, dict):
            raise ValueError(f"{place}: expected an object")
        kind: object = item.get("kind")
        if kind == _SINGLE_CHOICE:
            questions.append(_choice_field(item, place))
        elif kind == _DIGITS_KIND and student_number is None:
            student_number = _digits_field(item, place)
        else:
            raise ValueError(f"{place}: unknown or second field of kind {kind!r}")
    return LayoutPage(number, tuple(questions), student_number)


def _choice_field(item: object, where: str) -> ChoiceField:
    data = as_object(item, where, {"kind", "label", "choices", "centres", "shape"})
    return ChoiceField(
        label=as_text(data["label"], f"{where}.label"),
        choices=tuple(as_text(value, f"{where}.choices") for value in as_list(data["choices"], f"{where}.choices")),
        centres=tuple(as_point(value, f"{where}.centres") for value in as_list(data["centres"], f"{where}.centres")),
        shape=BubbleShape(*as_point(data["shape"], f"{where}.shape")),
    )


def _digits_field(item: object, where: str) -> DigitsField:
    data = as_object(item, where, {"kind", "label", "columns", "shape"})
    return DigitsField(
        label=as_text(data["label"], f"{where}.label"),
        columns=tuple(
            tuple(as_point(value, f"{where}.columns") for value in as_list(column, f"{where}.columns"))
            for column in as_list(data["columns"], f"{where}.columns")
        ),
        shape=BubbleShape(*as_point(data["shape"], f"{where}.shape")),
    )


# ---------------------------------------------------------------- what every layout keeps to


def require(is_kept: bool, rule: str) -> None:
    if not is_kept:
        raise ValueError(f"layout: {rule}")


def check_fields(page: LayoutPage, paper: Paper) -> None:
    for field in page.questions:
        require(MIN_CHOICES <= len(field.choices) <= MAX_CHOICES, f"{field.label}: 2-10 choices")
        require(len(set(field.choices)) == len(field.choices), f"{field.label}: choices are unique")
        require(len(field.centres) == len(field.choices), f"{field.label}: one bubble per choice")
    number = page.student_number
    if number is not None:
        require(number.label == STUDENT_NUMBER, f"the number field is called {STUDENT_NUMBER}")
        is_in_range = MIN_NUMBER_DIGITS <= len(number.columns) <= MAX_NUMBER_DIGITS
        require(is_in_range, f"{MIN_NUMBER_DIGITS}-{MAX_NUMBER_DIGITS} digits")
        require(all(len(column) == len(DIGITS) for column in number.columns), "ten bubbles per digit")
    for (x, y), shape in zip(page.bubble_centres, page.bubble_shapes, strict=True):
        require(2 <= shape.width_mm <= 20 and 2 <= shape.height_mm <= 20, "bubbles are 2-20 mm")
        require(is_inside(paper, x, y, shape.width_mm, shape.height_mm), "bubbles lie on the paper")


def is_inside(paper: Paper, x: float, y: float, width: float, height: float) -> bool:
    return (
        width / 2 <= x <= paper.width_mm - width / 2
        and height / 2 <= y <= paper.height_mm - height / 2
        and math.isfinite(x + y)
    )
