"""Everything that people write to exams: sheets, keys, and files handed in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import Job
from academy.jobs.services import cancel_jobs
from academy.storage.services import VIDEO_TYPES, use_upload
from apps.accounts.models import User
from apps.courses.queries import courses_visible_to
from apps.courses.services import CourseArchived
from apps.exams import tasks
from apps.exams.announcing import announce_results
from apps.exams.corrections import effective_reading
from apps.exams.grading import Regrading, hold_key, preview_regrading, regrade_exam, regrade_scan
from apps.exams.kinds import QuestionKind
from apps.exams.models import Batch, Exam, Maker, Question, Scan, SheetLayout, SheetSet
from apps.exams.objections import confirm_answers
from apps.exams.queries import (
    ScoringRules,
    batches_visible_to,
    exams_visible_to,
    keyed_question,
    rules_of_exam,
    scans_visible_to,
    students_sitting,
    with_corrections,
)
from apps.exams.scoring import COMBINED, parse_number
from apps.exams.versions import VersionJson, check_versions, version_maps
from apps.students.models import Student
from apps.students.queries import students_visible_to
from sheets.layout import A4, ChoiceField, EssayField, Group, Layout, NumericField, Paper, design_layout
from sheets.template import printed_values

# No 0/O, 1/I: people read it aloud when the printed code is torn off.
_CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH: Final = 10
OPENED_TYPES: Final = frozenset({"application/pdf", "application/zip"})
"""Files of many pages, which a job takes apart."""
MAX_ACCEPTED: Final = 10
MAX_COPIES: Final = 1000
"""Students in one file of sheets: 3 ms and 2 kB a page."""
MAX_LABELS: Final = 1000


class NotPrintable(DomainError):
    """A sheet of another maker is printed by its maker."""

    code: ClassVar[str] = "not_printable"


class TooManyCopies(DomainError):
    """More copies than are drawn while somebody waits."""

    code: ClassVar[str] = "too_many_copies"


@dataclass(frozen=True, slots=True)
class ScoringWish:
    """What a teacher says of some questions, by label. What is not named is not changed."""

    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    points: Mapping[str, Decimal] = field(default_factory=dict)
    penalties: Mapping[str, Decimal] = field(default_factory=dict)
    partial: Mapping[str, bool] = field(default_factory=dict)
    as_written: Mapping[str, bool] = field(default_factory=dict)
    cancelled: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, VersionJson] | None = None

    @property
    def is_empty(self) -> bool:
        return self == ScoringWish()

    @property
    def columns(self) -> dict[str, Mapping[str, object]]:
        """What is said by question, by the name under which a request says it."""
        return {
            "answers": self.answers,
            "points": self.points,
            "penalties": self.penalties,
            "partial": self.partial,
            "as_written": self.as_written,
            "cancelled": self.cancelled,
        }

    @property
    def labels(self) -> set[str]:
        return set().union(*self.columns.values())


@transaction.atomic
def create_exam(
    *,
    title: str,
    created_by: User,
    question_count: int | None = None,
    choice_count: int = 5,
    groups: Sequence[Group] = (),
    number_digits: int = 6,
    version_count: int = 0,
    is_large_print: bool = False,
    paper: Paper = A4,
    course: int | None = None,
    scoring: ScoringWish | None = None,
) -> Exam:
    """An exam on a sheet of our own, with ``question_count`` single choices or ``groups`` of questions of any kind.

    It is of a course or of none. Raises ``Invalid`` when no such sheet can be made, or it cannot be scored as
    ``scoring`` says; ``Missing`` and ``CourseArchived`` for the course.
    """
    course_id = course_for(created_by, course)
    try:
        layout = design_layout(
            question_count=question_count,
            choice_count=choice_count,
            groups=groups,
            number_digits=number_digits,
            version_count=version_count,
            is_large_print=is_large_print,
            paper=paper,
        )
    except ValueError as error:
        raise Invalid(gettext("No sheet can be made like this: {problem}").format(problem=error)) from error
    sheet, _ = SheetLayout.objects.get_or_create(
        fingerprint=layout.fingerprint,
        number_label="",
        defaults={"maker": Maker.OWN, "definition": layout.to_json(), "labels": list(layout.question_labels)},
    )
    kinds = {question.label: _kind_of(question) for question in layout.questions}
    exam = add_exam(title=title, sheet=sheet, created_by=created_by, course_id=course_id, kinds=kinds)
    if scoring is not None and not scoring.is_empty:
        set_scoring(by=created_by, exam_id=exam.pk, wish=scoring)
        exam.refresh_from_db(fields=["versions"])
    return exam


def _kind_of(question: ChoiceField | NumericField | EssayField) -> QuestionKind:
    if isinstance(question, ChoiceField):
        return QuestionKind.SEVERAL if question.has_several else QuestionKind.SINGLE
    return QuestionKind.NUMERIC if isinstance(question, NumericField) else QuestionKind.ESSAY


def course_for(person: User, course_id: int | None) -> int | None:
    """The course that ``person`` gives an exam to. Raises ``Missing``, ``CourseArchived``."""
    if course_id is None:
        return None
    course = courses_visible_to(person).filter(pk=course_id).first()
    if course is None:
        raise Missing
    if course.is_archived:
        raise CourseArchived(attr="course")
    return course.pk


def set_course(*, by: User, exam_id: int, course: int | None) -> Exam:
    """Put an exam into a course, or out of every one. Raises ``Missing`` for either, and ``CourseArchived``."""
    exam = exams_visible_to(by).select_related("layout").filter(pk=exam_id).first()
    if exam is None:
        raise Missing
    exam.course_id = course_for(by, course)
    exam.save(update_fields=["course"])
    return exam


def add_exam(
    *,
    title: str,
    sheet: SheetLayout,
    created_by: User,
    course_id: int | None,
    kinds: Mapping[str, QuestionKind] | None = None,
) -> Exam:
    """The exam with its questions, without a key."""
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
    exam = Exam(title=title, layout=sheet, sheet_code=code, created_by=created_by, course_id=course_id)
    exam.save()
    Question.objects.bulk_create(
        Question(exam=exam, label=label, position=position, kind=(kinds or {}).get(label, QuestionKind.SINGLE))
        for position, label in enumerate(sheet.labels, start=1)
    )
    return exam


def set_answer_key(
    *, by: User, exam_id: int, answers: Mapping[str, Sequence[str]], points: Mapping[str, Decimal]
) -> int:
    """Set the accepted answers and points of the named questions; see :func:`set_scoring`. Returns how many pages."""
    return set_scoring(by=by, exam_id=exam_id, wish=ScoringWish(answers=answers, points=points)).page_count


def set_scoring(*, by: User, exam_id: int, wish: ScoringWish) -> Regrading:
    """Set how the named questions are scored and regrade at once. Returns whose points that changed.

    Questions that are not named keep what they have. Raises ``Missing`` and, for a label, a choice or an order that the
    sheet does not have, ``Invalid``.
    """
    with transaction.atomic():
        if not (exams_visible_to(by).filter(pk=exam_id).exists() and hold_key(exam_id)):
            raise Missing
        questions = _wished_questions(exam_id, wish)
        Question.objects.bulk_update(
            [question for question in questions if question.label in wish.labels],
            ["accepted", *_SCORING_COLUMNS.values()],
        )
        if wish.versions is not None:
            Exam.objects.filter(pk=exam_id).update(versions=dict(wish.versions))
        return regrade_exam(exam_id)


def preview_scoring(*, by: User, exam_id: int, wish: ScoringWish) -> Regrading:
    """Whose points :func:`set_scoring` would change, from what to what. Writes nothing; raises the same."""
    with transaction.atomic():
        exam = exams_visible_to(by).filter(pk=exam_id).first()
        if exam is None:
            raise Missing
        key = [keyed_question(question) for question in _wished_questions(exam_id, wish)]
        versions = exam.versions if wish.versions is None else wish.versions
        return preview_regrading(exam_id, ScoringRules(key, version_maps(versions)))


def _wished_questions(exam_id: int, wish: ScoringWish) -> list[Question]:
    """The exam's questions as ``wish`` has them, by position, not saved. Raises ``Invalid``."""
    questions = {row.label: row for row in Question.objects.filter(exam_id=exam_id).order_by("position")}
    sheet = SheetLayout.objects.get(exams__pk=exam_id)
    layout = Layout.from_json(sheet.definition) if sheet.maker == Maker.OWN else None
    for attr, values in wish.columns.items():
        for label in sorted(set(values) - set(questions)):
            raise Invalid(gettext('The exam has no question "{name}".').format(name=label), attr=attr)
    printed = printed_values(sheet.definition) if layout is None and wish.answers else {}
    for label, accepted in wish.answers.items():
        if layout is None:
            questions[label].accepted = _accepted_elsewhere(questions[label], printed.get(label), accepted)
        else:
            questions[label].accepted = _accepted(questions[label], layout, accepted)
    for attr, column in _SCORING_COLUMNS.items():
        for label, value in wish.columns[attr].items():
            setattr(questions[label], column, value)
    if wish.versions is not None:
        _check_versions(layout, wish.versions)
    return list(questions.values())


