"""The order of a version's questions and choices as teachers write it: numbers in the order of the print."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from django.utils.translation import gettext

from academy.http.errors import Invalid
from apps.exams.versions import QuestionField, VersionJson
from sheets.layout import ChoiceField


def read_version(letter: str, order: str, choices: str, fields: Sequence[QuestionField]) -> VersionJson:
    """``order``: which question of version A is printed first, second, ...; empty where it is the same.

    ``choices``: a line ``3: 2 1 3 5 4`` says which choices of A are printed at the version's question 3; a line without
    a number says it for all. Raises ``Invalid``.
    """
    printed = [field.label.removeprefix("q") for field in fields]
    meant = _numbers(order) or printed
    if len(meant) != len(printed) or set(meant) != set(printed):
        raise _wrong(
            gettext("Version {letter}: write each of the {count} question numbers once.").format(
                letter=letter, count=len(printed)
            )
        )
    found: dict[str, dict[str, str]] = {}
    for line in choices.splitlines():
        number, colon, rest = unicodedata.normalize("NFKC", line).partition(":")
        places = _numbers(rest if colon else number)
        named = {f"q{number.strip().removesuffix('번')}"} if colon else None
        chosen = [
            field for field in fields if isinstance(field, ChoiceField) and (named is None or field.label in named)
        ]
        if not line.strip():
            continue
        fitting = [field for field in chosen if sorted(field.choices) == sorted(places)]
        if not fitting or (colon and len(fitting) != len(chosen)):
            raise _wrong(
                gettext('Version {letter}: "{line}" does not name each choice of a question once.').format(
                    letter=letter, line=line.strip()[:60]
                )
            )
        found |= {field.label: dict(zip(field.choices, places, strict=True)) for field in fitting}
    return {
        "questions": {
            f"q{number}": f"q{place}" for number, place in zip(printed, meant, strict=True) if number != place
        },
        "choices": found,
    }


def version_as_text(version: VersionJson | None, fields: Sequence[QuestionField]) -> tuple[str, str]:
    """What ``read_version`` reads: the order of the questions, and the orders of the choices line by line."""
    if version is None:
        return "", ""
    meant = version["questions"]
    order = " ".join(meant.get(field.label, field.label).removeprefix("q") for field in fields) if meant else ""
    lines = []
    for field in fields:
        choices = version["choices"].get(field.label)
        if isinstance(field, ChoiceField) and choices is not None:
            places = " ".join(choices.get(choice, choice) for choice in field.choices)
            lines.append(f"{field.label.removeprefix('q')}: {places}")
    return order, "\n".join(lines)


def _numbers(text: str) -> list[str]:
    return unicodedata.normalize("NFKC", text).replace(",", " ").split()


def _wrong(message: str) -> Invalid:
    return Invalid(message, attr="versions")
