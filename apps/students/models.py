"""Students of one academy."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.accounts.models import User

NUMBER_PATTERN = r"^[0-9A-Z]{1,20}\Z"


class Student(TenantModel):
    """A student. ``number`` is what they mark on an answer sheet; ``user`` their own account, if they have one."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20, validators=[RegexValidator(NUMBER_PATTERN)])
    name = models.CharField(max_length=80)
    user = TenantForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="student_records")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "number"], name="student_number_once"),
            models.UniqueConstraint(fields=["tenant", "user"], name="student_user_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


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
