"""What the API shows of homework. Each query loads all that its serializer touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.accounts.models import User, admitted
from apps.accounts.roles import Sight
from apps.courses.models import Enrolment
from apps.courses.queries import courses_visible_to
from apps.homework.completion import Page, Problem, best_of, labels_of
from apps.homework.models import (
    Assignee,
    Assignment,
    PageReading,
    Reminder,
    Submission,
    SubmittedFile,
    Worksheet,
    WorksheetPage,
)
from apps.students.models import Guardianship, Student
from sheets.homework import HomeworkReading

MAX_ROWS: Final = 500
"""Of one student's homework: two pieces a week for five years."""


def assignments_visible_to(person: User) -> QuerySet[Assignment]:
    """All of them for who sees everything; for who teaches, those of their courses and, of no course, their own.

    An assignment carries what is handed in for it. Worksheets are nobody's data: all staff share them.
    """
    match person.sight:
        case Sight.EVERYTHING:
            return Assignment.objects.all()
        case Sight.TAUGHT:
            taught = Assignment.objects.filter(course__in=courses_visible_to(person))
            own = Assignment.objects.filter(course=None, created_by=person)
            # As with exams: found by their keys, not by reading every one.
            return Assignment.objects.filter(pk__in=taught.values("pk").union(own.values("pk"), all=True))
    return Assignment.objects.none()


def submissions_visible_to(person: User) -> QuerySet[Submission]:
    if person.sees_everything:
        return Submission.objects.all()
    return Submission.objects.filter(assignment__in=assignments_visible_to(person))


def worksheet_jobs_visible_to(person: User) -> Q:
    """Of the jobs that register a worksheet."""
    staff = Worksheet.objects.all() if person.sight in (Sight.EVERYTHING, Sight.TAUGHT) else Worksheet.objects.none()
    return Q(pk__in=staff.values("job_id"))


def submission_jobs_visible_to(person: User) -> Q:
    """Of the jobs that read a hand-in."""
    return Q(pk__in=submissions_visible_to(person).values("job_id"))


def worksheets_with_job() -> QuerySet[Worksheet]:
    return Worksheet.objects.select_related("job")


def pages_of_worksheet(worksheet_id: int) -> QuerySet[WorksheetPage]:
    return WorksheetPage.objects.filter(worksheet_id=worksheet_id).order_by("page_index")


def assignments_with_counts(person: User) -> QuerySet[Assignment]:
    """What the person sees, with ``assigned_count`` and ``submitted_count``, of students."""
    return assignments_visible_to(person).annotate(
        assigned_count=Count("assignees", distinct=True),
        submitted_count=Count("submissions__student", distinct=True),
    )


def assignments_of_student(student_id: int) -> QuerySet[Assignment]:
    """What a student has to do, the one place that decides what they may see of it."""
    return Assignment.objects.filter(assignees__student_id=student_id)


def submissions_with_job() -> QuerySet[Submission]:
    return Submission.objects.select_related("job", "assignment", "student")


def pages_of_submission(submission_id: int) -> list[PageReading]:
    return list(_readings().filter(submission_id=submission_id))


def _readings() -> QuerySet[PageReading]:
    """Pages that were handed in, in their order."""
    return PageReading.objects.select_related("worksheet_page", "file").order_by("file__position", "page_index")


