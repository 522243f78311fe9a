"""What the API shows of courses, and which of them somebody sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict

from django.db.models import Count, F, Q, QuerySet

from apps.accounts.models import User
from apps.accounts.roles import Sight
from apps.courses.models import Attendance, Course, CourseTeacher, Enrolment, Lesson
from apps.students.models import Student
from apps.students.queries import students_visible_to


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


def suspended_teachers_of(course_id: int) -> list[int]:
    """Who teaches the course and is shut out: their courses wait for them."""
    teachings = CourseTeacher.objects.filter(course_id=course_id, user__is_active=False)
    return list(teachings.values_list("user_id", flat=True))


def student_counts(course_ids: Iterable[int]) -> dict[int, int]:
    """How many students are in each of the courses now."""
    found = dict.fromkeys(course_ids, 0)
    enrolments = Enrolment.objects.filter(course_id__in=list(found), left_at=None)
    found.update(enrolments.values("course_id").annotate(count=Count("pk")).values_list("course_id", "count"))
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


def students_of_day(course_id: int, day: date) -> QuerySet[Student]:
    """Whom a list of that day can name: who was in the course then, or came to it since."""
    stayed = Enrolment.objects.filter(Q(left_at=None) | Q(left_at__date__gte=day), course_id=course_id)
    return Student.objects.filter(pk__in=stayed.values("student_id"))


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


def students_to_enrol(person: User, course_id: int, query: str) -> QuerySet[Student]:
    """Who is not in the course and has ``query`` in name or number, by name."""
    inside = Enrolment.objects.filter(course_id=course_id, left_at=None)
    students = students_visible_to(person).exclude(pk__in=inside.values("student_id"))
    if query:
        students = students.filter(Q(name__icontains=query) | Q(number__icontains=query))
    return students.order_by("name", "number")


def attendance_of_day(course_id: int, day: date) -> dict[int, Attendance]:
    """What is noted of each student in the lesson of that day."""
    noted = Attendance.objects.filter(lesson__course_id=course_id, lesson__date=day)
    return {row.student_id: row for row in noted}


def lesson_days(course_id: int, first: date, last: date) -> list[date]:
    """The days from ``first`` to ``last`` on which the course met."""
    lessons = Lesson.objects.filter(course_id=course_id, date__gte=first, date__lte=last)
    return list(lessons.order_by("date").values_list("date", flat=True))
