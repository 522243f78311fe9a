"""Results as students and guardians see them, and as they are analysed. Nothing here shows what is not published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from statistics import fmean
from typing import Final, TypedDict, cast

from django.db.models import Count, F, Max, Q, QuerySet, Sum

from apps.exams.analysis import Analysis, Item, Response, analyse, histogram
from apps.exams.corrections import effective_reading
from apps.exams.kinds import Cancellation, QuestionKind
from apps.exams.models import Exam, Maker, Match, Objection, Scan
from apps.exams.queries import ScoringRules, rules_of_exam, with_corrections
from apps.exams.scoring import COMBINED, Outcome, VersionMap, version_of
from sheets.layout import ChoiceField, Layout
from sheets.reading import SheetReading


class OwnResultRow(TypedDict):
    id: int
    title: str
    course_name: str | None
    points: Decimal
    max_points: Decimal
    page_count: int
    read_at: datetime
    published_at: datetime
    shows_sheet: bool
    shows_answers: bool
    shows_rank: bool


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What was marked and what it got; ``accepted`` in the choices as printed, None while it is not to be shown."""

    label: str
    marked: tuple[str, ...]
    accepted: tuple[str, ...] | None
    outcome: Outcome
    points: Decimal | None


def holds_back(published_at: F | datetime, scan: str = "") -> Q:
    """Of a page that came after publishing and that somebody has yet to look at: nobody has settled or waived it.

    ``scan`` leads to the page: "scans__". Its student's result is held back, and not told of.
    """
    return Q(**{f"{scan}read_at__gt": published_at, f"{scan}asked_count__gt": 0})


def published_results_of(student_id: int) -> QuerySet[Exam, OwnResultRow]:
    """What a student, and who acts for them, may see of their exams: the one place that decides it.

    Published exams of which a page of theirs counts and none holds their result back.
    """
    theirs = Q(scans__student_id=student_id, scans__match=Match.MATCHED)
    held_back = theirs & holds_back(F("publications__created_at"), "scans__")
    rows = (
        Exam.objects.filter(theirs)
        .filter(publications__pk__isnull=False, publications__withdrawn_at=None)
        .annotate(
            points=Sum("scans__points", filter=theirs),
            max_points=Sum("scans__max_points", filter=theirs),
            page_count=Count("scans", filter=theirs),
            read_at=Max("scans__read_at", filter=theirs),
            held_back=Count("scans", filter=held_back),
            course_name=F("course__name"),
            published_at=F("publications__created_at"),
            shows_sheet=F("publications__shows_sheet"),
            shows_answers=F("publications__shows_answers"),
            shows_rank=F("publications__shows_rank"),
        )
        .filter(held_back=0, points__isnull=False)
    )
    shown = rows.values(
        "id",
        "title",
        "course_name",
        "points",
        "max_points",
        "page_count",
        "read_at",
        "published_at",
        "shows_sheet",
        "shows_answers",
        "shows_rank",
    )
    return cast(QuerySet[Exam, OwnResultRow], shown)


@dataclass(frozen=True, slots=True)
class Rank:
    """``place`` among ``people``: how many have more points, and one."""

    place: int
    people: int


@dataclass(slots=True)
class Totals:
    """Of an exam, by student, the points on all pages that count; ``most``: the most that could be had on them."""

    points: dict[int | None, Decimal] = field(default_factory=dict)
    most: Decimal = Decimal(0)


def totals_of(exam_ids: Collection[int]) -> defaultdict[int, Totals]:
    """By exam, in one question."""
    counting = Scan.objects.filter(exam_id__in=exam_ids, match=Match.MATCHED)
    totals = counting.values("exam_id", "student_id").annotate(total=Sum("points"), most=Sum("max_points"))
    rows = totals.filter(total__isnull=False).values_list("exam_id", "student_id", "total", "most")
    found = defaultdict[int, Totals](Totals)
    for exam_id, student, total, most in rows:
        found[exam_id].points[student] = total
        found[exam_id].most = max(found[exam_id].most, most or Decimal(0))
    return found


def rank_in(totals: Totals, student_id: int) -> Rank | None:
    """The student's rank among all whose points are known; None where theirs are not."""
    own = totals.points.get(student_id)
    if own is None:
        return None
    return Rank(1 + sum(other > own for other in totals.points.values()), len(totals.points))


