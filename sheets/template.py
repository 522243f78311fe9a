"""OMRChecker's ``template.json`` (first form): parsed, checked, frozen.

The format is described at https://github.com/Udayraj123/OMRChecker/wiki/User-Guide. A template comes from an
upload, so it is hostile until parsed: every number is bounded here and nothing in it names a path.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

MAX_BLOCKS: Final = 500
MAX_FIELDS: Final = 2_000
MAX_BUBBLES: Final = 20_000
MAX_VALUES_PER_FIELD: Final = 60
MAX_PAGE_UNITS: Final = 20_000
MAX_NAME_LENGTH: Final = 100

_DIGITS: Final = tuple("0123456789")
_FIELD_TYPES: Final[Mapping[str, tuple[tuple[str, ...], Literal["horizontal", "vertical"]]]] = {
    "QTYPE_INT": (_DIGITS, "vertical"),
    "QTYPE_INT_FROM_1": ((*_DIGITS[1:], "0"), "vertical"),
    "QTYPE_MCQ4": (tuple("ABCD"), "horizontal"),
    "QTYPE_MCQ5": (tuple("ABCDE"), "horizontal"),
}
# Smoothing and contrast steps prepare OMRChecker's own thresholds; this reader measures against local paper.
_HARMLESS_STEPS: Final = frozenset({"GaussianBlur", "MedianBlur", "Levels"})
_RANGE: Final = re.compile(r"([^.\d]+)(\d{1,6})\.{2,3}(\d{1,6})")
_NATURAL: Final = re.compile(r"([^\d]*)(\d*)(.*)", re.DOTALL)
_PLAIN_FILE_NAME: Final = re.compile(r"[\w][\w .()-]{0,99}")


class BadTemplate(ValueError):
    """The template cannot be used; the message names the place and what is expected there."""

    reason: Final = "bad_template"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TemplateJson(TypedDict):
    template: dict[str, object]
    assets: dict[str, str]


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """A lattice of bubbles: ``labels`` x ``values``, all lengths in page units.

    ``origin``: top left corner of the first bubble's box of ``size`` (width, height). ``value_gap`` leads from one
    choice to the next, ``label_gap`` from one field to the next, both (x, y).
    """

    name: str
    origin: tuple[float, float]
    size: tuple[float, float]
    value_gap: tuple[float, float]
    label_gap: tuple[float, float]
    values: tuple[str, ...]
    labels: tuple[str, ...]
    empty_value: str

    def centres(self) -> list[list[tuple[float, float]]]:
        """Centres (x, y) of the bubbles in page units: a row for every label, in it every value."""
        left, top = self.origin[0] + self.size[0] / 2, self.origin[1] + self.size[1] / 2
        return [
            [
                (
                    left + row * self.label_gap[0] + column * self.value_gap[0],
                    top + row * self.label_gap[1] + column * self.value_gap[1],
                )
                for column in range(len(self.values))
            ]
            for row in range(len(self.labels))
        ]


@dataclass(frozen=True, slots=True)
class OutputField:
    """A field as it is reported: one printed field, or several joined under a custom label."""

    label: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkerSpec:
    """The picture printed at the four corners: a file as uploaded, not decoded here, where hostile pictures never are.

    ``width_ratio``: the page's width in widths of the marker.
    """

    name: str
    picture: bytes = field(repr=False)
    width_ratio: float


@dataclass(frozen=True, slots=True)
class Template:
    """A sheet of another maker. ``page_size`` (width, height) in page units, which all positions are given in."""

    page_size: tuple[float, float]
    blocks: tuple[FieldBlock, ...]
    outputs: tuple[OutputField, ...]
    is_cropped_to_page: bool
    marker: MarkerSpec | None
    fingerprint: str
    source: str = field(repr=False)
    assets: tuple[tuple[str, bytes], ...] = field(repr=False)

    def to_json(self) -> TemplateJson:
        return {
            "template": json.loads(self.source),
            "assets": {name: base64.b64encode(content).decode("ascii") for name, content in self.assets},
        }

    @classmethod
    def from_json(cls, data: TemplateJson) -> Template:
        """The template that ``to_json`` wrote. Raises ``BadTemplate``."""
        whole = _mapping(data, "the stored template")
        encoded = _mapping(whole.get("assets"), "assets")
        try:
            assets = {
                name: base64.b64decode(content, validate=True)
                for name, content in encoded.items()
                if isinstance(content, str)
            }
        except (binascii.Error, ValueError) as error:
            raise BadTemplate("assets: not base64") from error
        return parse_template(_mapping(whole.get("template"), "template"), assets=assets)


def parse_template(template: Mapping[str, object], *, assets: Mapping[str, bytes]) -> Template:
    """The template in ``template``, the parsed JSON. ``assets``: the picture files it names, by plain file name.

    Raises ``BadTemplate`` with the place and the reason.
    """
    page_size = _pair(template.get("pageDimensions"), "pageDimensions", low=1, high=MAX_PAGE_UNITS)
    bubble_size = _pair(template.get("bubbleDimensions"), "bubbleDimensions", low=1, high=MAX_PAGE_UNITS)
    empty_value = _text(template.get("emptyValue", ""), "emptyValue", may_be_empty=True)
    raw_blocks = _mapping(template.get("fieldBlocks"), "fieldBlocks")
    if not 1 <= len(raw_blocks) <= MAX_BLOCKS:
        raise BadTemplate(f"fieldBlocks: expected 1 to {MAX_BLOCKS} blocks, found {len(raw_blocks)}")
    blocks: list[FieldBlock] = []
    fields = bubbles = 0
    # By name: a store such as jsonb does not keep the order of keys, and the fingerprint must not depend on it.
    for name, raw in sorted(raw_blocks.items()):
        block = _block(_text(name, "fieldBlocks"), raw, bubble_size, empty_value, page_size)
        fields += len(block.labels)
        bubbles += len(block.labels) * len(block.values)
        if fields > MAX_FIELDS or bubbles > MAX_BUBBLES:
            raise BadTemplate(f"fieldBlocks: more than {MAX_FIELDS} fields or {MAX_BUBBLES} bubbles")
        blocks.append(block)
    is_cropped_to_page, marker = _steps(template.get("preProcessors", []), assets)
    outputs = _outputs(template, blocks)
    try:
        source = json.dumps(template, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadTemplate("the template is not plain JSON") from error
    kept = tuple(sorted((name, bytes(content)) for name, content in assets.items() if name in source))
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass"))
    for name, content in kept:
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return Template(
        page_size=page_size,
        blocks=tuple(blocks),
        outputs=outputs,
        is_cropped_to_page=is_cropped_to_page,
        marker=marker,
        fingerprint=digest.hexdigest(),
        source=source,
        assets=kept,
    )


def asset_names(template: Mapping[str, object]) -> tuple[str, ...]:
    """The picture files that ``template`` needs, as plain file names. Raises ``BadTemplate``."""
    names: list[str] = []
    for step in _list(template.get("preProcessors", []), "preProcessors"):
        raw = _mapping(step, "preProcessors")
        if raw.get("name") == "CropOnMarkers":
            names.append(_file_name(_mapping(raw.get("options", {}), "CropOnMarkers").get("relativePath")))
    return tuple(names)


def printed_values(template: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """What can be marked in each output that is one printed field. Raises ``BadTemplate``."""
    parsed = parse_template(template, assets=dict.fromkeys(asset_names(template), b""))
    values = {label: block.values for block in parsed.blocks for label in block.labels}
    return {output.label: values[output.label] for output in parsed.outputs if output.parts == (output.label,)}


def _block(
    name: str, raw_block: object, bubble_size: tuple[float, float], empty_value: str, page_size: tuple[float, float]
) -> FieldBlock:
    where = f"fieldBlocks.{name}"
    raw = _mapping(raw_block, where)
    values, direction = _values_and_direction(raw, where)
    labels = expand_labels(raw.get("fieldLabels"), f"{where}.fieldLabels")
    value_gap = _number(raw.get("bubblesGap", None if len(values) > 1 else 0), f"{where}.bubblesGap")
    label_gap = _number(raw.get("labelsGap", None if len(labels) > 1 else 0), f"{where}.labelsGap")
    size = bubble_size
    if "bubbleDimensions" in raw:
        size = _pair(raw["bubbleDimensions"], f"{where}.bubbleDimensions", low=1, high=MAX_PAGE_UNITS)
    is_horizontal = direction == "horizontal"
    block = FieldBlock(
        name=name,
        origin=_pair(raw.get("origin"), f"{where}.origin", low=-MAX_PAGE_UNITS, high=MAX_PAGE_UNITS),
        size=size,
        value_gap=(value_gap, 0.0) if is_horizontal else (0.0, value_gap),
        label_gap=(0.0, label_gap) if is_horizontal else (label_gap, 0.0),
        values=values,
        labels=labels,
        empty_value=_text(raw.get("emptyValue", empty_value), f"{where}.emptyValue", may_be_empty=True),
    )
    if (len(values) > 1 and abs(value_gap) < 1) or (len(labels) > 1 and abs(label_gap) < 1):
        raise BadTemplate(f"{where}: bubbles lie on top of each other, see bubblesGap and labelsGap")
    if any(not (0 <= x <= page_size[0] and 0 <= y <= page_size[1]) for row in block.centres() for x, y in row):
        raise BadTemplate(f"{where}: bubbles lie outside pageDimensions")
    return block


def _values_and_direction(
    raw: Mapping[str, object], where: str
) -> tuple[tuple[str, ...], Literal["horizontal", "vertical"]]:
    values: tuple[str, ...] = ()
    direction: Literal["horizontal", "vertical"] = "vertical"
    if "fieldType" in raw:
        kind = raw["fieldType"]
        if not isinstance(kind, str) or kind not in _FIELD_TYPES:
            raise BadTemplate(f"{where}.fieldType: {str(kind)[:60]!r} is none of {', '.join(_FIELD_TYPES)}")
        values, direction = _FIELD_TYPES[kind]
    if "bubbleValues" in raw:
        listed = _list(raw["bubbleValues"], f"{where}.bubbleValues")
        values = tuple(_text(value, f"{where}.bubbleValues") for value in listed)
    if not 1 <= len(values) <= MAX_VALUES_PER_FIELD or len(set(values)) != len(values):
        raise BadTemplate(
            f"{where}: needs a fieldType, or 1 to {MAX_VALUES_PER_FIELD} different bubbleValues and a direction"
        )
    chosen = raw.get("direction", direction)
    if chosen == "horizontal":
        return values, "horizontal"
    if chosen == "vertical":
        return values, "vertical"
    raise BadTemplate(f"{where}.direction: expected horizontal or vertical")


def _steps(raw_steps: object, assets: Mapping[str, bytes]) -> tuple[bool, MarkerSpec | None]:
    is_cropped, marker = False, None
    steps = _list(raw_steps, "preProcessors")
    if len(steps) > 20:
        raise BadTemplate("preProcessors: more than 20 steps")
    for raw_step in steps:
        step = _mapping(raw_step, "preProcessors")
        name = _text(step.get("name"), "preProcessors.name")
        options = _mapping(step.get("options", {}), f"preProcessors.{name}.options")
        if name == "CropPage":
            is_cropped = True
        elif name == "CropOnMarkers":
            marker = _marker(options, assets)
        elif name not in _HARMLESS_STEPS:
            raise BadTemplate(
                f"preProcessors: {name!r} is not supported, only CropPage, CropOnMarkers, "
                f"{', '.join(sorted(_HARMLESS_STEPS))}"
            )
    return is_cropped, marker


def _marker(options: Mapping[str, object], assets: Mapping[str, bytes]) -> MarkerSpec:
    name = _file_name(options.get("relativePath"))
    ratio = _number(options.get("sheetToMarkerWidthRatio", 17), "CropOnMarkers.sheetToMarkerWidthRatio")
    if not 2 <= ratio <= 100:
        raise BadTemplate("CropOnMarkers.sheetToMarkerWidthRatio: expected 2 to 100")
    if name not in assets:
        raise BadTemplate(f"CropOnMarkers: the picture {name!r} is missing")
    return MarkerSpec(name=name, picture=assets[name], width_ratio=ratio)


def _outputs(template: Mapping[str, object], blocks: list[FieldBlock]) -> tuple[OutputField, ...]:
    """What is reported, in OMRChecker's order: ``outputColumns`` if given, else by name with numbers as numbers."""
    labels: set[str] = set()
    for block in blocks:
        for label in block.labels:
            if label in labels:
                raise BadTemplate(f"fieldBlocks.{block.name}: the label {label!r} is used twice")
            labels.add(label)
    outputs: dict[str, OutputField] = {}
    joined: set[str] = set()
    for name, raw in _mapping(template.get("customLabels", {}), "customLabels").items():
        where = f"customLabels.{name}"
        parts = expand_labels(raw, where)
        if unknown := [part for part in parts if part not in labels]:
            raise BadTemplate(f"{where}: no field is labelled {unknown[0]!r}")
        if again := [part for part in parts if part in joined]:
            raise BadTemplate(f"{where}: {again[0]!r} is part of another custom label")
        joined.update(parts)
        outputs[_text(name, "customLabels")] = OutputField(name, parts)
    for label in labels - joined:
        if label in outputs:
            raise BadTemplate(f"customLabels.{label}: a field has this label too")
        outputs[label] = OutputField(label, (label,))
    order = template.get("outputColumns", [])
    wanted = expand_labels(order, "outputColumns") if order else tuple(sorted(outputs, key=_natural_key))
    if missing := [label for label in wanted if label not in outputs]:
        raise BadTemplate(f"outputColumns: no field is labelled {missing[0]!r}")
    return tuple(outputs[label] for label in wanted)