_SCORING_COLUMNS: Final = {
    "points": "points",
    "penalties": "penalty",
    "partial": "is_partial",
    "as_written": "as_written",
    "cancelled": "cancelled",
}


def _check_versions(layout: Layout | None, versions: Mapping[str, VersionJson]) -> None:
    if layout is None:
        raise Invalid(gettext("A sheet of another maker has no versions."), attr="versions")
    try:
        check_versions(versions, layout)
    except ValueError as error:
        raise Invalid(gettext("The versions do not fit: {problem}").format(problem=error), attr="versions") from error


def _accepted_elsewhere(question: Question, printed: Sequence[str] | None, answers: Sequence[str]) -> list[str]:
    """The same of another maker's sheet. ``printed``: what can be marked (None: fields are joined to one)."""
    for answer in answers:
        if question.kind == QuestionKind.NUMERIC and parse_number(answer) is None:
            raise _no_number(question, answer)
        if printed is not None and answer not in printed:
            raise _no_choice(question, answer)
    return list(answers)[:MAX_ACCEPTED]


def _no_number(question: Question, answer: str) -> Invalid:
    return Invalid(
        gettext('Question "{name}" is answered by a number, not by "{answer}".').format(
            name=question.label, answer=answer
        ),
        attr="answers",
    )


