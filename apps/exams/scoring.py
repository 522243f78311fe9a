"""The one function that scores, for every kind of question, and what it needs to know of an exam.

Right, wrong, blank, several marks, unsure, not given yet and not read are different things, and only some are zero.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from apps.exams.kinds import Cancellation, QuestionKind
from sheets.reading import FieldReading, FieldStatus, SheetReading

CENT: Final = Decimal("0.01")
COMBINED: Final = "+"
"""Joins the choices that are right together in one accepted answer, as in ``1+3``."""

_NUMBER: Final = re.compile(
    r"(?P<sign>-?)(?P<whole>[0-9]{1,20})(?:\.(?P<decimals>[0-9]{1,20})|/(?P<below>[0-9]{1,20}))?"
)


class Outcome(StrEnum):
    RIGHT = "right"
    PARTLY_RIGHT = "partly_right"
    WRONG = "wrong"
    BLANK = "blank"
    MULTIPLE = "multiple"
    UNSURE = "unsure"
    NO_KEY = "no_key"
    NO_VERSION = "no_version"  # which version of the exam this was is not known
    CANCELLED = "cancelled"
    AWAITED = "awaited"  # a person has not given the points yet
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """A question with its accepted answers (any one of them is right) and what it is worth.

    Of a ``SEVERAL`` question one accepted answer is a combination, ``1+3``; if it ``is_partial``, each right mark gives
    its share and each wrong one takes one away. Numbers are equal as numbers, 07 and 7, 0.5 and 1/2, unless they count
    ``as_written``. ``penalty`` is what a wrong answer costs.
    """

    label: str
    accepted: tuple[str, ...]
    points: Decimal
    kind: QuestionKind = QuestionKind.SINGLE
    penalty: Decimal = Decimal(0)
    is_partial: bool = False
    as_written: bool = False
    cancelled: Cancellation = Cancellation.NONE

    @property
    def is_keyed(self) -> bool:
        """Whether it can be scored: an essay needs no key, a question that everybody gets right neither."""
        if self.cancelled is Cancellation.NOT_COUNTED:
            return False
        return bool(self.accepted) or self.kind is QuestionKind.ESSAY or self.cancelled is Cancellation.ALL_RIGHT


@dataclass(frozen=True, slots=True)
class VersionMap:
    """Where a version's questions and choices stand in the exam that the key is for. What is not named stays.

    ``questions``: printed label to the key's label. ``choices``: by printed label, printed choice to the key's choice.
    """

    questions: Mapping[str, str]
    choices: Mapping[str, Mapping[str, str]]

    def label_of(self, printed: str) -> str:
        return self.questions.get(printed, printed)

    def in_key_order(self, field: FieldReading) -> FieldReading:
        """``field`` as if it had been marked on the exam that the key is for."""
        choices = self.choices.get(field.label, {})
        return replace(
            field, label=self.label_of(field.label), values=tuple(choices.get(value, value) for value in field.values)
        )

    def as_printed(self, label: str, answer: str) -> str:
        """An accepted answer of the key (``2``, ``1+3``) in the choices as this version prints them at ``label``."""
        printed = {meant: choice for choice, meant in self.choices.get(label, {}).items()}
        return COMBINED.join(printed.get(part, part) for part in answer.split(COMBINED)) if printed else answer


AS_PRINTED: Final = VersionMap({}, {})


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """``label`` as printed on the sheet, ``question`` in the key's order. ``points`` is None until they are given."""

    label: str
    outcome: Outcome
    points: Decimal | None
    question: str = ""


@dataclass(frozen=True, slots=True)
class SheetScore:
    """``points`` of ``max_points``; provisional while ``unsure_count`` or ``awaited_count`` is not 0.

    Both ``None`` without any key; ``points`` alone is None when not one answer could be scored yet.
    """

    answers: tuple[ScoredAnswer, ...]
    points: Decimal | None
    max_points: Decimal | None
    unsure_count: int
    awaited_count: int = 0


_UNANSWERED = {
    FieldStatus.BLANK: Outcome.BLANK,
    FieldStatus.MULTIPLE: Outcome.MULTIPLE,
    FieldStatus.UNSURE: Outcome.UNSURE,
}


def score_reading(
    reading: SheetReading,
    key: Sequence[KeyedQuestion],
    *,
    versions: Mapping[str, VersionMap],
    given: Mapping[str, Decimal],
) -> SheetScore:
    """Score one page. ``versions`` by letter, empty for an exam that has but one; ``given``: points for essays."""
    version = version_of(reading, versions)
    essays = [crop.label for crop in reading.essays]
    return score_fields(reading.fields, key, version=version, essays=essays, given=given)


