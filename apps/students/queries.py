"""What the API shows of students."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.accounts.roles import Sight
from apps.students.models import GuardianConsent, Guardianship, Student


def students() -> QuerySet[Student]:
    return Student.objects.all()


def students_visible_to(person: User) -> QuerySet[Student]:
    """All of them for who sees everything; for who teaches, those now in a running course of theirs; nobody else any.

    ``enrolments`` and what follows are columns of apps.courses, which stands above and is not imported here.
    """
    match person.sight:
        case Sight.EVERYTHING:
            return Student.objects.all()
        case Sight.TAUGHT:
            taught = Student.objects.filter(
                enrolments__left_at=None,
                enrolments__course__is_archived=False,
                enrolments__course__teachings__user=person,
            )
            # Not a join: who is in two of their courses comes once.
            return Student.objects.filter(pk__in=taught.values("pk"))
    return Student.objects.none()


class StudentRow(TypedDict):
    id: int
    number: str
    name: str
    created_at: datetime


def student_rows(person: User) -> QuerySet[Student, StudentRow]:
    """As the list shows them. Plain rows: REST framework's serializer takes a third of such a page's time."""
    return students_visible_to(person).values("id", "number", "name", "created_at")


def children_of(user_id: int) -> QuerySet[Student]:
    """The students whom this person may act for, by name."""
    return Student.objects.filter(guardianships__user_id=user_id).order_by("name", "pk")


def student_of(user_id: int) -> Student | None:
    """The student whose own account this is."""
    return Student.objects.filter(user_id=user_id).first()


def guardians_of(student_id: int) -> QuerySet[User]:
    """Who may act for this student, by name."""
    guardianships = Guardianship.objects.filter(student_id=student_id)
    return User.objects.filter(pk__in=guardianships.values("user_id")).order_by("name", "pk")


def guardians_by_student(student_ids: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
    """Name and phone of those who may act for each of these students."""
    found: dict[int, list[tuple[str, str]]] = {}
    rows = Guardianship.objects.filter(student_id__in=list(student_ids)).order_by("user__name", "user_id")
    for student_id, name, phone in rows.values_list("student_id", "user__name", "user__phone"):
        found.setdefault(student_id, []).append((name, str(phone)))
    return found


def phones_by_user(user_ids: Iterable[int]) -> dict[int, str]:
    rows = User.objects.filter(pk__in=list(user_ids)).values_list("pk", "phone")
    return {pk: str(phone) for pk, phone in rows}


def consents_of(student_id: int) -> QuerySet[GuardianConsent]:
    """What was agreed to for this student, the newest first, also what was withdrawn."""
    return GuardianConsent.objects.filter(student_id=student_id).order_by("-pk")


def has_consent(student_id: int) -> bool:
    """Whether some guardian has agreed, to whichever version, and nobody has withdrawn it."""
    return GuardianConsent.objects.filter(student_id=student_id, withdrawn_at=None).exists()
