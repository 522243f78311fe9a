"""Courses of the acting academy, with who teaches them and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from apps.accounts.models import User
from apps.courses.models import Attendance, AttendanceStatus, Course
from apps.courses.services import Noted, create_course, enrol_students, set_teachers, take_attendance
from apps.students.models import Student

STARTS_ON: Final = date(2026, 3, 2)
LESSON_DAY: Final = date(2026, 3, 4)


def make_course(
    name: str = "중2 수학 심화",
    *,
    teachers: Sequence[User] = (),
    students: Sequence[Student] = (),
    starts_on: date = STARTS_ON,
    ends_on: date | None = None,
) -> Course:
    """A running course."""
    course = create_course(
        name=name, subject="수학", grade="중2", schedule="월수금 17:00-18:30", starts_on=starts_on, ends_on=ends_on
    )
    if teachers:
        set_teachers(course_id=course.pk, user_ids=[teacher.pk for teacher in teachers])
    if students:
        enrol_students(course_id=course.pk, student_ids=[student.pk for student in students])
    return course


def make_attendance(
    course: Course,
    student: Student,
    *,
    by: User,
    day: date = LESSON_DAY,
    status: AttendanceStatus = AttendanceStatus.PRESENT,
) -> Attendance:
    """The only one noted in the lesson of ``day``."""
    lesson = take_attendance(by=by, course_id=course.pk, day=day, noted=[Noted(student.pk, status)])
    return Attendance.objects.get(lesson=lesson, student=student)
