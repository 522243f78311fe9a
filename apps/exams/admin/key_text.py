"""An answer key as teachers type it: one answer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext

from academy.http.errors import Invalid
from apps.exams.scoring import KeyedQuestion

NO_ANSWER: Final = "-"
_GROUP: Final = 5


def read_key(text: str, labels: Sequence[str]) -> dict[str, list[str]]:
    """Label -> accepted answers. ``2/4`` accepts both, ``-`` leaves the question without a key.

    Digits may be written without spaces. Raises ``Invalid`` when there are not as many answers as questions.
    """
    given = text.replace(",", " ").split()
    if len(given) != len(labels) and all(part.isdigit() or set(part) <= set("0123456789-") for part in given):
        given = list("".join(given))
    if len(given) != len(labels):
        raise Invalid(
            gettext("There are {questions} questions and {answers} answers.").format(
                questions=len(labels), answers=len(given)
            ),
            attr="key",
        )
    return {
        label: [] if answer == NO_ANSWER else [part for part in answer.split("/") if part]
        for label, answer in zip(labels, given, strict=True)
    }


def key_as_text(key: Sequence[KeyedQuestion]) -> str:
    """What ``read_key`` reads, in groups of five; "" while no question has a key."""
    if not any(question.accepted for question in key):
        return ""
    answers = ["/".join(question.accepted) or NO_ANSWER for question in key]
    groups = [" ".join(answers[start : start + _GROUP]) for start in range(0, len(answers), _GROUP)]
    return "   ".join(groups)
