from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from academy.tenancy.models import Tenant
from academy.trail.retention import BATCH, prune_trail


class Command(BaseCommand):
    help = (
        "Deletes entries of the trail that are older than each academy keeps them, one to two years. Run daily, as the"
        " owner of the schemas: the application may only add entries."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=BATCH, help="entries per transaction")

    def handle(self, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch is at least 1")
        total = 0
        for tenant in Tenant.objects.order_by("pk"):
            try:
                deleted = prune_trail(tenant, batch=options["batch"])
            except ProgrammingError as error:
                raise CommandError(f"{tenant.slug}: {str(error).splitlines()[0]}") from error
            total += deleted
            if deleted:
                self.stdout.write(f"{tenant.slug}: {deleted:,} entries")
        self.stdout.write(f"{total:,} entries deleted")
