"""What courses say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.courses.models import Attendance, Course, CourseTeacher, Enrolment, Lesson

HOLDINGS = (
    Holding(model=Attendance, about=lambda subject: Q(student__in=subject.students), fate=Fate.DELETED),
    Holding(
        model=Attendance,
        about=lambda subject: Q(noted_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"noted_by": None},
        shown=("id", "created_at", "lesson_id"),
    ),
    Holding(model=Enrolment, about=lambda subject: Q(student__in=subject.students), fate=Fate.DELETED),
    Holding(model=CourseTeacher, about=lambda subject: Q(user__in=subject.users), fate=Fate.DELETED),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    Course: "what is taught and when",
    Lesson: "a day on which a course met",
}
