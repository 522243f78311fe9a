"""Students of one academy."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Final

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.accounts.models import User

NUMBER_PATTERN = r"^[0-9A-Z]{1,20}\Z"

# Below this age a guardian consents (Personal Information Protection Act of Korea, article 22-2).
AGE_OF_CONSENT: Final = 14
EARLIEST_BIRTH_YEAR: Final = 1900
LATEST_BIRTH_YEAR: Final = 2200


class Student(TenantModel):
    """A student. ``number`` is what they mark on an answer sheet; ``user`` their own account, if they have one.

    Of the day of birth only the year is kept, ``None`` while it is not known: see ``needs_consent_until``.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20, validators=[RegexValidator(NUMBER_PATTERN)])
    name = models.CharField(max_length=80)
    user = TenantForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="student_records")
    birth_year = models.PositiveSmallIntegerField(null=True)

    person_kind = "student"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "number"], name="student_number_once"),
            models.UniqueConstraint(fields=["tenant", "user"], name="student_user_once"),
            models.CheckConstraint(
                condition=Q(birth_year=None)
                | Q(birth_year__gte=EARLIEST_BIRTH_YEAR, birth_year__lte=LATEST_BIRTH_YEAR),
                name="student_birth_year_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    @property
    def needs_consent_until(self) -> date | None:
        """The day from which they are 14 whatever their birthday, ``None`` while the year is not known.

        Errs by up to a year towards asking a guardian, which is what knowing less costs.
        """
        return date(self.birth_year + AGE_OF_CONSENT + 1, 1, 1) if self.birth_year is not None else None

    @property
    def needs_consent(self) -> bool:
        """Whether they may be under 14 today. Who has no known year may be."""
        until = self.needs_consent_until
        return until is None or timezone.localdate() < until


class Guardianship(TenantModel):
    """That ``user`` may act for ``student``: a guardian has one account for all their children."""

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="guardianships")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="guardianships")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "student"], name="guardianship_once")
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} for student {self.student_id}"


class How(models.TextChoices):
    IN_APP = "in_app", "In the app"
    ON_PAPER = "on_paper", "On paper"


class GuardianConsent(TenantModel):
    """That a guardian agreed to one version of the text for one student. Never deleted: withdrawing sets the time.

    ``guardian`` is the account that agreed or, for paper, that of who signed if they have one; ``signed_by`` is the
    name at that time, ``noted_by`` the member of staff who holds the paper.
    """

    id = models.BigAutoField(primary_key=True)
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="consents")
    guardian = TenantForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    signed_by = models.CharField(max_length=80)
    how = models.CharField(max_length=8, choices=How)
    noted_by = TenantForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    text_version = models.PositiveSmallIntegerField()
    text_language = models.CharField(max_length=2)
    consented_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = TenantForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "student", "text_version"],
                condition=Q(withdrawn_at=None),
                name="guardian_consent_once",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "student"], name="guardian_consent_of_student")]

    def __str__(self) -> str:
        return f"consent #{self.pk} for student {self.student_id}"
