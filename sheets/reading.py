"""What a worker reports after reading one page of an answer sheet: one schema, used by worker and API alike.

The same shape serves this product's own sheets and those of other makers: labelled fields with the values
that were marked in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict, cast

READING_SCHEMA_VERSION: Final = 1


class FieldStatus(StrEnum):
    """What was found in one field. Blank, several marks and "cannot tell" are three different things."""

    OK = "ok"
    BLANK = "blank"
    MULTIPLE = "multiple"
    UNSURE = "unsure"


class UnreadableReason(StrEnum):
    """Why a page could not be read as this sheet."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    CORNER_MISSING = "corner_missing"
    NO_SHEET = "no_sheet"
    OTHER_SHEET = "other_sheet"


class UnreadableSheet(Exception):
    """The picture cannot be read as the given sheet; ``reason`` says why, the message says what to do."""

    def __init__(self, reason: UnreadableReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnreadableSheet], tuple[UnreadableReason, str]]:
        return (UnreadableSheet, (self.reason, self.message))


class FieldReadingJson(TypedDict):
    label: str
    values: list[str]
    status: str
    confidence: float
    ink: list[float]


class SheetReadingJson(TypedDict):
    schema: int
    layout_fingerprint: str
    sheet_id: str | None
    page: int
    fields: list[FieldReadingJson]
    student_number: FieldReadingJson | None
    corners_found: int
    rotation_degrees: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One field as read.

    ``label``: the field's name on the sheet ("q1", "student_number", or another maker's own label).
    ``values``: the marked choices in printed order; for a number field one string of digits, ``?`` in every
    place that is blank or unclear. ``confidence``: the probability, 0 to 1, that ``values`` is what the
    person meant. ``ink``: darkness of each bubble in printed order, 0 (paper) to 1 (solid).
    """

    label: str
    values: tuple[str, ...]
    status: FieldStatus
    confidence: float
    ink: tuple[float, ...] = ()

    def to_json(self) -> FieldReadingJson:
        return {
            "label": self.label,
            "values": list(self.values),
            "status": self.status.value,
            "confidence": round(self.confidence, 4),
            "ink": [round(value, 3) for value in self.ink],
        }

    @classmethod
    def from_json(cls, data: FieldReadingJson) -> FieldReading:
        return cls(
            label=data["label"],
            values=tuple(data["values"]),
            status=FieldStatus(data["status"]),
            confidence=float(data["confidence"]),
            ink=tuple(data["ink"]),
        )


@dataclass(frozen=True, slots=True)
class SheetReading:
    """One page as read. ``sheet_id`` is the payload of the printed code, ``None`` where there is none.

    ``rotation_degrees``: how far the page was turned in the picture, clockwise. ``sharpness``: 0 (blurred)
    to 1 (as sharp as the resolution allows).
    """

    layout_fingerprint: str
    sheet_id: str | None
    page: int
    fields: tuple[FieldReading, ...]
    student_number: FieldReading | None
    corners_found: int
    rotation_degrees: float
    sharpness: float

    def to_json(self) -> SheetReadingJson:
        return {
            "schema": READING_SCHEMA_VERSION,
            "layout_fingerprint": self.layout_fingerprint,
            "sheet_id": self.sheet_id,
            "page": self.page,
            "fields": [field.to_json() for field in self.fields],
            "student_number": self.student_number.to_json() if self.student_number else None,
            "corners_found": self.corners_found,
            "rotation_degrees": round(self.rotation_degrees, 2),
            "sharpness": round(self.sharpness, 3),
        }

    @classmethod
    def from_json(cls, data: SheetReadingJson) -> SheetReading:
        """The reading in ``data``. Raises ``ValueError`` when it was written by another schema version."""
        version = cast(object, data.get("schema"))
        if version != READING_SCHEMA_VERSION:
            raise ValueError(f"sheet reading of schema {version!r}, expected {READING_SCHEMA_VERSION}")
        number = data["student_number"]
        return cls(
            layout_fingerprint=data["layout_fingerprint"],
            sheet_id=data["sheet_id"],
            page=data["page"],
            fields=tuple(FieldReading.from_json(field) for field in data["fields"]),
            student_number=FieldReading.from_json(number) if number else None,
            corners_found=data["corners_found"],
            rotation_degrees=data["rotation_degrees"],
            sharpness=data["sharpness"],
        )