def copied_files(submission: Submission) -> set[int]:
    """The files of a submission whose very bytes another student has handed in for the same homework."""
    twins = SubmittedFile.objects.filter(
        digest=OuterRef("digest"), submission__assignment_id=submission.assignment_id
    ).exclude(submission__student_id=submission.student_id)
    own = SubmittedFile.objects.filter(submission=submission).exclude(digest="")
    return set(own.filter(Exists(twins)).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class StandingRow:
    """Where one student stands with one assignment. ``submission`` is the latest, ``None``: not handed in."""

    assignment: Assignment
    student: Student
    submission: Submission | None

    @property
    def is_late(self) -> bool:
        """Handed in after it was due; what is not handed in is missing, not late."""
        return self.submission is not None and self.submission.created_at > self.assignment.due_at


def standing_of_class(assignment: Assignment) -> list[StandingRow]:
    """One row per student who has to do it, by number."""
    students = Student.objects.filter(pk__in=Assignee.objects.filter(assignment=assignment).values("student_id"))
    latest = _latest(Submission.objects.filter(assignment=assignment), "student_id")
    return [StandingRow(assignment, student, latest.get(student.pk)) for student in students.order_by("number")]


def standing_of_student(student: Student, assignments: QuerySet[Assignment] | None = None) -> list[StandingRow]:
    """One row per assignment of the student, or per one of ``assignments`` that is theirs, the latest due first."""
    latest = _latest(Submission.objects.filter(student=student), "assignment_id")
    theirs = assignments_of_student(student.pk)
    if assignments is not None:
        theirs = theirs.filter(pk__in=assignments.values("pk"))
    rows = theirs.order_by("-due_at", "-pk")[:MAX_ROWS]
    return [StandingRow(assignment, student, latest.get(assignment.pk)) for assignment in rows]


def _latest(submissions: QuerySet[Submission], by: str) -> dict[int, Submission]:
    rows: Iterable[Submission] = submissions.select_related("job").order_by("pk")
    return {getattr(row, by): row for row in rows}


def students_missing(assignment_id: int) -> QuerySet[Student]:
    """Who has to do it and has handed in nothing, by number: the list to remind."""
    handed_in = Submission.objects.filter(assignment_id=assignment_id).values("student_id")
    assigned = Assignee.objects.filter(assignment_id=assignment_id).values("student_id")
    return Student.objects.filter(pk__in=assigned).exclude(pk__in=handed_in).order_by("number")


def page_of(row: PageReading) -> Page:
    """What counts of a stored page. Without a worksheet each page stands for itself."""
    reading = HomeworkReading.from_json(row.reading)
    if not reading.is_registered:
        place: int | None = row.pk
    else:
        place = row.worksheet_page.page_index if row.worksheet_page is not None else None
    return Page(place, reading, row.corrections)


# ---------------------------------------------------------------- what a class did, problem by problem


@dataclass(frozen=True, slots=True)
class GridRow:
    """One student: where they stand, the pages of what they handed in, and what counts of each problem."""

    standing: StandingRow
    pages: list[PageReading]
    problems: dict[tuple[int, str], Problem]


@dataclass(frozen=True, slots=True)
class Grid:
    """Students x problems. ``columns``: page of the worksheet and label; none without a worksheet.

    ``after``: the number from which the next page goes on, "" at the end.
    """

    columns: list[tuple[int, str]]
    rows: list[GridRow]
    after: str


def grid_of(assignment: Assignment, *, after: str = "", size: int) -> Grid:
    """The ``size`` students after the number ``after`` who have to do it, by number."""
    columns = []
    if assignment.worksheet_id is not None:
        for page in pages_of_worksheet(assignment.worksheet_id):
            columns += [(page.page_index, label) for label in labels_of(page.current_regions)]
    assigned = Assignee.objects.filter(assignment=assignment).values("student_id")
    students = list(Student.objects.filter(pk__in=assigned, number__gt=after).order_by("number")[: size + 1])
    shown = students[:size]
    latest = _latest(Submission.objects.filter(assignment=assignment, student__in=shown), "student_id")
    readings: dict[int, list[PageReading]] = {}
    for row in _readings().filter(submission__in=list(latest.values())):
        readings.setdefault(row.submission_id, []).append(row)
    rows = []
    for student in shown:
        submission = latest.get(student.pk)
        pages = readings.get(submission.pk, []) if submission is not None else []
        standing = StandingRow(assignment, student, submission)
        rows.append(GridRow(standing, pages, best_of(page_of(page) for page in pages)))
    return Grid(columns, rows, shown[-1].number if len(students) > size else "")


def counts_of_assignments(ids: list[int]) -> dict[int, tuple[int, int]]:
    """Of each how many students have to do it, and how many of them have handed something in."""
    assigned = _counted(Assignee.objects.filter(assignment__in=ids), "student")
    submitted = _counted(Submission.objects.filter(assignment__in=ids), "student")
    return {pk: (assigned.get(pk, 0), submitted.get(pk, 0)) for pk in ids}


def _counted(rows: QuerySet[Assignee] | QuerySet[Submission], column: str) -> dict[int, int]:
    counts = rows.order_by().values("assignment_id").annotate(number=Count(column, distinct=True))
    return dict(counts.values_list("assignment_id", "number"))


DUE_WITHIN: Final = timedelta(days=2)
OVERDUE_FOR: Final = timedelta(days=7)


def assignments_with_missing(person: User) -> QuerySet[Assignment]:
    """What is due soon or was lately and somebody has not handed in, with ``missing_count``, the earliest first."""
    counted = _missing().filter(assignment=OuterRef("pk")).order_by().values("assignment")
    number = counted.annotate(number=Count("pk")).values("number")
    counts = _due_lately(person).annotate(missing_count=Subquery(number, output_field=IntegerField()))
    return counts.filter(missing_count__gt=0)


def _due_lately(person: User) -> QuerySet[Assignment]:
    now = timezone.now()
    found = assignments_visible_to(person).filter(due_at__gt=now - OVERDUE_FOR, due_at__lt=now + DUE_WITHIN)
    return found.select_related("course").order_by("due_at", "pk")


def _missing() -> QuerySet[Assignee]:
    """Who has to do something and has handed in nothing for it."""
    handed_in = Submission.objects.filter(assignment=OuterRef("assignment"), student=OuterRef("student"))
    return Assignee.objects.filter(~Exists(handed_in))


# ---------------------------------------------------------------- who is reminded


@dataclass(frozen=True, slots=True)
class Telephone:
    """Somebody who can be texted. ``is_told``: they were reminded of the assignment today."""

    user_id: int
    phone: str
    is_told: bool


@dataclass(frozen=True, slots=True)
class Owing:
    """A student who has handed in nothing, and whom to text about it. Nobody is about who has left the course."""

    student: Student
    has_left: bool
    own: Telephone | None
    guardians: list[Telephone]


def owing(assignment: Assignment, day: date) -> list[Owing]:
    """Who has to do it and has handed in nothing, by number, as of ``day``."""
    students = list(students_missing(assignment.pk))
    ids = [student.pk for student in students]
    staying = set(ids)
    if assignment.course_id is not None:
        enrolled = Enrolment.objects.filter(course_id=assignment.course_id, left_at=None, student__in=ids)
        staying = set(enrolled.values_list("student_id", flat=True))
    guardians: dict[int, list[int]] = {}
    for student_id, user_id in Guardianship.objects.filter(student__in=ids).values_list("student_id", "user_id"):
        guardians.setdefault(student_id, []).append(user_id)
    wanted = {student.user_id for student in students} | {pk for pks in guardians.values() for pk in pks}
    told = set(Reminder.objects.filter(assignment=assignment, day=day).values_list("user_id", flat=True))
    users = User.objects.filter(admitted(), pk__in=wanted - {None}).values_list("pk", "phone")
    known = {pk: Telephone(pk, str(phone), pk in told) for pk, phone in users}
    return [
        Owing(
            student,
            student.pk not in staying,
            known.get(student.user_id) if student.user_id is not None else None,
            [known[pk] for pk in sorted(guardians.get(student.pk, [])) if pk in known],
        )
        for student in students
    ]


MAX_OWED: Final = 2_000
"""Of the list over all classes: students, each once for each piece of homework."""


def owed_lately(person: User, course_id: int | None = None) -> list[tuple[Assignment, list[Student]]]:
    """What is due soon or was lately with who has handed in nothing, class by class, the earliest due first."""
    assignments = _due_lately(person).filter(Exists(_missing().filter(assignment=OuterRef("pk"))))
    if course_id is not None:
        assignments = assignments.filter(course_id=course_id)
    found = {one.pk: one for one in assignments[:MAX_ROWS]}
    missing = _missing().filter(assignment__in=list(found)).select_related("student")
    students: dict[int, list[Student]] = {}
    for row in missing.order_by("assignment_id", "student__number")[:MAX_OWED]:
        students.setdefault(row.assignment_id, []).append(row.student)
    by_class = sorted(found.values(), key=lambda one: (one.course.name if one.course else "", one.course_id or 0))
    return [(one, students[one.pk]) for one in by_class if one.pk in students]