MIN_PEOPLE: Final = 10
"""Who sat an exam, before those who did are shown how their class did. Of fewer, an average and one's own points tell
nearly what each of the others has; ten is what school authorities mostly ask for before they publish of a group."""
MEAN_STEPS: Final = 100
"""The average is told in steps of a hundredth of what can be had: between two looks one sheet that is read late would
else tell its points to the last digit."""


@dataclass(frozen=True, slots=True)
class ClassStanding:
    """How everybody did who sat an exam, and in which tenth of ``max_points`` (``own_bin``) one student is."""

    mean: float
    max_points: float
    histogram: tuple[int, ...]
    own_bin: int


def class_standing_in(totals: Totals, student_id: int) -> ClassStanding | None:
    """None where the student has no points, and where fewer than ``MIN_PEOPLE`` have."""
    most = float(totals.most)
    points = {student: float(total) for student, total in totals.points.items()}
    if len(points) < MIN_PEOPLE or student_id not in points or most <= 0:
        return None
    step = most / MEAN_STEPS
    mean = round(fmean(points.values()) / step) * step
    own = histogram([points[student_id]], most)
    return ClassStanding(round(mean, 2), most, histogram(list(points.values()), most), own.index(1))


def pages_of_result(*, exam_id: int, student_id: int) -> QuerySet[Scan]:
    """The student's pages that their result is made of, in order."""
    pages = Scan.objects.filter(exam_id=exam_id, student_id=student_id, match=Match.MATCHED)
    return with_corrections(pages.order_by("page", "pk"))


def own_objections(exam_id: int, student_id: int) -> list[Objection]:
    """What was objected to of the student's result of an exam, and what became of it; the newest first."""
    return list(Objection.objects.filter(scan__exam_id=exam_id, student_id=student_id).order_by("-pk"))


def own_answers(pages: Iterable[Scan], rules: ScoringRules, *, has_accepted: bool) -> Iterator[OwnAnswer]:
    """The answers on ``pages`` as printed, of the questions that the exam has."""
    by_label = {question.label: question for question in rules.key}
    for page in pages:
        reading = effective_reading(page)
        version = version_of(reading, rules.versions)
        marked = {field.label: field.values for field in reading.fields}
        for answer in rules.score(page, reading).answers:
            accepted: tuple[str, ...] | None = None
            if has_accepted and version is not None:
                right = by_label[answer.question].accepted
                accepted = tuple(version.as_printed(answer.label, value) for value in right)
            yield OwnAnswer(answer.label, marked.get(answer.label, ()), accepted, answer.outcome, answer.points)


# ---------------------------------------------------------------- for the analysis


def analysis_of_exam(exam: Exam) -> Analysis:
    """The item analysis of what is scored, by the pages that count."""
    rules = rules_of_exam(exam.pk)
    choices: dict[str, tuple[str, ...]] = {}
    if exam.layout.maker == Maker.OWN:
        questions = Layout.from_json(exam.layout.definition).questions
        choices = {field.label: field.choices for field in questions if isinstance(field, ChoiceField)}
    items = [
        Item(question.label, question.points, question.accepted, choices.get(question.label, ()))
        for question in rules.key
        if question.is_keyed and question.cancelled is Cancellation.NONE
    ]
    return analyse(items, list(responses_of_exam(exam.pk, rules).values()))


def responses_of_exam(exam_id: int, rules: ScoringRules) -> dict[int, dict[str, Response]]:
    """By student, by the key's label, what they answered on the pages that count and what that scored."""
    pages = Scan.objects.filter(exam_id=exam_id, match=Match.MATCHED, reading__isnull=False).order_by("pk")
    by_label = {question.label: question for question in rules.key}
    found: dict[int, dict[str, Response]] = defaultdict(dict)
    for page in with_corrections(pages):
        assert page.student_id is not None
        reading = effective_reading(page)
        version = version_of(reading, rules.versions)
        if version is None:
            continue
        choices = _choices_in_key_order(reading, version)
        for answer in rules.score(page, reading).answers:
            kind = by_label[answer.question].kind
            choice = "" if kind is QuestionKind.ESSAY else choices.get(answer.question, "")
            found[page.student_id][answer.question] = Response(answer.outcome, answer.points, choice)
    return dict(found)


def _choices_in_key_order(reading: SheetReading, version: VersionMap) -> dict[str, str]:
    fields = (version.in_key_order(field) for field in reading.fields)
    return {field.label: COMBINED.join(sorted(field.values)) for field in fields}
