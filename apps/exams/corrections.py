"""What holds of a page: what the machine read, with what people said in its place. One function for all who ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.exams.models import Correction, CorrectionKind, Maker, Scan, SheetLayout
from sheets.layout import ChoiceField, EssayField, Layout, NumericField
from sheets.reading import FieldReading, FieldStatus, SheetReading
from sheets.template import printed_values


def standing(scan: Scan) -> list[Correction]:
    """What was said of ``scan`` and not undone. No query where ``queries.with_corrections`` has loaded them."""
    return [correction for correction in scan.corrections.all() if correction.undone_at is None]


def effective_reading(scan: Scan) -> SheetReading:
    """What counts as read on ``scan``, which has been read: the machine's reading, corrected by people."""
    assert scan.reading is not None
    return corrected(SheetReading.from_json(scan.reading), standing(scan))


def corrected(reading: SheetReading, corrections: Iterable[Correction]) -> SheetReading:
    """``reading`` with ``corrections`` in place of what the machine read; what they say of other pages is left out."""
    answers = {row.label: tuple(row.values) for row in corrections if row.kind == CorrectionKind.ANSWER}
    versions = [tuple(row.values) for row in corrections if row.kind == CorrectionKind.VERSION]
    fields = tuple(
        _as_meant(field, answers[field.label]) if field.label in answers else field for field in reading.fields
    )
    version = reading.version
    if versions:
        version = _as_meant(version or FieldReading("version", (), FieldStatus.BLANK, 0.0), versions[0])
    return replace(reading, fields=fields, version=version)


def _as_meant(field: FieldReading, values: tuple[str, ...]) -> FieldReading:
    # several marks are judged by the kind of question, so that they are OK here: they are what was meant
    status = FieldStatus.OK if values else FieldStatus.BLANK
    return replace(field, values=values, status=status, confidence=1.0)


def is_markable(field: ChoiceField | NumericField | EssayField, values: tuple[str, ...]) -> bool:
    """Whether ``values`` can be what somebody marked in ``field`` of our own sheets. Nothing at all always can."""
    if isinstance(field, EssayField):
        return False
    if isinstance(field, ChoiceField):
        return len(set(values)) == len(values) and set(values) <= set(field.choices)
    return len(values) <= 1


@dataclass(frozen=True, slots=True)
class Markable:
    """What can be marked in a field, in printed order; nothing where a number is, or a text of several fields."""

    choices: tuple[str, ...] = ()
    has_several: bool = False
    is_number: bool = False


def markable_fields(sheet: SheetLayout) -> dict[str, Markable]:
    """By label, of the questions of a sheet; of another maker's those that are one printed field."""
    if sheet.maker != Maker.OWN:
        return {label: Markable(values) for label, values in printed_values(sheet.definition).items()}
    return {
        field.label: Markable(field.choices, field.has_several)
        if isinstance(field, ChoiceField)
        else Markable(is_number=True)
        for field in Layout.from_json(sheet.definition).questions
        if not isinstance(field, EssayField)
    }


def contradictions(one: SheetReading, other: SheetReading) -> list[str]:
    """The labels of which two readings surely say different things; where there are any, they are of two sheets."""
    theirs = {field.label: field for field in (*other.fields, *([other.version] if other.version else []))}
    found = []
    for field in (*one.fields, *([one.version] if one.version else [])):
        against = theirs.get(field.label)
        if against is None or FieldStatus.UNSURE in (field.status, against.status):
            continue
        if (field.status, field.values) != (against.status, against.values):
            found.append(field.label)
    return found
