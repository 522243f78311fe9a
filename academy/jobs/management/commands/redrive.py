from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.jobs.management.commands.jobs import tenant_by_slug
from academy.jobs.operating import redrive
from academy.jobs.queues import Tier


class Command(BaseCommand):
    help = (
        "Has the jobs of a tier's dead letters run again, after what stopped them was mended. May be repeated and"
        " killed at any time. Letters that are no job's are left and counted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=[tier.value for tier in Tier])
        parser.add_argument("--kind")
        parser.add_argument("--tenant", metavar="SLUG")
        parser.add_argument("--limit", type=int, help="letters that are treated at most")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, **options: Any) -> None:
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        try:
            found = redrive(
                Tier(options["queue"]),
                kind=options["kind"],
                tenant=tenant_by_slug(options["tenant"]),
                limit=options["limit"],
                is_dry=options["dry_run"],
            )
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"SQS does not answer: {error}") from error
        for outcome, count in sorted(found.by_outcome.items()):
            self.stdout.write(f"{count:>6} {outcome}")
        self.stdout.write(f"{found.seen:>6} dead letters seen{' (dry run)' if options['dry_run'] else ''}")