def _natural_key(label: str) -> tuple[str, int, str]:
    match = _NATURAL.fullmatch(label)
    prefix, number, rest = match.groups() if match else (label, "", "")
    return prefix, int(number[:18]) if number else 0, rest


def expand_labels(raw: object, where: str) -> tuple[str, ...]:
    """Labels with ranges such as ``q1..20`` written out."""
    labels: list[str] = []
    for entry in _list(raw, where):
        text = _text(entry, where)
        match = _RANGE.fullmatch(text)
        if match is None:
            if ".." in text:
                raise BadTemplate(f"{where}: {text!r} is no range such as q1..20")
            labels.append(text)
            continue
        prefix, first, last = match[1], int(match[2]), int(match[3])
        if not first < last <= first + MAX_FIELDS:
            raise BadTemplate(f"{where}: the range {text!r} does not go up, or is too long")
        labels.extend(f"{prefix}{number}" for number in range(first, last + 1))
        if len(labels) > MAX_FIELDS:
            break
    if not 1 <= len(labels) <= MAX_FIELDS or len(set(labels)) != len(labels):
        raise BadTemplate(f"{where}: expected 1 to {MAX_FIELDS} different labels")
    return tuple(labels)


def _file_name(raw: object) -> str:
    if not isinstance(raw, str) or not _PLAIN_FILE_NAME.fullmatch(raw):
        raise BadTemplate("CropOnMarkers.relativePath: expected a plain file name, without folders")
    return raw


def _mapping(raw: object, where: str) -> Mapping[str, object]:
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise BadTemplate(f"{where}: expected an object")
    return raw


def _list(raw: object, where: str) -> list[object]:
    if not isinstance(raw, list):
        raise BadTemplate(f"{where}: expected a list")
    return raw


def _text(raw: object, where: str, *, may_be_empty: bool = False) -> str:
    if not isinstance(raw, str) or len(raw) > MAX_NAME_LENGTH or not (raw or may_be_empty):
        raise BadTemplate(f"{where}: expected a text of 1 to {MAX_NAME_LENGTH} characters")
    return raw


def _number(raw: object, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not -MAX_PAGE_UNITS <= raw <= MAX_PAGE_UNITS:
        raise BadTemplate(f"{where}: expected a number within {MAX_PAGE_UNITS}")
    return float(raw)


def _pair(raw: object, where: str, *, low: float, high: float) -> tuple[float, float]:
    items = _list(raw, where)
    if len(items) != 2:
        raise BadTemplate(f"{where}: expected two numbers")
    first, second = (_number(item, where) for item in items)
    if not (low <= first <= high and low <= second <= high):
        raise BadTemplate(f"{where}: expected numbers from {low:g} to {high:g}")
    return first, second