def _no_choice(question: Question, answer: str) -> Invalid:
    return Invalid(
        gettext('Question "{name}" has no choice "{choice}".').format(name=question.label, choice=answer),
        attr="answers",
    )


def _accepted(question: Question, layout: Layout, answers: Sequence[str]) -> list[str]:
    """The accepted answers as they are stored.

    Raises ``Invalid`` for one that nobody can mark: it would count everybody's as wrong.
    """
    found = next(item for item in layout.questions if item.label == question.label)
    stored = []
    for answer in list(answers)[:MAX_ACCEPTED]:
        if isinstance(found, EssayField):
            raise Invalid(
                gettext('Question "{name}" is an essay: people give its points.').format(name=question.label),
                attr="answers",
            )
        if isinstance(found, NumericField):
            if parse_number(answer) is None:
                raise _no_number(question, answer)
            stored.append(answer)
            continue
        parts = answer.split(COMBINED) if found.has_several else [answer]
        for choice in parts:
            if choice not in found.choices or parts.count(choice) > 1:
                raise _no_choice(question, answer)
        stored.append(COMBINED.join(sorted(parts, key=found.choices.index)))
    return stored


def give_essay_points(*, by: User, scan_id: int, points: Mapping[str, Decimal | None]) -> Scan:
    """Give points for the essays of a page, or take them back with None. They survive every re-read.

    Raises ``Missing``, and ``Invalid`` for a box that is not on the page or more points than it is worth.
    """
    with transaction.atomic():
        exam_id = scans_visible_to(by).filter(pk=scan_id).values_list("exam_id", flat=True).first()
        if exam_id is None or not hold_key(exam_id):
            raise Missing
        scan: Scan = with_corrections(Scan.objects.select_for_update()).get(pk=scan_id)
        rules = rules_of_exam(exam_id)
        reading = effective_reading(scan) if scan.reading is not None else None
        essays = {crop.label for crop in reading.essays} if reading is not None else set()
        worth = {}
        if reading is not None:
            by_question = {question.label: question.points for question in rules.key}
            worth = {answer.label: by_question[answer.question] for answer in rules.score(scan, reading).answers}
        given = dict(scan.essay_points)
        for label, value in points.items():
            if label not in essays:
                raise Invalid(gettext('The page has no essay "{name}".').format(name=label), attr="points")
            if value is None:
                given.pop(label, None)
                continue
            if value > worth.get(label, Decimal(0)):
                raise Invalid(
                    gettext('Essay "{name}" is worth {points} points.').format(name=label, points=worth.get(label, 0)),
                    attr="points",
                )
            given[label] = str(value)
        if essays:
            scan.essay_points = given
            regrade_scan(scan, by=by)
            confirm_answers(scan, {label: None for label, value in points.items() if value is not None}, by=by)
            if scan.student_id is not None:
                announce_results(scan.exam_id, [scan.student_id])
    return scan


