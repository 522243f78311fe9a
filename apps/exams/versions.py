"""A version's order of questions and choices: what people say of it, and what scoring needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypedDict

from apps.exams.scoring import AS_PRINTED, VersionMap
from sheets.layout import VERSIONS, ChoiceField, EssayField, Layout, NumericField

FIRST_VERSION = VERSIONS[0]

QuestionField: TypeAlias = ChoiceField | NumericField | EssayField


class VersionJson(TypedDict):
    """``questions``: printed label to the key's label. ``choices``: by printed label, printed to the key's choice."""

    questions: dict[str, str]
    choices: dict[str, dict[str, str]]


def version_maps(stored: Mapping[str, VersionJson]) -> dict[str, VersionMap]:
    """The maps by letter; empty for an exam of one version. Version A is the key's own order unless it is named."""
    if not stored:
        return {}
    return {FIRST_VERSION: AS_PRINTED} | {
        letter: VersionMap(version["questions"], version["choices"]) for letter, version in stored.items()
    }


def check_versions(versions: Mapping[str, VersionJson], layout: Layout) -> None:
    """Raises ``ValueError`` unless every version only changes the order, among questions and choices that are alike."""
    fields: dict[str, QuestionField] = {field.label: field for field in layout.questions}
    known = layout.versions or VERSIONS
    for letter, version in versions.items():
        if letter not in known:
            raise ValueError(f"version {letter!r} is none of {', '.join(known)}")
        _check_order(f"version {letter}", {**{label: label for label in fields}, **version["questions"]}, set(fields))
        for printed, meant in version["questions"].items():
            if _kind_of(fields[printed]) != _kind_of(fields[meant]):
                raise ValueError(f"version {letter}: {printed} and {meant} are questions of different kinds")
        for label, choices in version["choices"].items():
            field = fields.get(label)
            if not isinstance(field, ChoiceField):
                raise ValueError(f"version {letter}: {label!r} has no choices")
            order = {**{choice: choice for choice in field.choices}, **choices}
            _check_order(f"version {letter}, {label}", order, set(field.choices))


def _check_order(where: str, order: Mapping[str, str], names: set[str]) -> None:
    if set(order) != names or sorted(order.values()) != sorted(names):
        raise ValueError(f"{where}: every name has to appear exactly once on either side")


def _kind_of(field: QuestionField) -> tuple[object, ...]:
    if isinstance(field, ChoiceField):
        return (field.choices, field.has_several)
    if isinstance(field, NumericField):
        return (len(field.columns), field.has_sign, field.decimals, field.denominator)
    return (EssayField,)
