"""The JSON of fields: written canonically, read from anyone, refused with the place that is wrong."""

from __future__ import annotations

from typing import Final

from sheets.fields import (
    Box,
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Field,
    LayoutPage,
    NumericField,
    Point,
    VersionField,
)

FIRST_SCHEMA: Final = 1
LATEST_SCHEMA: Final = 2
"""Schema 2 adds numeric answers, questions with several marks, essay boxes and the version row."""

MAX_FIELDS_ON_A_PAGE: Final = 400

_SINGLE_CHOICE: Final = "single_choice"
_SEVERAL_CHOICES: Final = "several_choices"
_NUMERIC: Final = "numeric"
_ESSAY: Final = "essay"
_VERSION: Final = "version"
_DIGITS: Final = "digits"
_FIRST_KINDS: Final = frozenset({_SINGLE_CHOICE, _DIGITS})


def needs_latest_schema(page: LayoutPage) -> bool:
    """Whether a field of ``page`` cannot be said in schema 1."""
    return not all(isinstance(field, DigitsField) or _is_single(field) for field in page.fields)


def _is_single(field: Field) -> bool:
    return isinstance(field, ChoiceField) and not field.has_several


def box_json(box: Box) -> list[float]:
    return [box.x_mm, box.y_mm, box.width_mm, box.height_mm]


def page_json(page: LayoutPage) -> dict[str, object]:
    return {"number": page.number, "fields": [_field_json(field) for field in page.fields]}


def _field_json(field: Field) -> dict[str, object]:
    if isinstance(field, EssayField):
        return {"kind": _ESSAY, "label": field.label, "box": box_json(field.box), "lines": field.lines}
    data: dict[str, object] = {"label": field.label, "shape": [field.shape.width_mm, field.shape.height_mm]}
    if isinstance(field, ChoiceField | VersionField):
        kind = _VERSION if isinstance(field, VersionField) else _SINGLE_CHOICE
        if isinstance(field, ChoiceField) and field.has_several:
            kind = _SEVERAL_CHOICES
        centres = [list(centre) for centre in field.centres]
        return data | {"kind": kind, "choices": list(field.choices), "centres": centres}
    data["columns"] = [[list(centre) for centre in column] for column in field.columns]
    if isinstance(field, DigitsField):
        return data | {"kind": _DIGITS}
    return data | {
        "kind": _NUMERIC,
        "sign": field.has_sign,
        "decimals": field.decimals,
        "denominator": field.denominator,
    }


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


def as_count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
        raise ValueError(f"{where}: expected an integer")
    return value


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


def as_page(value: object, where: str, schema: int) -> LayoutPage:
    page = as_object(value, where, {"number", "fields"})
    number = page["number"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise ValueError(f"{where}.number: expected an integer")
    items = as_list(page["fields"], f"{where}.fields")
    if len(items) > MAX_FIELDS_ON_A_PAGE:
        raise ValueError(f"{where}.fields: at most {MAX_FIELDS_ON_A_PAGE}")
    fields = tuple(_field(item, f"{where}.fields[{index}]", schema) for index, item in enumerate(items))
    for lone in (DigitsField, VersionField):
        if sum(isinstance(field, lone) for field in fields) > 1:
            raise ValueError(f"{where}.fields: a second student number or version")
    return LayoutPage(number, fields)


def _field(item: object, where: str, schema: int) -> Field:
    if not isinstance(item, dict):
        raise ValueError(f"{where}: expected an object")
    kind: object = item.get("kind")
    if schema == FIRST_SCHEMA and not (isinstance(kind, str) and kind in _FIRST_KINDS):
        raise ValueError(f"{where}: unknown kind {str(kind)[:40]!r} in schema {schema}")
    match kind:
        case "single_choice" | "several_choices":
            return _choice_field(item, where, has_several=kind == _SEVERAL_CHOICES)
        case "version":
            choice = _choice_field(item, where, has_several=False)
            return VersionField(choice.choices, choice.centres, choice.shape, choice.label)
        case "digits":
            data = as_object(item, where, {"kind", "label", "columns", "shape"})
            return DigitsField(
                label=as_text(data["label"], f"{where}.label"),
                columns=_columns(data["columns"], f"{where}.columns"),
                shape=_shape(data["shape"], where),
            )
        case "numeric":
            return _numeric_field(item, where)
        case "essay":
            data = as_object(item, where, {"kind", "label", "box", "lines"})
            return EssayField(
                label=as_text(data["label"], f"{where}.label"),
                box=as_box(data["box"], f"{where}.box"),
                lines=as_count(data["lines"], f"{where}.lines"),
            )
        case _:
            raise ValueError(f"{where}: unknown kind {str(kind)[:40]!r}")


def _choice_field(item: object, where: str, *, has_several: bool) -> ChoiceField:
    data = as_object(item, where, {"kind", "label", "choices", "centres", "shape"})
    return ChoiceField(
        label=as_text(data["label"], f"{where}.label"),
        choices=tuple(as_text(value, f"{where}.choices") for value in as_list(data["choices"], f"{where}.choices")),
        centres=tuple(as_point(value, f"{where}.centres") for value in as_list(data["centres"], f"{where}.centres")),
        shape=_shape(data["shape"], where),
        has_several=has_several,
    )


def _numeric_field(item: object, where: str) -> NumericField:
    data = as_object(item, where, {"kind", "label", "columns", "shape", "sign", "decimals", "denominator"})
    has_sign = data["sign"]
    if not isinstance(has_sign, bool):
        raise ValueError(f"{where}.sign: expected true or false")
    return NumericField(
        label=as_text(data["label"], f"{where}.label"),
        columns=_columns(data["columns"], f"{where}.columns"),
        shape=_shape(data["shape"], where),
        has_sign=has_sign,
        decimals=as_count(data["decimals"], f"{where}.decimals"),
        denominator=as_count(data["denominator"], f"{where}.denominator"),
    )


def _columns(value: object, where: str) -> tuple[tuple[Point, ...], ...]:
    return tuple(tuple(as_point(point, where) for point in as_list(column, where)) for column in as_list(value, where))


def _shape(value: object, where: str) -> BubbleShape:
    return BubbleShape(*as_point(value, f"{where}.shape"))
