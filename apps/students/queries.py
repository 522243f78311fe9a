"""What the API shows of students."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.students.models import GuardianConsent, Guardianship, Student


def students() -> QuerySet[Student]:
    return Student.objects.all()


class StudentRow(TypedDict):
    id: int
    number: str
    name: str
    created_at: datetime


def student_rows() -> QuerySet[Student, StudentRow]:
    """As the list shows them. Plain rows: REST framework's serializer takes a third of such a page's time."""
    return Student.objects.values("id", "number", "name", "created_at")


def children_of(user_id: int) -> QuerySet[Student]:
    """The students whom this person may act for, by name."""
    return Student.objects.filter(guardianships__user_id=user_id).order_by("name", "pk")


def guardians_of(student_id: int) -> QuerySet[User]:
    """Who may act for this student, by name."""
    guardianships = Guardianship.objects.filter(student_id=student_id)
    return User.objects.filter(pk__in=guardianships.values("user_id")).order_by("name", "pk")


def consents_of(student_id: int) -> QuerySet[GuardianConsent]:
    """What was agreed to for this student, the newest first, also what was withdrawn."""
    return GuardianConsent.objects.filter(student_id=student_id).order_by("-pk")


def has_consent(student_id: int) -> bool:
    """Whether some guardian has agreed, to whichever version, and nobody has withdrawn it."""
    return GuardianConsent.objects.filter(student_id=student_id, withdrawn_at=None).exists()
