from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.tenancy.models import Isolation
from academy.tenancy.moving import DRAIN_SECONDS, MoveRefused, move_tenant


class Command(BaseCommand):
    help = (
        "Moves one academy between the pool and a schema of its own. It answers nobody for a minute or two; ids,"
        " files and sessions stay. Run as the owner of the schemas; after an interruption, run it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--to", required=True, choices=[value.value for value in Isolation])
        parser.add_argument("--drain-seconds", type=float, default=DRAIN_SECONDS, help="only where nothing is running")

    def handle(self, **options: Any) -> None:
        try:
            moved = move_tenant(
                slug=options["slug"],
                to=Isolation(options["to"]),
                drain_seconds=options["drain_seconds"],
                say=self.stdout.write,
            )
        except MoveRefused as error:
            raise CommandError(str(error)) from error
        for table, count in moved.rows.items():
            self.stdout.write(f"  {table:<28} {count:>9,} rows, count and content the same")
        self.stdout.write(f"{options['slug']}: in the {options['to']}, open")
