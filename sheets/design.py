"""Designing a sheet: from groups of questions to millimetres."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sheets.definition import MAX_QUESTIONS, Layout
from sheets.fields import (
    A4,
    DIGITS,
    MAX_CHOICES,
    MAX_NUMBER_DIGITS,
    MIN_CHOICES,
    MIN_NUMBER_DIGITS,
    SIGNS,
    STUDENT_NUMBER,
    VERSIONS,
    Box,
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Field,
    LayoutPage,
    Markers,
    NumericField,
    Paper,
    Point,
    VersionField,
)
from sheets.groups import Choices, Essays, Group, Numbers, check_groups, require_range

MARGIN_MM: Final = 8.0
"""Paper edge to marker: office printers leave up to 6 mm unprinted."""
MARKER_SIZE_MM: Final = 7.0
MARKER_HOLE_MM: Final = 3.0
CODE_SIZE_MM: Final = 22.0
"""A version 2-4 QR code, 0.65-0.9 mm a module: 2 pixels or more where the page is 900 pixels tall."""

CONTENT_LEFT_MM: Final = 14.0
IDENTITY_TOP_MM: Final = 39.0
NAME_GAP_MM: Final = 8.0
NAME_HEIGHT_MM: Final = 14.0
NAME_SHARE: Final = 0.62
"""Of the width beside the student number; the rest is for the date."""
NAME_SHARE_OF_THREE: Final = 0.48
"""Where subject and date stand beside it."""
VERSION_TOP_MM: Final = 4.4
"""From the name box down to the row of versions' middle, beside its height."""

QUESTION_BOTTOM_MARGIN_MM: Final = 21.0
COLUMN_GAP_MM: Final = 2.0
MAX_COLUMNS: Final = 5
GROUP_ROWS: Final = 5
"""Rows come in fives, the way people count them."""
USUAL_COLUMNS: Final = 3
"""A short group stands in as narrow columns as its longer neighbours, from the left."""
SECTION_GAP_MM: Final = 3.5
NUMERIC_SIDE_MM: Final = 0.9
MAX_NUMERIC_SPREAD: Final = 3
"""Numeric answers are spread over the page's width, up to so many times their least distance."""


@dataclass(frozen=True, slots=True)
class Measures:
    """The sizes of one print: regular, or large for those who see or write with difficulty."""

    question_shape: BubbleShape
    question_label_mm: float  # width of the printed question number, left of the first bubble's cell
    row_pitch_mm: tuple[float, float]
    choice_pitch_mm: tuple[float, float]
    number_shape: BubbleShape
    number_pitch_mm: tuple[float, float]
    number_top_mm: float  # from the panel's top to the first row of bubbles
    numeric_shape: BubbleShape
    numeric_pitch_mm: tuple[float, float]
    numeric_top_mm: float
    numeric_gap_mm: float  # between two questions, and for a point or a bar
    essay_title_mm: float
    essay_line_mm: float
    question_top_mm: float


REGULAR: Final = Measures(
    question_shape=BubbleShape(4.2, 5.2),
    question_label_mm=11.0,
    row_pitch_mm=(7.8, 9.0),
    choice_pitch_mm=(6.4, 8.6),
    number_shape=BubbleShape(3.8, 4.3),
    number_pitch_mm=(6.0, 5.8),
    number_top_mm=18.0,
    numeric_shape=BubbleShape(3.8, 4.3),
    numeric_pitch_mm=(5.8, 5.6),
    numeric_top_mm=17.2,
    numeric_gap_mm=2.6,
    essay_title_mm=7.0,
    essay_line_mm=9.0,
    question_top_mm=118.0,
)
LARGE: Final = Measures(
    question_shape=BubbleShape(5.8, 7.0),
    question_label_mm=15.0,
    row_pitch_mm=(10.6, 12.0),
    choice_pitch_mm=(8.6, 11.0),
    number_shape=BubbleShape(5.2, 5.8),
    number_pitch_mm=(7.4, 7.0),
    number_top_mm=22.5,
    numeric_shape=BubbleShape(5.2, 5.8),
    numeric_pitch_mm=(7.4, 7.0),
    numeric_top_mm=22.0,
    numeric_gap_mm=2.2,
    essay_title_mm=10.0,
    essay_line_mm=12.0,
    question_top_mm=133.0,
)


