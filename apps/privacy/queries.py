"""Who is meant, and which exports and erasures a person may know of."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from academy.tenancy.holdings import Subject
from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.privacy.models import Erasure, Export, SubjectKind
from apps.students.models import Student


def subject_of(kind: str, subject_id: int) -> Subject:
    """A person with all their accounts and student records; an empty subject when there is nobody."""
    if kind == SubjectKind.STUDENT:
        students = list(Student.objects.filter(pk=subject_id))
        users = list(User.objects.filter(student_records__in=students))
    else:
        users = list(User.objects.filter(pk=subject_id))
        students = list(Student.objects.filter(user__in=users))
    return Subject(
        users=frozenset(user.pk for user in users),
        students=frozenset(student.pk for student in students),
        phones=frozenset(str(user.phone) for user in users),
    )


def exports_for(person: User) -> QuerySet[Export]:
    """The copies that this person asked for: nobody else may open them."""
    return Export.objects.select_related("job").filter(asked_by=person)


def erasures_for(person: User) -> QuerySet[Erasure]:
    """All of the academy's for who manages them, for everybody else what they asked for."""
    found = Erasure.objects.select_related("job")
    return found if person.may(Permission.MANAGE_PRIVACY) else found.filter(Q(asked_by=person))
