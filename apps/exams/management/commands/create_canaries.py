from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from academy.http.errors import DomainError
from academy.tenancy.context import acting_for
from academy.tenancy.models import Plan, Tenant
from academy.tenancy.provisioning import create_tenant
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import create_user
from apps.exams.models import Exam
from apps.exams.services import create_exam
from apps.students.models import Student
from apps.students.services import create_student

PHONE_VARIABLE = "CANARY_PHONE"
PASSWORD_VARIABLE = "CANARY_PASSWORD"  # noqa: S105  the name of a variable, not a password
NAME = "카나리아"


class Command(BaseCommand):
    help = (
        "Makes the two canary academies that audit_isolation asks for each other's things: an owner, a student and an"
        f" exam in each. The owner's phone and password come from ${PHONE_VARIABLE} and ${PASSWORD_VARIABLE}."
        " May be run again: makes what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--canaries", nargs=2, default=["canary-1", "canary-2"], metavar="SLUG")

    def handle(self, **options: Any) -> None:
        phone, password = os.environ.get(PHONE_VARIABLE, ""), os.environ.get(PASSWORD_VARIABLE, "")
        if not (phone and password):
            raise CommandError(f"the canaries' owner needs ${PHONE_VARIABLE} and ${PASSWORD_VARIABLE}")
        for slug in options["canaries"]:
            try:
                with transaction.atomic():
                    _make_canary(slug, phone, password)
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
            except DomainError as error:
                raise CommandError(error.message) from error
            self.stdout.write(f"{slug}: ready")


def _make_canary(slug: str, phone: str, password: str) -> None:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        tenant = create_tenant(slug=slug, name=NAME, plan=Plan.objects.get(code="basic"))
    with acting_for(tenant):
        owner = User.objects.filter(role=Role.OWNER).first()
        if owner is None:
            owner = create_user(phone=phone, name=NAME, role=Role.OWNER, password=password)
        if not Student.objects.exists():
            create_student(number="000001", name=NAME)
        if not Exam.objects.exists():
            create_exam(title=NAME, question_count=20, choice_count=5, number_digits=6, created_by=owner)
