"""The one function that scores. Right, wrong, blank, several marks, unsure and not read are six different things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sheets.reading import FieldReading, FieldStatus


class Outcome(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    BLANK = "blank"
    MULTIPLE = "multiple"
    UNSURE = "unsure"
    NO_KEY = "no_key"


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """A question with its accepted answers (any one of them is right) and what it is worth."""

    label: str
    accepted: tuple[str, ...]
    points: Decimal


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    label: str
    outcome: Outcome
    points: Decimal


@dataclass(frozen=True, slots=True)
class SheetScore:
    """``points`` of ``max_points``; provisional while ``unsure_count`` is not 0. Both ``None`` without any key."""

    answers: tuple[ScoredAnswer, ...]
    points: Decimal | None
    max_points: Decimal | None
    unsure_count: int


_UNANSWERED = {
    FieldStatus.BLANK: Outcome.BLANK,
    FieldStatus.MULTIPLE: Outcome.MULTIPLE,
    FieldStatus.UNSURE: Outcome.UNSURE,
}


def score_fields(fields: Iterable[FieldReading], key: Sequence[KeyedQuestion]) -> SheetScore:
    """Score the fields of one page against those questions of ``key`` that are on it."""
    by_label: Mapping[str, KeyedQuestion] = {question.label: question for question in key}
    answers: list[ScoredAnswer] = []
    for field in fields:
        question = by_label.get(field.label)
        if question is not None:
            outcome = _outcome(field, question)
            answers.append(
                ScoredAnswer(field.label, outcome, question.points if outcome is Outcome.RIGHT else Decimal(0))
            )
    keyed = [answer for answer in answers if by_label[answer.label].accepted]
    return SheetScore(
        answers=tuple(answers),
        points=sum((answer.points for answer in keyed), Decimal(0)) if keyed else None,
        max_points=sum((by_label[answer.label].points for answer in keyed), Decimal(0)) if keyed else None,
        unsure_count=sum(answer.outcome is Outcome.UNSURE for answer in answers),
    )


def _outcome(field: FieldReading, question: KeyedQuestion) -> Outcome:
    if field.status is FieldStatus.UNSURE:
        return Outcome.UNSURE
    if not question.accepted:
        return Outcome.NO_KEY
    if field.status is not FieldStatus.OK:
        return _UNANSWERED[field.status]
    return Outcome.RIGHT if "".join(field.values) in question.accepted else Outcome.WRONG
