from typing import Any

from django.core.management.base import BaseCommand

from academy.tenancy.provisioning import migrate_everything


class Command(BaseCommand):
    help = "Migrates the shared tables, then the pool, then every silo. Run as the owner of the schemas."
    requires_system_checks: Any = []

    def handle(self, **options: Any) -> None:
        migrate_everything(verbosity=options["verbosity"])
