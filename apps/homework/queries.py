"""What the API shows of homework. Each query loads all that its serializer touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.accounts.roles import Sight
from apps.courses.queries import courses_visible_to
from apps.homework.models import Assignee, Assignment, PageReading, Submission, SubmittedFile, Worksheet, WorksheetPage
from apps.students.models import Student

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
            of_theirs = Q(course__in=courses_visible_to(person)) | Q(course=None, created_by=person)
            return Assignment.objects.filter(of_theirs)
    return Assignment.objects.none()


def submissions_visible_to(person: User) -> QuerySet[Submission]:
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
    rows = PageReading.objects.filter(submission_id=submission_id).select_related("worksheet_page", "file")
    return list(rows.order_by("file__position", "page_index"))


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
