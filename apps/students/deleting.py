"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import Permission
from apps.students.models import GuardianConsent, Guardianship, Student
from apps.students.queries import students_visible_to
from apps.trash.kinds import Kind, register

STUDENT: Final = register(
    Kind(
        model=Student,
        name=_("Student"),
        permission=Permission.MANAGE_STUDENTS,
        visible_to=students_visible_to,
        title=lambda student: f"{student.name} ({student.number})",
        lost={Guardianship: _("Guardians"), GuardianConsent: _("Consents of guardians")},
        blocking=("exams.scan", "homework.submission"),
        refusal=_(
            "There are sheets or homework of this student. End their enrolment instead; if all data about them has to "
            "go, have the person erased."
        ),
    )
)
GUARDIANSHIP: Final = register(
    Kind(
        model=Guardianship,
        name=_("Guardian"),
        permission=Permission.MANAGE_STUDENTS,
        visible_to=lambda person: Guardianship.objects.filter(student__in=students_visible_to(person)),
        title=lambda one: f"{one.user.name} → {one.student.name}",
        lost={},
    )
)
