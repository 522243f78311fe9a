"""What the API shows of exams. Each query loads all that its serializer touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias, TypedDict

from django.db.models import Count, F, Prefetch, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from academy.jobs.changes import jobs_visible_to, visible_among
from academy.jobs.models import FINAL_STATES, UNFINISHED_STATES, Job, JobState
from academy.jobs.reasons import text_of
from apps.accounts.models import User
from apps.accounts.roles import Permission, Sight
from apps.courses.queries import courses_visible_to
from apps.exams.corrections import effective_reading
from apps.exams.kinds import Cancellation, QuestionKind
from apps.exams.models import Batch, BlankSheet, Correction, Exam, Match, Objection, Question, Scan, SheetSet
from apps.exams.objections import asked_objections, is_objected_to
from apps.exams.scoring import KeyedQuestion, SheetScore, VersionMap, score_reading
from apps.exams.versions import version_maps
from apps.students.models import Student
from apps.students.queries import students_visible_to
from sheets.reading import SheetReading

# The ends of a job that leave a page without a reading.
_UNREAD: Final = (JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is: pages known, read, failed and cancelled, and whether more pages may still be found."""

    page_count: int | None
    read: int
    failed: int
    cancelled: int = 0

    @property
    def is_finished(self) -> bool:
        return self.page_count is not None and self.read + self.failed + self.cancelled >= self.page_count


def exams_visible_to(person: User) -> QuerySet[Exam]:
    """All of them for who sees everything; for who teaches, those of their courses and, of no course, their own.

    An exam carries all that hangs on it: whoever sees it sees its batches, scans, results and printed sheets, of every
    student.
    """
    match person.sight:
        case Sight.EVERYTHING:
            return Exam.objects.all()
        case Sight.TAUGHT:
            taught = Exam.objects.filter(course__in=courses_visible_to(person))
            own = Exam.objects.filter(course=None, created_by=person)
            # Not one condition with OR: PostgreSQL finds these by their keys, and would read every exam for that.
            return Exam.objects.filter(pk__in=taught.values("pk").union(own.values("pk"), all=True))
    return Exam.objects.none()


def batches_visible_to(person: User) -> QuerySet[Batch]:
    return Batch.objects.all() if person.sees_everything else Batch.objects.filter(exam__in=exams_visible_to(person))


def scans_visible_to(person: User) -> QuerySet[Scan]:
    return Scan.objects.all() if person.sees_everything else Scan.objects.filter(exam__in=exams_visible_to(person))


def objections_visible_to(person: User) -> QuerySet[Objection]:
    return Objection.objects.filter(scan__exam__in=exams_visible_to(person))


def sheet_sets_visible_to(person: User) -> QuerySet[SheetSet]:
    return SheetSet.objects.filter(exam__in=exams_visible_to(person))


def blank_sheets_visible_to(person: User) -> QuerySet[BlankSheet]:
    """All of the academy's for who makes exams: a stock of printed sheets is everybody's."""
    return BlankSheet.objects.all() if person.may(Permission.MANAGE_EXAMS) else BlankSheet.objects.none()


def blank_sheet_jobs_visible_to(person: User) -> Q:
    """Of the jobs that draw a blank sheet's picture."""
    return Q(pk__in=blank_sheets_visible_to(person).values("job_id"))


def batch_jobs_visible_to(person: User) -> Q:
    """Of the jobs that open a file."""
    return Q(pk__in=batches_visible_to(person).values("job_id"))


def scan_jobs_visible_to(person: User) -> Q:
    """Of the jobs that read a page."""
    return Q(pk__in=scans_visible_to(person).values("job_id"))


def sheet_set_jobs_visible_to(person: User) -> Q:
    """Of the jobs that print a class's sheets."""
    return Q(pk__in=sheet_sets_visible_to(person).values("job_id"))


def exams_with_layout() -> QuerySet[Exam]:
    return Exam.objects.select_related("layout")


class ExamRow(TypedDict):
    id: int
    title: str
    sheet_code: str
    created_at: datetime
    course: int | None
    maker: str
    labels: list[str]


def exam_rows(person: User) -> QuerySet[Exam, ExamRow]:
    """As the list shows them, without their sheets' drawings: parsing those takes ten times what the rest does."""
    columns = ("id", "title", "sheet_code", "created_at", "course")
    rows: QuerySet[Exam, ExamRow] = exams_visible_to(person).values(
        *columns, maker=F("layout__maker"), labels=F("layout__labels")
    )
    return rows


def batches_with_job() -> QuerySet[Batch]:
    return Batch.objects.select_related("job", "upload")


def scans_with_job_and_student(person: User) -> QuerySet[Scan]:
    return scans_visible_to(person).select_related("job", "student", "batch__upload")


