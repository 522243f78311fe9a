"""The one definition of an answer sheet: where everything is, in millimetres from the paper's top left corner.

A :class:`Layout` is immutable and fingerprinted. The renderer draws it, the reader samples it, the scorer takes
its labels; none of them knows a position that is not in here. :func:`design_layout` makes one from "40 questions
of 5 choices".
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sheets.fields import (
    A4,
    DIGITS,
    LETTER,
    MAX_CHOICES,
    MAX_NUMBER_DIGITS,
    MIN_CHOICES,
    MIN_NUMBER_DIGITS,
    STUDENT_NUMBER,
    Box,
    BubbleShape,
    ChoiceField,
    DigitsField,
    LayoutPage,
    Markers,
    Paper,
    Point,
    as_box,
    as_list,
    as_number,
    as_object,
    as_page,
    as_point,
    as_text,
    box_json,
    check_fields,
    fields_json,
    is_inside,
    require,
)

__all__ = [
    "A4",
    "DIGITS",
    "LAYOUT_SCHEMA_VERSION",
    "LETTER",
    "MAX_QUESTIONS",
    "STUDENT_NUMBER",
    "Box",
    "BubbleShape",
    "ChoiceField",
    "DigitsField",
    "Layout",
    "LayoutPage",
    "Markers",
    "Paper",
    "Point",
    "design_layout",
]

LAYOUT_SCHEMA_VERSION: Final = 1
"""Raise it when a field of a new kind (numeric answer, essay box, sheet version) enters the JSON."""

MAX_QUESTIONS: Final = 200

MARGIN_MM: Final = 8.0
"""Paper edge to marker: office printers leave up to 6 mm unprinted."""
MARKER_SIZE_MM: Final = 7.0
MARKER_HOLE_MM: Final = 3.0
CODE_SIZE_MM: Final = 22.0
"""A version 2-4 QR code, 0.65-0.9 mm a module: 2 pixels or more where the page is 900 pixels tall."""

CONTENT_LEFT_MM: Final = 14.0
IDENTITY_TOP_MM: Final = 39.0
NUMBER_PITCH_X_MM: Final = 6.0
NUMBER_PITCH_Y_MM: Final = 5.8
NUMBER_FIRST_Y_MM: Final = IDENTITY_TOP_MM + 18.0
NUMBER_FIRST_X_MM: Final = CONTENT_LEFT_MM + 7.0
NUMBER_SHAPE: Final = BubbleShape(3.8, 4.3)
NAME_GAP_MM: Final = 8.0
NAME_HEIGHT_MM: Final = 14.0
NAME_SHARE: Final = 0.62
"""Of the width beside the student number; the rest is for the date."""

QUESTION_TOP_MM: Final = 118.0
QUESTION_BOTTOM_MARGIN_MM: Final = 21.0
QUESTION_SHAPE: Final = BubbleShape(4.2, 5.2)
QUESTION_LABEL_MM: Final = 11.0
"""Width of the printed question number, left of the first bubble's cell."""
MIN_ROW_PITCH_MM: Final = 7.8
MAX_ROW_PITCH_MM: Final = 9.0
MIN_CHOICE_PITCH_MM: Final = 6.4
MAX_CHOICE_PITCH_MM: Final = 8.6
COLUMN_GAP_MM: Final = 2.0
MAX_COLUMNS: Final = 5
GROUP_ROWS: Final = 5
"""Rows come in fives, the way people count them."""


