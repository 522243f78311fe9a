from __future__ import annotations

import getpass
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from academy.http.errors import DomainError
from academy.tenancy.context import acting_for
from academy.tenancy.models import Plan, Tenant
from academy.tenancy.provisioning import create_tenant
from apps.accounts.roles import Role
from apps.accounts.services import create_user

PASSWORD_VARIABLE = "OPERATOR_PASSWORD"  # noqa: S105  the name of a variable, not a password
PLATFORM_SLUG = "platform"


class Command(BaseCommand):
    help = (
        "Adds a platform operator, who logs in at the platform's host; makes that host the first time."
        f" The password comes from ${PASSWORD_VARIABLE} or is asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--phone", required=True)

    def handle(self, **options: Any) -> None:
        password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass("Operator's password: ")
        try:
            with transaction.atomic():
                platform = Tenant.objects.filter(is_platform=True).first() or create_tenant(
                    slug=PLATFORM_SLUG,
                    name="Academy",
                    plan=Plan.objects.get(code="lite"),
                    domain=settings.PLATFORM_HOST,
                    is_platform=True,
                )
                with acting_for(platform):
                    create_user(phone=options["phone"], name=options["name"], role=Role.OPERATOR, password=password)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{options['name']}: http(s)://{platform.domains.get(is_primary=True).domain}/admin/")
