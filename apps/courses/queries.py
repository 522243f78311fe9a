"""What the API shows of courses, and which of them somebody sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict

from django.db.models import F, Q, QuerySet

from apps.accounts.models import User
from apps.accounts.roles import Sight
from apps.courses.models import Attendance, Course, CourseTeacher, Enrolment
from apps.students.models import Student


def courses_visible_to(person: User, child: Student | None = None) -> QuerySet[Course]:
    """All of them, those that this person teaches, those they are in, or those that the guardian's ``child`` is in.

    Archived ones too: what belongs to a course stays with whoever teaches it.
    """
    match person.sight:
        case Sight.EVERYTHING:
            return Course.objects.all()
        case Sight.TAUGHT:
            return Course.objects.filter(pk__in=CourseTeacher.objects.filter(user=person).values("course_id"))
        case Sight.OWN:
            own = Enrolment.objects.filter(student__user=person, left_at=None)
            return Course.objects.filter(pk__in=own.values("course_id"))
        case Sight.CHILD if child is not None:
            theirs = Enrolment.objects.filter(student=child, left_at=None)
            return Course.objects.filter(pk__in=theirs.values("course_id"))
    return Course.objects.none()


def attendances_visible_to(person: User) -> QuerySet[Attendance]:
    """Those of the courses that this person sees, with the students who have left since."""
    return Attendance.objects.filter(lesson__course__in=courses_visible_to(person))


class CourseRow(TypedDict):
    id: int
    name: str
    subject: str
    grade: str
    schedule: str
    starts_on: date
    ends_on: date | None
    is_archived: bool
    created_at: datetime


COURSE_COLUMNS = (
    "id",
    "name",
    "subject",
    "grade",
    "schedule",
    "starts_on",
    "ends_on",
    "is_archived",
    "created_at",
)


def course_rows(
    person: User, child: Student | None = None, *, is_archived: bool | None = None
) -> QuerySet[Course, CourseRow]:
    """As the list shows them; all, or the archived or the running ones."""
    courses = courses_visible_to(person, child)
    if is_archived is not None:
        courses = courses.filter(is_archived=is_archived)
    rows: QuerySet[Course, CourseRow] = courses.values(*COURSE_COLUMNS)
    return rows


@dataclass(frozen=True, slots=True)
class Teacher:
    id: int
    name: str


def teachers_of(course_ids: Iterable[int]) -> dict[int, list[Teacher]]:
    """Who teaches each of the courses, by name. Suspended people are not shown."""
    found: dict[int, list[Teacher]] = {course_id: [] for course_id in course_ids}
    teachings = CourseTeacher.objects.filter(course_id__in=list(found), user__is_active=True)
    for course_id, user_id, name in teachings.order_by("user__name", "user_id").values_list(
        "course_id", "user_id", "user__name"
    ):
        found[course_id].append(Teacher(user_id, name))
    return found


class EnrolmentRow(TypedDict):
    id: int
    student: int
    number: str
    name: str
    enrolled_at: datetime
    left_at: datetime | None


def enrolment_rows(course_id: int, *, with_left: bool = False) -> QuerySet[Enrolment, EnrolmentRow]:
    """Who is in the course; with ``with_left`` also who was."""
    enrolments = Enrolment.objects.filter(course_id=course_id)
    if not with_left:
        enrolments = enrolments.filter(left_at=None)
    rows: QuerySet[Enrolment, EnrolmentRow] = enrolments.values(
        "id", "student", "enrolled_at", "left_at", number=F("student__number"), name=F("student__name")
    )
    return rows


class AttendanceRow(TypedDict):
    id: int
    date: date
    course: int
    course_name: str
    student: int
    number: str
    name: str
    status: str
    note: str
    noted_by: int | None


def attendance_rows(
    attendances: QuerySet[Attendance], *, first: date | None, last: date | None
) -> QuerySet[Attendance, AttendanceRow]:
    """As the lists show them, from the day ``first`` to the day ``last``, both included; NULL leaves a side open."""
    period = Q()
    if first is not None:
        period &= Q(lesson__date__gte=first)
    if last is not None:
        period &= Q(lesson__date__lte=last)
    rows: QuerySet[Attendance, AttendanceRow] = attendances.filter(period).values(  # type: ignore[assignment]  # the stubs take noted_by for NOT NULL
        "id",
        "student",
        "status",
        "note",
        "noted_by",
        date=F("lesson__date"),
        course=F("lesson__course_id"),
        course_name=F("lesson__course__name"),
        number=F("student__number"),
        name=F("student__name"),
    )
    return rows
