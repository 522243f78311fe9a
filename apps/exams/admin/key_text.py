"""An answer key as teachers have it: typed one answer after the other, or columns pasted from a spreadsheet."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.http.errors import Invalid
from apps.exams.kinds import QuestionKind
from apps.exams.scoring import KeyedQuestion

KEY_HELP: Final = _(
    "One answer after the other: 3 1 4 2 5. Where two count write 2/4; where none is known yet, write -. "
    "Columns of a spreadsheet can be pasted: the answers; or number, answer and points."
)
NO_ANSWER: Final = "-"
_GROUP: Final = 5
_MAX_POINTS: Final = 999
_TYPED_TOGETHER: Final = frozenset("0123456789-")


@dataclass(frozen=True, slots=True)
class KeyText:
    """Label -> accepted answers and, where the text has them, label -> points."""

    answers: Mapping[str, Sequence[str]]
    points: Mapping[str, Decimal] = field(default_factory=dict)


def answerable(key: Sequence[KeyedQuestion]) -> list[KeyedQuestion]:
    """The questions that a key in one line can hold: all but essays, which people give points for."""
    return [question for question in key if question.kind is not QuestionKind.ESSAY]


def read_key(text: str, questions: Sequence[KeyedQuestion]) -> KeyText:
    """What ``text`` says of ``questions``. ``2/4`` accepts both, ``-`` leaves the question without a key.

    Digits may be written without spaces. Columns are: the answers alone; the number and the answer; or these and the
    points. ① counts as 1. Raises ``Invalid`` when there are not as many answers as questions.
    """
    text = unicodedata.normalize("NFKC", text)
    columns = _columns(text)
    if columns is not None and ("\t" in text or len(columns) == len(questions)):
        found = columns
    else:
        found = [(answer, "") for answer in _typed(text, questions)]
    if len(found) != len(questions):
        raise Invalid(
            gettext("There are {questions} questions and {answers} answers.").format(
                questions=len(questions), answers=len(found)
            ),
            attr="key",
        )
    return KeyText(
        answers={
            question.label: _accepted(question, answer)
            for question, (answer, _points) in zip(questions, found, strict=True)
        },
        points={
            question.label: _points_of(points)
            for question, (_answer, points) in zip(questions, found, strict=True)
            if points
        },
    )


def _columns(text: str) -> list[tuple[str, str]] | None:
    """Answer and points of every line, where each line begins with its own number."""
    lines = [line.split("\t") if "\t" in line else line.split() for line in text.splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    if not rows or any(len(row) not in (2, 3) for row in rows):
        return None
    if [row[0].rstrip("번.)") for row in rows] != [str(number) for number in range(1, len(rows) + 1)]:
        return None
    return [(row[1], row[2] if len(row) == 3 else "") for row in rows]


def _typed(text: str, questions: Sequence[KeyedQuestion]) -> list[str]:
    given = text.replace(",", " ").split()
    has_numbers = any(question.kind is QuestionKind.NUMERIC for question in questions)
    if len(given) != len(questions) and not has_numbers and all(set(part) <= _TYPED_TOGETHER for part in given):
        return list("".join(given))
    return given


def _accepted(question: KeyedQuestion, answer: str) -> list[str]:
    if answer == NO_ANSWER:
        return []
    return [part for part in answer.split(_separator(question)) if part]


def _separator(question: KeyedQuestion) -> str:
    return "|" if question.kind is QuestionKind.NUMERIC else "/"  # a fraction has a bar of its own


def _points_of(text: str) -> Decimal:
    try:
        points = Decimal(text.removesuffix("점"))
    except InvalidOperation:
        points = Decimal("NaN")
    if not (points.is_finite() and 0 <= points <= _MAX_POINTS and points == points.quantize(Decimal("0.01"))):
        raise Invalid(gettext('"{text}" is no number of points.').format(text=text), attr="key")
    return points


def key_as_text(key: Sequence[KeyedQuestion]) -> str:
    """What ``read_key`` reads, in groups of five; "" while no question has a key."""
    if not any(question.accepted for question in key):
        return ""
    answers = [_separator(question).join(question.accepted) or NO_ANSWER for question in key]
    groups = [" ".join(answers[start : start + _GROUP]) for start in range(0, len(answers), _GROUP)]
    return "   ".join(groups)
