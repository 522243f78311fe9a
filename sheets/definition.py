"""A whole answer sheet as one immutable, fingerprinted value, with its JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sheets.fields import (
    STUDENT_NUMBER,
    VERSION,
    Box,
    LayoutPage,
    Markers,
    Paper,
    QuestionField,
    check_fields,
    is_inside,
    require,
)
from sheets.wire import (
    FIRST_SCHEMA,
    LATEST_SCHEMA,
    as_box,
    as_list,
    as_number,
    as_object,
    as_page,
    as_point,
    as_text,
    box_json,
    needs_latest_schema,
    page_json,
)

MAX_QUESTIONS: Final = 200


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
    def questions(self) -> Iterator[QuestionField]:
        """Every question of every kind, in printed order."""
        return (field for page in self.pages for field in page.question_fields)

    @property
    def question_count(self) -> int:
        return sum(1 for _ in self.questions)

    @property
    def question_labels(self) -> tuple[str, ...]:
        return tuple(field.label for field in self.questions)

    @property
    def number_digits(self) -> int:
        """How many digits the student number has; 0 without one."""
        number = self.pages[0].student_number
        return len(number.columns) if number else 0

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that can be marked; empty where the exam has but one."""
        row = self.pages[0].version
        return row.choices if row else ()

    @property
    def schema(self) -> int:
        """The oldest schema that can say it, so that a sheet of single choices keeps the fingerprint it always had."""
        return LATEST_SCHEMA if any(needs_latest_schema(page) for page in self.pages) else FIRST_SCHEMA

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
            "schema": self.schema,
            "paper": {"name": self.paper.name, "size": [self.paper.width_mm, self.paper.height_mm]},
            "markers": {
                "centres": [list(centre) for centre in self.markers.centres],
                "size": self.markers.size_mm,
                "hole": self.markers.hole_mm,
            },
            "code": box_json(self.code),
            "name_box": box_json(self.name_box),
            "pages": [page_json(page) for page in self.pages],
        }

    def to_text(self) -> str:
        """Canonical JSON: sorted keys, no spaces, floats as Python's shortest repr."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, data: object) -> Layout:
        """The layout in ``data`` (JSON values). Raises ``ValueError`` naming the place that is wrong."""
        top = as_object(data, "layout", {"schema", "paper", "markers", "code", "name_box", "pages"})
        schema = top["schema"]
        if isinstance(schema, bool) or not isinstance(schema, int) or not FIRST_SCHEMA <= schema <= LATEST_SCHEMA:
            raise ValueError(f"layout: schema {str(schema)[:40]!r}, expected {FIRST_SCHEMA} to {LATEST_SCHEMA}")
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
                as_page(value, f"pages[{index}]", schema) for index, value in enumerate(as_list(top["pages"], "pages"))
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
    labels = layout.question_labels
    require(0 < len(labels) <= MAX_QUESTIONS, f"1-{MAX_QUESTIONS} questions")
    require(len(set(labels)) == len(labels), "question labels are unique")
    require(not {STUDENT_NUMBER, VERSION} & set(labels), "no question is called as the number or the version")
    digit_counts = {len(page.student_number.columns) if page.student_number else 0 for page in layout.pages}
    require(len(digit_counts) == 1, "the same student number on every page")
    require(len({page.version.choices if page.version else () for page in layout.pages}) == 1, "one row of versions")
    for page in layout.pages:
        require(len(page.question_fields) > 0, "questions on every page")
        check_fields(page, paper)
        require(len(page.bubble_centres) > 0, "bubbles on every page: they tell how it lies")