@dataclass(frozen=True)
class Layout:
    """A whole answer sheet. Equal layouts have equal fingerprints, and the other way round."""

    paper: Paper
    markers: Markers
    code: Box
    name_box: Box
    pages: tuple[LayoutPage, ...]

    def __post_init__(self) -> None:
        _check_layout(self)

    def __iter__(self) -> Iterator[LayoutPage]:
        return iter(self.pages)

    @property
    def question_count(self) -> int:
        return sum(len(page.questions) for page in self.pages)

    @property
    def question_labels(self) -> tuple[str, ...]:
        return tuple(field.label for page in self.pages for field in page.questions)

    @property
    def number_digits(self) -> int:
        """How many digits the student number has; 0 without one."""
        number = self.pages[0].student_number
        return len(number.columns) if number else 0

    def page(self, number: int) -> LayoutPage:
        """The page by its printed number. Raises ``ValueError`` where there is none."""
        if not 1 <= number <= len(self.pages):
            raise ValueError(f"page {number} of a layout with {len(self.pages)} pages")
        return self.pages[number - 1]

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the SHA-256 of :meth:`to_text`."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, object]:
        """The layout as JSON values, for a JSON column. Its inverse is :meth:`from_json`."""
        return {
            "schema": LAYOUT_SCHEMA_VERSION,
            "paper": {"name": self.paper.name, "size": [self.paper.width_mm, self.paper.height_mm]},
            "markers": {
                "centres": [list(centre) for centre in self.markers.centres],
                "size": self.markers.size_mm,
                "hole": self.markers.hole_mm,
            },
            "code": box_json(self.code),
            "name_box": box_json(self.name_box),
            "pages": [{"number": page.number, "fields": fields_json(page)} for page in self.pages],
        }

    def to_text(self) -> str:
        """Canonical JSON: sorted keys, no spaces, floats as Python's shortest repr."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, data: object) -> Layout:
        """The layout in ``data`` (JSON values). Raises ``ValueError`` naming the place that is wrong."""
        top = as_object(data, "layout", {"schema", "paper", "markers", "code", "name_box", "pages"})
        if top["schema"] != LAYOUT_SCHEMA_VERSION or isinstance(top["schema"], bool):
            raise ValueError(f"layout: schema {top['schema']!r}, expected {LAYOUT_SCHEMA_VERSION}")
        paper = as_object(top["paper"], "paper", {"name", "size"})
        width, height = as_point(paper["size"], "paper.size")
        markers = as_object(top["markers"], "markers", {"centres", "size", "hole"})
        centres = [as_point(value, "markers.centres") for value in as_list(markers["centres"], "markers.centres")]
        if len(centres) != 4:
            raise ValueError(f"markers.centres: {len(centres)} points, expected 4")
        return cls(
            paper=Paper(as_text(paper["name"], "paper.name"), width, height),
            markers=Markers(
                centres=(centres[0], centres[1], centres[2], centres[3]),
                size_mm=as_number(markers["size"], "markers.size"),
                hole_mm=as_number(markers["hole"], "markers.hole"),
            ),
            code=as_box(top["code"], "code"),
            name_box=as_box(top["name_box"], "name_box"),
            pages=tuple(
                as_page(value, f"pages[{index}]") for index, value in enumerate(as_list(top["pages"], "pages"))
            ),
        )

    @classmethod
    def from_text(cls, text: str) -> Layout:
        """The layout in JSON ``text``. Raises ``ValueError`` when it is not one."""
        try:
            data: object = json.loads(text)
        except RecursionError as error:
            raise ValueError("layout: nested too deeply") from error
        return cls.from_json(data)


def _check_layout(layout: Layout) -> None:
    paper, markers = layout.paper, layout.markers
    require(50 <= paper.width_mm <= 1000 and 50 <= paper.height_mm <= 1000, "paper sides are 50-1000 mm")
    require(0 <= markers.hole_mm < markers.size_mm and markers.size_mm >= 3, "markers are >= 3 mm, hole inside")
    (left, top), (right, bottom) = markers.centres[0], markers.centres[2]
    is_rectangle = markers.centres == ((left, top), (right, top), (right, bottom), (left, bottom))
    require(is_rectangle, "markers form an upright rectangle, clockwise from the top left")
    require(right - left > 4 * markers.size_mm and bottom - top > 4 * markers.size_mm, "markers lie apart")
    for x, y in markers.centres:
        require(is_inside(paper, x, y, markers.size_mm, markers.size_mm), "markers lie on the paper")
    for box in (layout.code, layout.name_box):
        require(box.width_mm > 0 and box.height_mm > 0, "boxes have a size")
        for x, y in box.corners:
            require(is_inside(paper, x, y, 0, 0), "boxes lie on the paper")
    require(0 < len(layout.pages) <= 99, "1-99 pages")
    require([page.number for page in layout.pages] == list(range(1, len(layout.pages) + 1)), "pages count from 1")
    labels = [field.label for page in layout.pages for field in page.questions]
    require(0 < len(labels) <= MAX_QUESTIONS, f"1-{MAX_QUESTIONS} questions")
    require(len(set(labels)) == len(labels) and STUDENT_NUMBER not in labels, "question labels are unique")
    digit_counts = {len(page.student_number.columns) if page.student_number else 0 for page in layout.pages}
    require(len(digit_counts) == 1, "the same student number on every page")
    for page in layout.pages:
        require(len(page.questions) > 0, "questions on every page")
        check_fields(page, paper)


def design_layout(
    *,
    question_count: int,
    choice_count: int = 5,
    number_digits: int = 6,
    paper: Paper = A4,
) -> Layout:
    """A layout for 1-200 questions of 2-10 choices and a student number of 4-12 digits.

    Questions run down the columns, then on to the next page; they are spread evenly over as few pages as hold
    them. Labels are "q1".."qN" and "student_number", choices "1".."10". The same arguments give the same
    fingerprint. Raises ``ValueError`` for anything outside these ranges or a paper that is too small.
    """
    _require_range("question_count", question_count, 1, MAX_QUESTIONS)
    _require_range("choice_count", choice_count, MIN_CHOICES, MAX_CHOICES)
    _require_range("number_digits", number_digits, MIN_NUMBER_DIGITS, MAX_NUMBER_DIGITS)

    content_width = paper.width_mm - 2 * CONTENT_LEFT_MM
    rows_height = paper.height_mm - QUESTION_BOTTOM_MARGIN_MM - QUESTION_TOP_MM
    max_rows = int(rows_height / MIN_ROW_PITCH_MM) // GROUP_ROWS * GROUP_ROWS
    cell_min = QUESTION_LABEL_MM + choice_count * MIN_CHOICE_PITCH_MM + COLUMN_GAP_MM
    max_columns = min(MAX_COLUMNS, int(content_width / cell_min))
    name_left = NUMBER_FIRST_X_MM + number_digits * NUMBER_PITCH_X_MM + NAME_GAP_MM - NUMBER_PITCH_X_MM / 2
    name_width = paper.width_mm - CONTENT_LEFT_MM - name_left
    if max_rows < GROUP_ROWS or max_columns < 1 or name_width < 50.0:
        raise ValueError(f"paper {paper.name} is too small for this sheet")

    page_count = math.ceil(question_count / (max_rows * max_columns))
    per_page = min(_round_up(math.ceil(question_count / page_count), GROUP_ROWS), max_rows * max_columns)
    number = _number_field(number_digits)
    pages: list[LayoutPage] = []
    first = 1
    while first <= question_count:
        count = min(per_page, question_count - first + 1)
        columns = min(max_columns, max(math.ceil(count / max_rows), 2 if count > 2 * GROUP_ROWS else 1))
        questions = _questions(first, count, columns, choice_count, content_width, rows_height, max_rows)
        pages.append(LayoutPage(len(pages) + 1, questions, number))
        first += count

    inset = MARGIN_MM + MARKER_SIZE_MM / 2
    right, bottom = paper.width_mm - inset, paper.height_mm - inset
    return Layout(
        paper=paper,
        markers=Markers(
            ((inset, inset), (right, inset), (right, bottom), (inset, bottom)), MARKER_SIZE_MM, MARKER_HOLE_MM
        ),
        code=Box(paper.width_mm - 45.0, 10.0, CODE_SIZE_MM, CODE_SIZE_MM),
        name_box=Box(name_left, IDENTITY_TOP_MM, _mm(name_width * NAME_SHARE), NAME_HEIGHT_MM),
        pages=tuple(pages),
    )


def _questions(
    first: int,
    count: int,
    columns: int,
    choice_count: int,
    content_width: float,
    rows_height: float,
    max_rows: int,
) -> tuple[ChoiceField, ...]:
    rows = min(_round_up(math.ceil(count / columns), GROUP_ROWS), max_rows)
    row_pitch = min(MAX_ROW_PITCH_MM, rows_height / rows)
    cell = content_width / columns
    choice_pitch = min(MAX_CHOICE_PITCH_MM, (cell - QUESTION_LABEL_MM - COLUMN_GAP_MM) / choice_count)
    used = QUESTION_LABEL_MM + choice_count * choice_pitch
    choices = tuple(str(choice + 1) for choice in range(choice_count))
    fields = []
    for index in range(count):
        column, row = divmod(index, rows)
        left = CONTENT_LEFT_MM + column * cell + (cell - used) / 2 + QUESTION_LABEL_MM
        y = QUESTION_TOP_MM + (row + 0.5) * row_pitch
        centres = tuple(_at(left + (choice + 0.5) * choice_pitch, y) for choice in range(choice_count))
        fields.append(ChoiceField(f"q{first + index}", choices, centres, QUESTION_SHAPE))
    return tuple(fields)


def _number_field(digits: int) -> DigitsField:
    columns = tuple(
        tuple(
            _at(NUMBER_FIRST_X_MM + column * NUMBER_PITCH_X_MM, NUMBER_FIRST_Y_MM + row * NUMBER_PITCH_Y_MM)
            for row in range(len(DIGITS))
        )
        for column in range(digits)
    )
    return DigitsField(STUDENT_NUMBER, columns, NUMBER_SHAPE)


def _require_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, expected {low}-{high}")


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _mm(value: float) -> float:
    return round(value, 2)


def _at(x: float, y: float) -> Point:
    return (_mm(x), _mm(y))
