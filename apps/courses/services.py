"""Everything that writes courses: what they are, who teaches them, who is in them, who was there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Final

from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.models import User
from apps.accounts.roles import TEACHING_ROLES
from apps.courses.models import Attendance, AttendanceStatus, Course, CourseTeacher, Enrolment, Lesson
from apps.courses.queries import courses_visible_to, students_of_day
from apps.students.models import Student

MAX_AT_ONCE: Final = 500
"""Students that one request enrols, withdraws or notes."""
MAX_TEACHERS: Final = 20
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)
MAX_DAYS_AHEAD: Final = 366
"""Who will be away is noted beforehand; a lesson further off is a slip of the pen."""


class CourseArchived(DomainError):
    """An archived course takes nothing new."""

    code: ClassVar[str] = "course_archived"

    def __init__(self, *, attr: str | None = None) -> None:
        super().__init__(gettext("The course is archived."), attr=attr)


class NotATeacher(DomainError):
    """A course is given to people who teach or run the academy."""

    code: ClassVar[str] = "not_a_teacher"


@dataclass(frozen=True, slots=True)
class Noted:
    """What was seen of one student in a lesson."""

    student_id: int
    status: AttendanceStatus
    note: str = ""


def create_course(
    *, name: str, starts_on: date, ends_on: date | None = None, subject: str = "", grade: str = "", schedule: str = ""
) -> Course:
    """A new course without teachers and students. Raises ``Invalid`` for days that make no period."""
    _check_period(starts_on, ends_on)
    course = Course(name=name, subject=subject, grade=grade, schedule=schedule, starts_on=starts_on, ends_on=ends_on)
    course.save()
    return course


def change_course(*, course_id: int, **changes: Any) -> Course:
    """Set the named columns; archiving is one of them, and taken back by another change.

    Raises ``Missing``, and ``Invalid`` for days that make no period.
    """
    course = _locked(Course.objects.filter(pk=course_id))
    for name, value in changes.items():
        setattr(course, name, value)
    _check_period(course.starts_on, course.ends_on)
    if changes:
        course.save(update_fields=list(changes))
    return course


def set_teachers(*, course_id: int, user_ids: Sequence[int]) -> Course:
    """Who teaches the course from now on, and nobody else. Raises ``Missing``, ``Invalid``, ``NotATeacher``."""
    _check_list(user_ids, "teachers", at_most=MAX_TEACHERS)
    course = _locked(Course.objects.filter(pk=course_id))
    roles = dict(User.objects.filter(pk__in=user_ids).values_list("pk", "role"))
    if len(roles) < len(user_ids):
        raise Missing
    for index, user_id in enumerate(user_ids):
        if roles[user_id] not in TEACHING_ROLES:
            raise NotATeacher(gettext("This person does not teach here."), attr=f"teachers.{index}")
    kept = set(CourseTeacher.objects.filter(course=course).values_list("user_id", flat=True))
    CourseTeacher.objects.filter(course=course).exclude(user_id__in=user_ids).delete()
    CourseTeacher.objects.bulk_create(
        CourseTeacher(course=course, user_id=user_id) for user_id in user_ids if user_id not in kept
    )
    return course


def enrol_students(*, course_id: int, student_ids: Sequence[int]) -> int:
    """Take students into the course; who is in it already stays as they are. Returns how many are new.

    All of them or none. Raises ``Missing``, ``Invalid``, ``CourseArchived``.
    """
    _check_list(student_ids, "students")
    course = _locked(Course.objects.filter(pk=course_id), is_to_run=True)
    if Student.objects.filter(pk__in=student_ids).count() < len(student_ids):
        raise Missing
    current = set(
        Enrolment.objects.filter(course=course, student_id__in=student_ids, left_at=None).values_list(
            "student_id", flat=True
        )
    )
    new = [Enrolment(course=course, student_id=student_id) for student_id in student_ids if student_id not in current]
    Enrolment.objects.bulk_create(new)
    return len(new)


def withdraw_students(*, course_id: int, student_ids: Sequence[int]) -> int:
    """Let students leave the course; who left before stays gone since then. Returns how many left now.

    All of them or none; their enrolments are kept. Raises ``Missing``, also for who never was in it, and ``Invalid``.
    """
    _check_list(student_ids, "students")
    course = _locked(Course.objects.filter(pk=course_id))
    enrolments = Enrolment.objects.filter(course=course, student_id__in=student_ids)
    if enrolments.values("student_id").distinct().count() < len(student_ids):
        raise Missing
    return enrolments.filter(left_at=None).update(left_at=timezone.now())


def take_attendance(*, by: User, course_id: int, day: date, noted: Sequence[Noted]) -> Lesson:
    """What was seen in the lesson of ``day``: the whole list, in place of the one before.

    Saying the same again changes nothing; who is not named any more is not noted any more. Whoever was in the course
    on that day, or came to it since, can be noted. Raises ``Missing`` also for other students, ``Invalid``,
    ``CourseArchived``.
    """
    _check_list([one.student_id for one in noted], "attendance")
    course = _locked(courses_visible_to(by).filter(pk=course_id), is_to_run=True)
    _check_day(course, day)
    wanted = {one.student_id: one for one in noted}
    _check_were_there(course, day, wanted)
    lesson, _ = Lesson.objects.get_or_create(course=course, date=day)
    before = {row.student_id: row for row in Attendance.objects.filter(lesson=lesson)}
    gone = [row.pk for student_id, row in before.items() if student_id not in wanted]
    Attendance.objects.filter(pk__in=gone).delete()
    changed = []
    for student_id, row in before.items():
        now = wanted.get(student_id)
        if now is not None and (row.status, row.note) != (now.status, now.note):
            row.status, row.note, row.noted_by = now.status, now.note, by
            changed.append(row)
    Attendance.objects.bulk_update(changed, ["status", "note", "noted_by"])
    Attendance.objects.bulk_create(
        Attendance(lesson=lesson, student_id=one.student_id, status=one.status, note=one.note, noted_by=by)
        for one in noted
        if one.student_id not in before
    )
    return lesson


def _locked(courses: Any, *, is_to_run: bool = False) -> Course:
    """The course, as it is until this transaction ends. Raises ``Missing`` and, for ``is_to_run``, ``CourseArchived``.

    One row stands for all that hangs on it: two who enrol, note or archive at once do so one after the other.
    """
    course: Course | None = courses.select_for_update(of=("self",), no_key=True).first()
    if course is None:
        raise Missing
    if is_to_run and course.is_archived:
        raise CourseArchived
    return course


def _check_list(ids: Collection[int], attr: str, *, at_most: int = MAX_AT_ONCE) -> None:
    if len(ids) > at_most:
        raise Invalid(gettext("At most {count} at a time.").format(count=at_most), attr=attr)
    seen: set[int] = set()
    for index, one in enumerate(ids):
        if one in seen:
            raise Invalid(gettext("This one is in the list twice."), attr=f"{attr}.{index}")
        seen.add(one)


def _check_period(starts_on: date, ends_on: date | None) -> None:
    for attr, day in (("starts_on", starts_on), ("ends_on", ends_on)):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise Invalid(
                gettext("A day between {first} and {last}.").format(first=FIRST_DAY, last=LAST_DAY), attr=attr
            )
    if ends_on is not None and ends_on < starts_on:
        raise Invalid(gettext("The course ends before it begins."), attr="ends_on")


def _check_day(course: Course, day: date) -> None:
    if day < course.starts_on or (course.ends_on is not None and day > course.ends_on):
        raise Invalid(gettext("The course does not run on this day."), attr="date")
    if day > timezone.localdate() + timedelta(days=MAX_DAYS_AHEAD):
        raise Invalid(gettext("This day is too far off."), attr="date")


def _check_were_there(course: Course, day: date, student_ids: Collection[int]) -> None:
    """Raises ``Missing`` for who never was in the course, or had left it before ``day``."""
    found = set(students_of_day(course.pk, day).filter(pk__in=student_ids).values_list("pk", flat=True))
    if found != set(student_ids):
        raise Missing