def order_sheet_set(*, exam_id: int, students: Sequence[int] | None, has_versions: bool, created_by: User) -> SheetSet:
    """Have sheets printed for ``students`` in their order, or for all who sit the exam by number, as a job.

    Raises ``Missing`` also for a student that is not there, or neither sits the exam nor is seen by ``created_by``;
    ``Invalid`` for nobody or too many, ``NotPrintable``.
    """
    with transaction.atomic():
        exam = exams_visible_to(created_by).select_related("layout").filter(pk=exam_id).first()
        if exam is None:
            raise Missing
        if exam.layout.maker != Maker.OWN:
            raise NotPrintable(gettext("This sheet is printed by its own maker."))
        if students is None:
            sitting = students_sitting(exam, created_by).order_by("number")
            chosen = list(sitting.values_list("pk", flat=True)[: MAX_COPIES + 1])
        else:
            chosen = list(dict.fromkeys(students))
            seen = Q(pk__in=students_sitting(exam, created_by)) | Q(pk__in=students_visible_to(created_by))
            if Student.objects.filter(seen, pk__in=chosen).count() != len(chosen):
                raise Missing
        if not 1 <= len(chosen) <= MAX_COPIES:
            raise Invalid(
                gettext("Sheets are printed for 1 to {count} students at once.").format(count=MAX_COPIES),
                attr="students",
            )
        wanted = SheetSet(exam=exam, students=chosen, has_versions=has_versions, created_by=created_by)
        wanted.save()
        wanted.job_id = int(tasks.print_sheets.enqueue(wanted.pk).id)
        wanted.save(update_fields=["job"])
    return wanted


def submit_scans(*, exam_id: int, upload_id: int, created_by: User) -> Batch:
    """Take a sent file as scans of an exam and queue their reading.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, ``KindNotIncluded`` when the plan has no OMR, and
    ``DailyLimitReached``.
    """
    with transaction.atomic():
        exam = exams_visible_to(created_by).filter(pk=exam_id).first()
        if exam is None:
            raise Missing
        upload = use_upload(upload_id=upload_id, by=created_by)
        if upload.content_type in VIDEO_TYPES:
            raise Invalid(gettext("This is a video. Hand in pictures or a PDF of the sheets."), attr="upload")
        is_opened = upload.content_type in OPENED_TYPES
        batch = Batch(exam=exam, upload=upload, created_by=created_by, page_count=None if is_opened else 1)
        batch.save()
        if is_opened:
            batch.job_id = int(tasks.open_batch.enqueue(batch.pk).id)
            batch.save(update_fields=["job"])
        else:
            tasks.add_scan(batch, page_index=0, source_key=upload.key)
    return batch


@transaction.atomic
def cancel_batch(*, by: User, batch_id: int) -> int:
    """Cancel what of a handed-in file is not read yet; what is read stays. Returns how many jobs.

    Raises ``Missing``.
    """
    batch = batches_visible_to(by).filter(pk=batch_id).first()
    if batch is None:
        raise Missing
    # First the job that finds pages: behind its lock nothing is added any more that the second statement would miss.
    cancelled = cancel_jobs(Job.objects.filter(pk=batch.job_id)) if batch.job_id is not None else 0
    pages = Scan.objects.filter(batch_id=batch_id, job__isnull=False).values("job_id")
    return cancelled + cancel_jobs(Job.objects.filter(pk__in=pages))