def version_of(reading: SheetReading, versions: Mapping[str, VersionMap]) -> VersionMap | None:
    """The order of the exam's version that ``reading`` is of; None when it is not known."""
    if not versions:
        return AS_PRINTED
    read = reading.version
    if read is None or read.status is not FieldStatus.OK:
        return None
    return versions.get("".join(read.values))


def score_fields(
    fields: Iterable[FieldReading],
    key: Sequence[KeyedQuestion],
    *,
    version: VersionMap | None = AS_PRINTED,
    essays: Collection[str] = (),
    given: Mapping[str, Decimal] | None = None,
) -> SheetScore:
    """Score the fields of one page against those questions of ``key`` that are on it.

    ``version`` is None when it is not known: then nothing is scored, and a person has to say which it was.
    ``essays``: labels of the boxes on the page; ``given``: what people gave for them, by printed label.
    """
    by_label: Mapping[str, KeyedQuestion] = {question.label: question for question in key}
    order = version or AS_PRINTED
    answers: list[ScoredAnswer] = []
    for field in fields:
        question = by_label.get(order.label_of(field.label))
        if question is not None:
            outcome, points = _score(order.in_key_order(field), question)
            answers.append(ScoredAnswer(field.label, outcome, points, question.label))
    for label in essays:
        question = by_label.get(order.label_of(label))
        if question is not None:
            answers.append(_score_essay(label, question, (given or {}).get(label)))
    if version is None:
        unknown = tuple(replace(answer, outcome=Outcome.NO_VERSION, points=None) for answer in answers)
        return SheetScore(unknown, None, None, unsure_count=len(unknown))
    keyed = [answer for answer in answers if by_label[answer.question].is_keyed]
    known = [answer.points for answer in keyed if answer.points is not None]
    return SheetScore(
        answers=tuple(answers),
        points=sum(known, Decimal(0)) if known else None,
        max_points=sum((by_label[answer.question].points for answer in keyed), Decimal(0)) if keyed else None,
        unsure_count=sum(answer.outcome is Outcome.UNSURE for answer in answers),
        awaited_count=sum(answer.outcome is Outcome.AWAITED for answer in answers),
    )


def _score(field: FieldReading, question: KeyedQuestion) -> tuple[Outcome, Decimal]:
    if question.cancelled is not Cancellation.NONE:
        return Outcome.CANCELLED, question.points if question.is_keyed else Decimal(0)
    if field.status is FieldStatus.UNSURE:
        return Outcome.UNSURE, Decimal(0)
    if not question.accepted:
        return Outcome.NO_KEY, Decimal(0)
    if field.status is not FieldStatus.OK:
        return _UNANSWERED[field.status], Decimal(0)
    if question.kind is QuestionKind.SEVERAL:
        share = max(_share(frozenset(field.values), answer, question) for answer in question.accepted)
    else:
        share = Fraction(_is_accepted("".join(field.values), question))
        if not share and len(field.values) > 1:  # a person saw that several were marked where one is right
            return Outcome.MULTIPLE, Decimal(0)
    if share == 1:
        return Outcome.RIGHT, question.points
    if share > 0:
        part = question.points * share.numerator / share.denominator
        return Outcome.PARTLY_RIGHT, part.quantize(CENT, rounding=ROUND_DOWN)
    return Outcome.WRONG, -question.penalty


def _score_essay(label: str, question: KeyedQuestion, given: Decimal | None) -> ScoredAnswer:
    if question.cancelled is not Cancellation.NONE:
        points = question.points if question.is_keyed else Decimal(0)
        return ScoredAnswer(label, Outcome.CANCELLED, points, question.label)
    if given is None:
        return ScoredAnswer(label, Outcome.AWAITED, None, question.label)
    return ScoredAnswer(label, Outcome.GIVEN, min(max(given, Decimal(0)), question.points), question.label)


def _is_accepted(value: str, question: KeyedQuestion) -> bool:
    if value in question.accepted:
        return True
    if question.kind is not QuestionKind.NUMERIC or question.as_written:
        return False
    number = parse_number(value)
    return number is not None and any(parse_number(answer) == number for answer in question.accepted)


def _share(marked: frozenset[str], answer: str, question: KeyedQuestion) -> Fraction:
    """How much of ``answer`` was marked: 1 for exactly that, 0 for nothing right."""
    meant = frozenset(answer.split(COMBINED))
    if marked == meant:
        return Fraction(1)
    if not question.is_partial:
        return Fraction(0)
    return max(Fraction(0), Fraction(len(marked & meant) - len(marked - meant), len(meant)))


def parse_number(text: str) -> Fraction | None:
    """The value of ``7``, ``007``, ``-12.5`` or ``3/4``; None for anything else, a zero denominator included."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    decimals, below = match["decimals"] or "", match["below"]
    if below is not None and int(below) == 0:
        return None
    value = Fraction(int(match["whole"] + decimals), 10 ** len(decimals)) / int(below or 1)
    return -value if match["sign"] else value
