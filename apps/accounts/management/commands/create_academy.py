from __future__ import annotations

import getpass
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from academy.http.errors import DomainError
from academy.tenancy.context import acting_for
from academy.tenancy.models import Isolation, Plan
from academy.tenancy.provisioning import create_tenant
from apps.accounts.roles import Role
from apps.accounts.services import create_user

PASSWORD_VARIABLE = "OWNER_PASSWORD"  # noqa: S105  the name of a variable, not a password


class Command(BaseCommand):
    help = (
        f"Makes an academy with its host and its first owner. The password comes from ${PASSWORD_VARIABLE} or is asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="host name label: hana for hana.<BASE_DOMAIN>")
        parser.add_argument("--name", required=True)
        parser.add_argument("--owner-name", required=True)
        parser.add_argument("--owner-phone", required=True)
        parser.add_argument("--plan", default="basic")
        parser.add_argument("--domain", help="another host than <slug>.<BASE_DOMAIN>")
        parser.add_argument("--isolation", choices=[value.value for value in Isolation], default=Isolation.POOL.value)

    def handle(self, **options: Any) -> None:
        password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass("Owner's password: ")
        plan = Plan.objects.filter(code=options["plan"]).first()
        if plan is None:
            known = ", ".join(Plan.objects.order_by("code").values_list("code", flat=True))
            raise CommandError(f"there is no plan {options['plan']!r}; there are: {known}")
        try:
            with transaction.atomic():
                tenant = create_tenant(
                    slug=options["slug"],
                    name=options["name"],
                    plan=plan,
                    domain=options["domain"],
                    isolation=Isolation(options["isolation"]),
                )
                with acting_for(tenant):
                    create_user(
                        phone=options["owner_phone"], name=options["owner_name"], role=Role.OWNER, password=password
                    )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{tenant.slug}: http(s)://{tenant.domains.get(is_primary=True).domain}")
