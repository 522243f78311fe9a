"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import Permission
from apps.courses.models import Attendance, Course, CourseTeacher, Enrolment, Lesson
from apps.courses.queries import courses_visible_to
from apps.trash.kinds import Kind, register

COURSE: Final = register(
    Kind(
        model=Course,
        name=_("Course"),
        permission=Permission.MANAGE_COURSES,
        visible_to=courses_visible_to,
        title=lambda course: course.name,
        lost={
            CourseTeacher: _("Teachers"),
            Enrolment: _("Enrolments"),
            Lesson: _("Days with attendance"),
            Attendance: _("Attendance of students"),
        },
        refusal=_("There are exams, homework or lectures of this course. Archive it instead, or delete those first."),
    )
)
