"""What a person drew over a blank sheet of another maker: checked, and as the ``template.json`` that is read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypedDict, cast

from django.utils.translation import gettext

from academy.http.errors import Invalid
from apps.exams.kinds import QuestionKind

NUMBER_LABEL: Final = "number"
"""The field of the student number."""
MAX_BLOCKS: Final = 60
MAX_QUESTION: Final = 500
MAX_LINES: Final = 100
"""Rows or columns of one block."""
MAX_CHOICES: Final = 20
MAX_DIGITS: Final = 12
MAX_BUBBLES: Final = 8_000
MIN_GAP: Final = 4.0
"""Pixels of the picture between neighbours: 0.7 mm of A4."""
_MAX_LENGTH: Final = 1e6  # what is not a number is not smaller either
_DIGITS: Final = tuple("0123456789")
_DIGITS_FROM_1: Final = (*_DIGITS[1:], "0")


class BlockKind(StrEnum):
    CHOICES = "choices"  # questions from ``first`` on, each with its choices 1, 2, 3
    STUDENT = "student"  # the digits of the student number
    NUMERIC = "numeric"  # question ``first``, answered by the digits of a number


class BlockJson(TypedDict):
    """A lattice of bubbles between the centres of its first and its last, in pixels of the picture.

    ``is_across``: the choices, or the ten digits, of one question lie beside each other; else below.
    """

    kind: str
    first: int
    columns: int
    rows: int
    is_across: bool
    from_one: bool
    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """``definition`` is a ``template.json``; ``kinds`` of its questions by label."""

    definition: dict[str, object]
    number_label: str
    kinds: Mapping[str, QuestionKind]


def parse_blocks(raw: object) -> list[BlockJson]:
    """``raw``, the JSON that a page sent, with nothing in it that is not meant to be there. Raises ``Invalid``."""
    if not isinstance(raw, list) or not all(isinstance(block, dict) for block in raw):
        raise _wrong(gettext("What was drawn did not arrive whole. Load the page anew."))
    if not 1 <= len(raw) <= MAX_BLOCKS:
        raise _wrong(gettext("Draw 1 to {count} boxes on the sheet.").format(count=MAX_BLOCKS))
    return [_parsed(block) for block in raw]


def _parsed(raw: Mapping[str, Any]) -> BlockJson:
    whole: dict[str, Any] = {name: raw.get(name) for name in ("first", "columns", "rows")}
    flags: dict[str, Any] = {name: raw.get(name) for name in ("is_across", "from_one")}
    lengths: dict[str, Any] = {name: raw.get(name) for name in ("x1", "y1", "x2", "y2", "width", "height")}
    is_right = (
        raw.get("kind") in [kind.value for kind in BlockKind]
        and all(type(value) is int for value in whole.values())
        and all(type(value) is bool for value in flags.values())
        and all(type(value) in (int, float) and abs(value) < _MAX_LENGTH for value in lengths.values())
    )
    if not is_right:
        raise _wrong(gettext("What was drawn did not arrive whole. Load the page anew."))
    rounded: dict[str, Any] = {name: round(float(value), 2) for name, value in lengths.items()}
    return cast(BlockJson, {"kind": raw["kind"], **whole, **flags, **rounded})


def as_template(blocks: Sequence[BlockJson], size: tuple[int, int]) -> Drawing:
    """The template of a page of ``size`` (width, height) with ``blocks``. Raises ``Invalid``, saying which of them."""
    if sum(block["columns"] * block["rows"] for block in blocks) > MAX_BUBBLES:
        raise _wrong(gettext("There are more than {count} bubbles.").format(count=MAX_BUBBLES))
    if sum(block["kind"] == BlockKind.STUDENT for block in blocks) > 1:
        raise _wrong(gettext("A sheet has one student number. Delete the other box for it."))
    fields: dict[str, object] = {}
    custom: dict[str, list[str]] = {}
    kinds: dict[str, QuestionKind] = {}
    for place, block in enumerate(blocks, start=1):
        name = gettext("Box {number}").format(number=place)
        _check_lattice(name, block, size)
        values, labels = _meaning(name, block)
        for label in _questions(block):
            if label in kinds:
                raise _wrong(
                    gettext("{box}: question {number} is in another box already.").format(
                        box=name, number=label.removeprefix("q")
                    )
                )
            kinds[label] = QuestionKind.NUMERIC if block["kind"] == BlockKind.NUMERIC else QuestionKind.SINGLE
        if block["kind"] != BlockKind.CHOICES:
            custom[NUMBER_LABEL if block["kind"] == BlockKind.STUDENT else f"q{block['first']}"] = labels
        fields[f"block{place:02}"] = _field_block(block, values, labels)
    if not kinds:
        raise _wrong(gettext("No box holds questions. Draw at least one."))
    definition: dict[str, object] = {
        "pageDimensions": list(size),
        "bubbleDimensions": [blocks[0]["width"], blocks[0]["height"]],
        "preProcessors": [{"name": "CropPage", "options": {}}],
        "customLabels": custom,
        "fieldBlocks": fields,
        "emptyValue": "",
    }
    return Drawing(definition, NUMBER_LABEL if NUMBER_LABEL in custom else "", kinds)


def _field_block(block: BlockJson, values: Sequence[str], labels: Sequence[str]) -> dict[str, object]:
    across = (block["x2"] - block["x1"]) / max(block["columns"] - 1, 1)
    down = (block["y2"] - block["y1"]) / max(block["rows"] - 1, 1)
    return {
        "bubbleValues": list(values),
        "direction": "horizontal" if block["is_across"] else "vertical",
        "fieldLabels": list(labels),
        "origin": [block["x1"] - block["width"] / 2, block["y1"] - block["height"] / 2],
        "bubbleDimensions": [block["width"], block["height"]],
        "bubblesGap": across if block["is_across"] else down,
        "labelsGap": down if block["is_across"] else across,
    }


def _check_lattice(name: str, block: BlockJson, size: tuple[int, int]) -> None:
    if not (1 <= block["columns"] <= MAX_LINES and 1 <= block["rows"] <= MAX_LINES):
        raise _wrong(gettext("{box}: 1 to {count} columns and rows, please.").format(box=name, count=MAX_LINES))
    if not (2 <= block["width"] <= size[0] / 4 and 2 <= block["height"] <= size[1] / 4):
        raise _wrong(gettext("{box}: the bubbles are too small or too large.").format(box=name))
    for first, last, count, most in (
        (block["x1"], block["x2"], block["columns"], size[0]),
        (block["y1"], block["y2"], block["rows"], size[1]),
    ):
        if not (0 <= first <= most and 0 <= last <= most):
            raise _wrong(gettext("{box} lies outside of the sheet.").format(box=name))
        if count > 1 and (last - first) / (count - 1) < MIN_GAP:
            raise _wrong(
                gettext(
                    "{box}: the bubbles lie on top of each other. Move the last one further right and down."
                ).format(box=name)
            )
        if count == 1 and abs(last - first) > MIN_GAP:
            raise _wrong(gettext("{box} is wider than its one column or row. Say how many there are.").format(box=name))


def _questions(block: BlockJson) -> list[str]:
    match BlockKind(block["kind"]):
        case BlockKind.CHOICES:
            count = block["rows"] if block["is_across"] else block["columns"]
            return [f"q{number}" for number in range(block["first"], block["first"] + count)]
        case BlockKind.NUMERIC:
            return [f"q{block['first']}"]
        case BlockKind.STUDENT:
            return []


def _meaning(name: str, block: BlockJson) -> tuple[Sequence[str], list[str]]:
    """What the bubbles along one way stand for, and the names of the fields along the other."""
    along, fields = block["columns"], block["rows"]
    if not block["is_across"]:
        along, fields = fields, along
    questions = _questions(block)
    if questions and not 1 <= block["first"] <= MAX_QUESTION - len(questions) + 1:
        raise _wrong(gettext("{box}: questions are numbered 1 to {most}.").format(box=name, most=MAX_QUESTION))
    if block["kind"] == BlockKind.CHOICES:
        if not 2 <= along <= MAX_CHOICES:
            raise _wrong(gettext("{box}: a question has 2 to {most} choices.").format(box=name, most=MAX_CHOICES))
        return [str(number) for number in range(1, along + 1)], questions
    if along != len(_DIGITS):
        raise _wrong(
            gettext("{box}: a digit has 10 bubbles, but there are {count}. Check which way the digits run.").format(
                box=name, count=along
            )
        )
    if fields > MAX_DIGITS:
        raise _wrong(gettext("{box}: a number has at most {most} digits.").format(box=name, most=MAX_DIGITS))
    whole = questions[0] if questions else NUMBER_LABEL
    return (_DIGITS_FROM_1 if block["from_one"] else _DIGITS), [f"{whole}_{place}" for place in range(1, fields + 1)]


def _wrong(message: str) -> Invalid:
    return Invalid(message, attr="blocks")
