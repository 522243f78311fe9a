"""People of the acting academy."""

from __future__ import annotations

import itertools
from typing import Final

from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import create_user
from apps.courses.models import Course
from apps.courses.services import enrol_students
from apps.students.models import GuardianConsent, Guardianship, How, Student
from apps.students.services import create_student

PASSWORD: Final = "a-good-long-password"

_serials = itertools.count(1)


def make_user(
    role: Role = Role.TEACHER, *, phone: str | None = None, name: str | None = None, password: str | None = None
) -> User:
    """A person with a phone nobody else has. Without ``password`` they cannot log in by one; see ``client_of``."""
    return create_user(
        phone=phone or f"010-7{next(_serials):03d}-0000",
        name=name or f"김{role.label}",
        role=role,
        password=password,
    )


def make_student(
    number: str | None = None,
    *,
    name: str = "이하늘",
    user: User | None = None,
    birth_year: int | None = None,
    course: Course | None = None,
) -> Student:
    """A student with a six-digit number nobody else has; in ``course``, with the account ``user``, where given."""
    student = create_student(number=number or f"{next(_serials):06d}", name=name, birth_year=birth_year)
    if user is not None:
        student.user = user
        student.save(update_fields=["user"])
    if course is not None:
        enrol_students(course_id=course.pk, student_ids=[student.pk])
    return student


def make_guardianship(user: User, student: Student) -> Guardianship:
    """``user`` may act for ``student``."""
    guardianship = Guardianship(user=user, student=student)
    guardianship.save()
    return guardianship


def make_consent(student: Student, guardian: User) -> GuardianConsent:
    """``guardian`` agreed to the first text, in the app."""
    consent = GuardianConsent(
        student=student,
        guardian=guardian,
        signed_by=guardian.name,
        how=How.IN_APP,
        text_version=1,
        text_language="ko",
        consented_at=timezone.now(),
    )
    consent.save()
    return consent
