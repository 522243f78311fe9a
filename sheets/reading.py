"""What a worker reports after reading one page of an answer sheet: one schema, used by worker and API alike.

The same shape serves this product's own sheets and those of other makers: labelled fields with the values
that were marked in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NotRequired, TypedDict, cast

READING_SCHEMA_VERSION: Final = 2
"""2 adds the status of each digit, the version, the copy's token and the boxes of essays. Readings of schema 1, of
which there are many in the database, have none of these and are read all the same."""
FIRST_SCHEMA_VERSION: Final = 1


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
    places: NotRequired[list[str]]


class EssayCropJson(TypedDict):
    label: str
    corners: list[list[float]]


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
    version: NotRequired[FieldReadingJson | None]
    token: NotRequired[str | None]
    essays: NotRequired[list[EssayCropJson]]


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One field as read.

    ``label``: the field's name on the sheet ("q1", "student_number", or another maker's own label).
    ``values``: the marked choices in printed order; for the student number one string of digits, ``?`` in every
    place that is blank or unclear; for a numeric answer its text as marked (``7``, ``007``, ``-12.5``, ``3/4``), ``?``
    in every place that is unclear, and nothing at all when it is blank. ``confidence``: the probability, 0 to 1, that
    ``values`` is what the person meant. ``ink``: darkness of each bubble in printed order, 0 (paper) to 1 (solid).
    ``places``: of a number, the status of every printed column, the sign's included.
    """

    label: str
    values: tuple[str, ...]
    status: FieldStatus
    confidence: float
    ink: tuple[float, ...] = ()
    places: tuple[FieldStatus, ...] = ()

    def to_json(self) -> FieldReadingJson:
        data: FieldReadingJson = {
            "label": self.label,
            "values": list(self.values),
            "status": self.status.value,
            "confidence": round(self.confidence, 4),
            "ink": [round(value, 3) for value in self.ink],
        }
        if self.places:
            data["places"] = [status.value for status in self.places]
        return data

    @classmethod
    def from_json(cls, data: FieldReadingJson) -> FieldReading:
        return cls(
            label=data["label"],
            values=tuple(data["values"]),
            status=FieldStatus(data["status"]),
            confidence=float(data["confidence"]),
            ink=tuple(data["ink"]),
            places=tuple(FieldStatus(status) for status in data.get("places", ())),
        )


@dataclass(frozen=True, slots=True)
class EssayCrop:
    """Where an essay's box lies in the picture as it was handed in: ``corners`` (x, y) pixels, clockwise from the
    box's own top left."""

    label: str
    corners: tuple[tuple[float, float], ...]

    def to_json(self) -> EssayCropJson:
        return {"label": self.label, "corners": [[round(x, 1), round(y, 1)] for x, y in self.corners]}

    @classmethod
    def from_json(cls, data: EssayCropJson) -> EssayCrop:
        return cls(data["label"], tuple((float(x), float(y)) for x, y in data["corners"]))


@dataclass(frozen=True, slots=True)
class SheetReading:
    """One page as read. ``sheet_id`` is the exam's in the printed code, ``None`` where no code was read.

    ``version``: the exam's version, from the printed code if it names one, else as marked; ``None`` where the sheet has
    neither. When the code and the row contradict each other it is unsure. ``token`` names one student's copy.

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
    version: FieldReading | None = None
    token: str | None = None
    essays: tuple[EssayCrop, ...] = ()

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
            "version": self.version.to_json() if self.version else None,
            "token": self.token,
            "essays": [crop.to_json() for crop in self.essays],
        }

    @classmethod
    def from_json(cls, data: SheetReadingJson) -> SheetReading:
        """The reading in ``data``. Raises ``ValueError`` when it was written by a schema version that is not known."""
        schema = cast(object, data.get("schema"))
        if isinstance(schema, bool) or schema not in (FIRST_SCHEMA_VERSION, READING_SCHEMA_VERSION):
            known = f"{FIRST_SCHEMA_VERSION} or {READING_SCHEMA_VERSION}"
            raise ValueError(f"sheet reading of schema {schema!r}, expected {known}")
        number, version = data["student_number"], data.get("version")
        return cls(
            layout_fingerprint=data["layout_fingerprint"],
            sheet_id=data["sheet_id"],
            page=data["page"],
            fields=tuple(FieldReading.from_json(field) for field in data["fields"]),
            student_number=FieldReading.from_json(number) if number else None,
            corners_found=data["corners_found"],
            rotation_degrees=data["rotation_degrees"],
            sharpness=data["sharpness"],
            version=FieldReading.from_json(version) if version else None,
            token=data.get("token"),
            essays=tuple(EssayCrop.from_json(crop) for crop in data.get("essays", ())),
        )