def design_layout(
    *,
    question_count: int | None = None,
    choice_count: int = 5,
    groups: Sequence[Group] = (),
    number_digits: int = 6,
    version_count: int = 0,
    is_large_print: bool = False,
    paper: Paper = A4,
) -> Layout:
    """A layout for 1-200 questions and a student number of 4-12 digits.

    Either ``question_count`` questions of ``choice_count`` choices (2-10), in the form that such sheets always had, or
    ``groups`` of questions of any kind. ``version_count`` 2-4 adds a row for the versions A-D.

    Questions run down the columns, then on to the next page. Labels are "q1".."qN" and "student_number", choices
    "1".."10". The same arguments give the same fingerprint. Raises ``ValueError`` for anything outside these ranges
    or a paper that is too small.
    """
    require_range("number_digits", number_digits, MIN_NUMBER_DIGITS, MAX_NUMBER_DIGITS)
    if version_count:
        require_range("version_count", version_count, 2, len(VERSIONS))
    if groups:
        if question_count is not None:
            raise ValueError("question_count or groups are expected, not both")
        check_groups(groups)
    else:
        require_range("question_count", question_count or 0, 1, MAX_QUESTIONS)
        require_range("choice_count", choice_count, MIN_CHOICES, MAX_CHOICES)
    frame = _Frame(LARGE if is_large_print else REGULAR, paper, number_digits, version_count)
    if groups or version_count or is_large_print:
        return frame.lay_out(_grouped_pages(frame, groups or [Choices(question_count or 0, choice_count)]))
    return frame.lay_out(_plain_pages(frame, question_count or 0, choice_count), has_subject=False)


class _Frame:
    """What surrounds the questions of every page, and the room that is left for them."""

    def __init__(self, measures: Measures, paper: Paper, number_digits: int, version_count: int) -> None:
        self.measures = measures
        self.paper = paper
        self.width = paper.width_mm - 2 * CONTENT_LEFT_MM
        self.top = measures.question_top_mm
        self.bottom = paper.height_mm - QUESTION_BOTTOM_MARGIN_MM
        self.number = _number_field(measures, number_digits)
        pitch = measures.number_pitch_mm[0]
        self.name_left = _mm(self.number.columns[-1][0][0] + pitch / 2 + NAME_GAP_MM)
        self.name_width = paper.width_mm - CONTENT_LEFT_MM - self.name_left
        if self.bottom - self.top < GROUP_ROWS * measures.row_pitch_mm[0] or self.name_width < 50.0:
            raise ValueError(f"paper {paper.name} is too small for this sheet")
        self.version = self._version_field(version_count) if version_count else None

    def _version_field(self, count: int) -> VersionField:
        shape = self.measures.question_shape
        pitch = self.measures.choice_pitch_mm[1]
        y = IDENTITY_TOP_MM + NAME_HEIGHT_MM + VERSION_TOP_MM + shape.height_mm / 2
        first = self.name_left + 22.0 + shape.width_mm / 2
        return VersionField(VERSIONS[:count], tuple(_at(first + index * pitch, y) for index in range(count)), shape)

    def lay_out(self, pages: Sequence[tuple[Field, ...]], *, has_subject: bool = True) -> Layout:
        inset = MARGIN_MM + MARKER_SIZE_MM / 2
        right, bottom = self.paper.width_mm - inset, self.paper.height_mm - inset
        share = NAME_SHARE_OF_THREE if has_subject else NAME_SHARE
        own: tuple[Field, ...] = (self.number, self.version) if self.version else (self.number,)
        return Layout(
            paper=self.paper,
            markers=Markers(
                ((inset, inset), (right, inset), (right, bottom), (inset, bottom)), MARKER_SIZE_MM, MARKER_HOLE_MM
            ),
            code=Box(self.paper.width_mm - 45.0, 10.0, CODE_SIZE_MM, CODE_SIZE_MM),
            name_box=Box(self.name_left, IDENTITY_TOP_MM, _mm(self.name_width * share), NAME_HEIGHT_MM),
            pages=tuple(LayoutPage(number, (*fields, *own)) for number, fields in enumerate(pages, start=1)),
        )


# ---------------------------------------------------------------- single choices only