def with_corrections(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """``scans`` with what stands of their corrections, loaded by one query, for ``effective_reading``."""
    stand = Correction.objects.filter(undone_at=None).select_related("by", "student").order_by("pk")
    return scans.prefetch_related(Prefetch("corrections", queryset=stand))


@dataclass(frozen=True, slots=True)
class PageFailure:
    """Why a page, or the whole file (``page_index`` is None), could not be read."""

    page_index: int | None
    code: str
    entry_name: str = ""

    @property
    def message(self) -> str:
        """What to do about it, in the language of the request."""
        return text_of(self.code)


def failures_of_batch(batch: Batch) -> list[PageFailure]:
    """The pages of a batch that failed or were cancelled, in order, and the file's own failure first."""
    rows = Scan.objects.filter(batch_id=batch.pk, job__state__in=_UNREAD).order_by("page_index")
    failures = [PageFailure(*row) for row in rows.values_list("page_index", "job__error_code", "entry_name")]
    if batch.job is not None and batch.job.state in _UNREAD:
        failures.insert(0, PageFailure(None, batch.job.error_code))
    return failures


def students_sitting(exam: Exam, person: User) -> QuerySet[Student]:
    """Those now in the exam's course; of an exam without one, those whom ``person`` sees."""
    if exam.course_id is not None:
        return Student.objects.filter(enrolments__course=exam.course_id, enrolments__left_at=None)
    return students_visible_to(person)


def student_by_number(exam: Exam, person: User, number: str) -> Student | None:
    """Who sits the exam, or is seen by ``person``, and has this number."""
    known = Q(pk__in=students_sitting(exam, person)) | Q(pk__in=students_visible_to(person))
    return Student.objects.filter(known, number=number).first()


def students_with_number_of(digits: int, *, exam: Exam, person: User) -> QuerySet[Student]:
    """Who sits the exam, as far as their number fits a sheet of ``digits`` digits, by number."""
    fitting = students_sitting(exam, person).filter(number__regex=rf"^[0-9]{{{digits}}}$")
    return fitting.order_by("number")


def key_of_exam(exam_id: int) -> list[KeyedQuestion]:
    return [keyed_question(row) for row in Question.objects.filter(exam_id=exam_id).order_by("position")]


def keyed_question(row: Question) -> KeyedQuestion:
    return KeyedQuestion(
        label=row.label,
        accepted=tuple(row.accepted),
        points=row.points,
        kind=QuestionKind(row.kind),
        penalty=row.penalty,
        is_partial=row.is_partial,
        as_written=row.as_written,
        cancelled=Cancellation(row.cancelled),
    )


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """All that scoring a page of an exam needs beside what was read. ``versions`` is empty where there is but one."""

    key: list[KeyedQuestion]
    versions: dict[str, VersionMap]

    @property
    def keyed(self) -> frozenset[str]:
        """The labels of what is scored."""
        return frozenset(question.label for question in self.key if question.is_keyed)

    def score_scan(self, scan: Scan) -> SheetScore:
        """What a page that was read scores, with what people corrected on it."""
        return self.score(scan, effective_reading(scan))

    def score(self, scan: Scan, reading: SheetReading) -> SheetScore:
        """The same of a reading that is at hand."""
        given = {label: Decimal(points) for label, points in scan.essay_points.items()}
        return score_reading(reading, self.key, versions=self.versions, given=given)


def rules_of_exam(exam_id: int) -> ScoringRules:
    stored = Exam.objects.filter(pk=exam_id).values_list("versions", flat=True).first()
    return ScoringRules(key_of_exam(exam_id), version_maps(stored or {}))


def sheet_sets_with_job(person: User) -> QuerySet[SheetSet]:
    return sheet_sets_visible_to(person).select_related("job")


def progress_of_batch(batch: Batch) -> BatchProgress:
    """From the states of its pages' jobs; a batch that was not opened to its end counts as one more page."""
    by_state = Scan.objects.filter(batch_id=batch.pk).values("job__state").annotate(n=Count("id"))
    return _progress(batch, Counter({row["job__state"]: row["n"] for row in by_state}))


def _progress(batch: Batch, states: Counter[str]) -> BatchProgress:
    page_count = batch.page_count
    read = states[JobState.SUCCEEDED]
    if page_count is None and batch.job is not None and batch.job.state in _UNREAD:
        states[batch.job.state] += 1
        page_count = sum(states.values())
    failed, cancelled = states[JobState.FAILED], states[JobState.CANCELLED]
    return BatchProgress(page_count=page_count, read=read, failed=failed, cancelled=cancelled)


@dataclass(frozen=True, slots=True)
class StudentResult:
    student_id: int
    number: str
    name: str
    points: Decimal | None
    max_points: Decimal | None
    unsure_count: int
    awaited_count: int
    page_count: int


def results_of_exam(exam_id: int) -> list[StudentResult]:
    """One row per student with a matched sheet, by number. Points are NULL while the exam has no key."""
    rows = (
        Student.objects.filter(scans__exam_id=exam_id, scans__match=Match.MATCHED)
        .annotate(
            points=Sum("scans__points"),
            max_points=Sum("scans__max_points"),
            unsure_count=Sum("scans__unsure_count"),
            awaited_count=Coalesce(Sum("scans__awaited_count"), 0),
            page_count=Count("scans"),
        )
        .order_by("number")
        .values_list("id", "number", "name", "points", "max_points", "unsure_count", "awaited_count", "page_count")
    )
    return [StudentResult(*row) for row in rows]


# ---------------------------------------------------------------- what the desk shows

NEEDS_REVIEW: Final = Q(asked_count__gt=0)
"""A page that was read and of which a person is asked something."""
MANY: Final = 100
"""Counts for people end here: what is more is many."""


@dataclass(frozen=True, slots=True)
class ExamProgress:
    """The pages of an exam by what became of them; ``to_review`` is part of ``read``.

    ``objected``: those that somebody has to look at only since their students object to what was read.
    """

    page_count: int = 0
    read: int = 0
    failed: int = 0
    to_review: int = 0
    objected: int = 0

    @property
    def waiting(self) -> int:
        return self.page_count - self.read - self.failed

    @property
    def percent(self) -> int:
        return round(100 * (self.read + self.failed) / self.page_count) if self.page_count else 0


def progress_of_exams(exam_ids: Collection[int]) -> dict[int, ExamProgress]:
    """How far each of these exams is, in one question."""
    rows = (
        Scan.objects.filter(exam_id__in=exam_ids)
        .values("exam_id")
        .annotate(
            page_count=Count("id"),
            read=Count("id", filter=Q(read_at__isnull=False)),
            failed=Count("id", filter=Q(job__state__in=_UNREAD)),
            to_review=Count("id", filter=NEEDS_REVIEW | is_objected_to()),
            objected=Count("id", filter=is_objected_to() & ~Q(asked_count__gt=0)),
        )
        .order_by()
    )
    found = {row.pop("exam_id"): ExamProgress(**row) for row in rows}
    return {exam_id: found.get(exam_id, ExamProgress()) for exam_id in exam_ids}


def progress_of_batches(batches: Collection[Batch]) -> dict[int, BatchProgress]:
    """As ``progress_of_batch``, for many at once. Their jobs must be loaded."""
    by_batch: dict[int, Counter[str]] = {batch.pk: Counter() for batch in batches}
    rows = Scan.objects.filter(batch_id__in=by_batch).values_list("batch_id", "job__state").annotate(n=Count("id"))
    for batch_id, state, count in rows.order_by():
        by_batch[batch_id][state] = count
    return {batch.pk: _progress(batch, by_batch[batch.pk]) for batch in batches}


@dataclass(frozen=True, slots=True)
class Today:
    """What is going on, at a glance. Counts end at ``MANY``."""

    to_review: int
    objections: int
    running_batches: int
    failed: int
    exams: int


def today(person: User) -> Today:
    """Of what ``person`` sees. To review and exams: all there are; running: now; failed: jobs of the last 24 hours."""
    yesterday = timezone.now() - timedelta(days=1)
    opened = Batch.objects.filter(job__state__in=UNFINISHED_STATES).values("pk")
    read = Scan.objects.filter(job__state__in=UNFINISHED_STATES).values("batch_id")
    recent = batches_visible_to(person).filter(created_at__gte=timezone.now() - timedelta(days=7))
    counts = _at_most_many(
        to_review=scans_visible_to(person).filter(NEEDS_REVIEW),
        objections=asked_objections().filter(scan__exam__in=exams_visible_to(person)),
        running_batches=recent.filter(pk__in=opened.union(read)),
        failed=visible_among(person, Job.objects.filter(state=JobState.FAILED, created_at__gte=yesterday)),
        exams=exams_visible_to(person),
    )
    return Today(**counts)


_Rows: TypeAlias = QuerySet[Scan] | QuerySet[Objection] | QuerySet[Batch] | QuerySet[Job] | QuerySet[Exam]


def _at_most_many(**rows: _Rows) -> dict[str, int]:
    """How many there are of each, in one question: the first page asks for a lot."""
    named = [found.order_by().annotate(what=Value(name)).values_list("what")[:MANY] for name, found in rows.items()]
    found = Counter(what for (what,) in named[0].union(*named[1:], all=True))
    return {name: found[name] for name in rows}


def pages_per_day(person: User, days: int) -> list[tuple[date, int]]:
    """How many pages that ``person`` sees were read on each of the last ``days`` days, today last, 0 included."""
    last = timezone.localdate()
    first = last - timedelta(days=days - 1)
    since = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    rows = (
        jobs_visible_to(person, ["exams.read_scan"])
        .filter(state__in=FINAL_STATES, created_at__gte=since)
        .annotate(day=TruncDate("created_at"))
        .values_list("day")
        .annotate(n=Count("id"))
        .order_by()
    )
    counts = dict(rows)
    return [(day, counts.get(day, 0)) for day in (first + timedelta(days=index) for index in range(days))]


def recent_results(person: User, count: int) -> QuerySet[Scan]:
    """The pages last read whose student is known, with exam and student."""
    matched = scans_visible_to(person).filter(match=Match.MATCHED).select_related("exam", "student")
    return matched.defer("reading", "exam__layout").order_by("-pk")[:count]


def titles_of_exams(person: User) -> QuerySet[Exam, tuple[int, str]]:
    """Of the newest exams, for choosing one."""
    return exams_visible_to(person).order_by("-pk").values_list("id", "title")[:200]