def _plain_pages(frame: _Frame, question_count: int, choice_count: int) -> list[tuple[Field, ...]]:
    """Spread evenly over as few pages as hold them; never to be changed, for its fingerprints are printed."""
    measures = frame.measures
    rows_height = frame.bottom - frame.top
    max_rows = int(rows_height / measures.row_pitch_mm[0]) // GROUP_ROWS * GROUP_ROWS
    max_columns = _max_columns(measures, choice_count, frame.width)
    page_count = math.ceil(question_count / (max_rows * max_columns))
    per_page = min(_round_up(math.ceil(question_count / page_count), GROUP_ROWS), max_rows * max_columns)
    pages: list[tuple[Field, ...]] = []
    first = 1
    while first <= question_count:
        count = min(per_page, question_count - first + 1)
        columns = min(max_columns, max(math.ceil(count / max_rows), 2 if count > 2 * GROUP_ROWS else 1))
        rows = min(_round_up(math.ceil(count / columns), GROUP_ROWS), max_rows)
        pitch = min(measures.row_pitch_mm[1], rows_height / rows)
        pages.append(_choice_fields(frame, first, Choices(count, choice_count), columns, rows, pitch, frame.top))
        first += count
    return pages


def _max_columns(measures: Measures, choice_count: int, width: float) -> int:
    cell = measures.question_label_mm + choice_count * measures.choice_pitch_mm[0] + COLUMN_GAP_MM
    columns = min(MAX_COLUMNS, int(width / cell))
    if columns < 1:
        raise ValueError("the paper is too small for this sheet")
    return columns


def _choice_fields(
    frame: _Frame, first: int, group: Choices, columns: int, rows: int, row_pitch: float, top: float
) -> tuple[ChoiceField, ...]:
    measures = frame.measures
    cell = frame.width / columns
    label = measures.question_label_mm
    pitch = min(measures.choice_pitch_mm[1], (cell - label - COLUMN_GAP_MM) / group.choices)
    used = label + group.choices * pitch
    choices = tuple(str(choice + 1) for choice in range(group.choices))
    fields = []
    for index in range(group.count):
        column, row = divmod(index, rows)
        left = CONTENT_LEFT_MM + column * cell + (cell - used) / 2 + label
        y = top + (row + 0.5) * row_pitch
        centres = tuple(_at(left + (choice + 0.5) * pitch, y) for choice in range(group.choices))
        fields.append(ChoiceField(f"q{first + index}", choices, centres, measures.question_shape, group.has_several))
    return tuple(fields)


# ---------------------------------------------------------------- groups of any kind


@dataclass(frozen=True, slots=True)
class _Section:
    """A band of like questions across the page: the fields and the height that they take."""

    fields: tuple[Field, ...]
    height: float


def _grouped_pages(frame: _Frame, groups: Sequence[Group]) -> list[tuple[Field, ...]]:
    pages: list[tuple[Field, ...]] = []
    fields: list[Field] = []
    top = frame.top
    first = 1
    for left in _runs(groups):
        while left:
            section = _section(frame, left, first, top)
            if section is None:
                if not fields:
                    raise ValueError(f"a question of {left[0]} does not fit on paper {frame.paper.name}")
                pages.append(tuple(fields))
                fields, top = [], frame.top
                continue
            fields += section.fields
            top += section.height + SECTION_GAP_MM
            first += len(section.fields)
            left = left[len(section.fields) :]
    pages.append(tuple(fields))
    return pages


def _runs(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups' questions, each named by its group: numbers of any length in one run, for they share a row."""
    for is_numeric, run in groupby(groups, key=lambda group: isinstance(group, Numbers)):
        questions = [[group] * group.count for group in run]
        if is_numeric:
            yield [group for part in questions for group in part]
        else:
            yield from questions


def _section(frame: _Frame, questions: Sequence[Group], first: int, top: float) -> _Section | None:
    """As many of ``questions``, each named by its group, as fit below ``top``; None where not even one row does."""
    room = frame.bottom - top
    group = questions[0]
    if isinstance(group, Choices):
        return _choice_section(frame, group, first, len(questions), top, room)
    if isinstance(group, Essays):
        return _essay_section(frame, group, first, len(questions), top, room)
    return _numeric_section(frame, [group for group in questions if isinstance(group, Numbers)], first, top, room)


def _choice_section(frame: _Frame, group: Choices, first: int, count: int, top: float, room: float) -> _Section | None:
    low, high = frame.measures.row_pitch_mm
    max_rows = int(room / low)
    if max_rows < min(count, GROUP_ROWS):
        return None
    if max_rows >= GROUP_ROWS:
        max_rows = max_rows // GROUP_ROWS * GROUP_ROWS
    max_columns = _max_columns(frame.measures, group.choices, frame.width)
    columns = min(max_columns, math.ceil(count / GROUP_ROWS))
    rows = min(math.ceil(count / columns), max_rows)
    if rows > GROUP_ROWS:
        rows = min(_round_up(rows, GROUP_ROWS), max_rows)
    taken = min(count, rows * columns)
    grid = max(math.ceil(taken / rows), min(max_columns, USUAL_COLUMNS))
    pitch = min((low + high) / 2, room / rows)
    part = Choices(taken, group.choices, group.has_several)
    return _Section(_choice_fields(frame, first, part, grid, rows, pitch, top), rows * pitch)


def _numeric_section(
    frame: _Frame, questions: Sequence[Numbers], first: int, top: float, room: float
) -> _Section | None:
    measures = frame.measures
    shape, (pitch_x, pitch_y), gap = measures.numeric_shape, measures.numeric_pitch_mm, measures.numeric_gap_mm
    height = measures.numeric_top_mm + (len(DIGITS) - 1) * pitch_y + shape.height_mm - 0.3
    if room < height:
        return None
    widths: list[float] = []
    for group in questions:
        width = list(_column_offsets(measures, group))[-1] + pitch_x + 2 * NUMERIC_SIDE_MM
        if widths and sum(widths) + len(widths) * gap + width > frame.width:
            break
        widths.append(width)
    spread = (frame.width - sum(widths)) / max(len(widths) - 1, 1)
    step = min(spread, MAX_NUMERIC_SPREAD * gap)
    fields = []
    left = CONTENT_LEFT_MM
    for index, (group, width) in enumerate(zip(questions, widths, strict=False)):
        columns = tuple(
            tuple(
                _at(left + NUMERIC_SIDE_MM + pitch_x / 2 + offset, top + measures.numeric_top_mm + row * pitch_y)
                for row in range(len(SIGNS) if group.has_sign and place == 0 else len(DIGITS))
            )
            for place, offset in enumerate(_column_offsets(measures, group))
        )
        fields.append(
            NumericField(f"q{first + index}", columns, shape, group.has_sign, group.decimals, group.denominator)
        )
        left += width + step
    return _Section(tuple(fields), height)


def _column_offsets(measures: Measures, group: Numbers) -> Iterator[float]:
    """Where each column of a numeric answer stands, mm right of its first."""
    pitch = measures.numeric_pitch_mm[0]
    split = group.has_sign + group.digits
    for place in range(split + group.decimals + group.denominator):
        yield place * pitch + (measures.numeric_gap_mm if place >= split else 0.0)


def _essay_section(frame: _Frame, group: Essays, first: int, count: int, top: float, room: float) -> _Section | None:
    measures = frame.measures
    height = measures.essay_title_mm + group.lines * measures.essay_line_mm
    fitting = min(count, int((room + SECTION_GAP_MM) / (height + SECTION_GAP_MM)))
    if fitting < 1:
        return None
    step = height + SECTION_GAP_MM
    boxes = [Box(CONTENT_LEFT_MM, _mm(top + index * step), _mm(frame.width), _mm(height)) for index in range(fitting)]
    fields = tuple(EssayField(f"q{first + index}", box, group.lines) for index, box in enumerate(boxes))
    return _Section(fields, fitting * step - SECTION_GAP_MM)


def _number_field(measures: Measures, digits: int) -> DigitsField:
    pitch_x, pitch_y = measures.number_pitch_mm
    first_x, first_y = CONTENT_LEFT_MM + pitch_x / 2 + 4.0, IDENTITY_TOP_MM + measures.number_top_mm
    columns = tuple(
        tuple(_at(first_x + column * pitch_x, first_y + row * pitch_y) for row in range(len(DIGITS)))
        for column in range(digits)
    )
    return DigitsField(STUDENT_NUMBER, columns, measures.number_shape)


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _mm(value: float) -> float:
    return round(value, 2)


def _at(x: float, y: float) -> Point:
    return (_mm(x), _mm(y))
