from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.jobs.dispatcher import connect
from academy.jobs.operating import load_by_tenant, load_by_tier, queue_counts
from academy.jobs.queues import Tier
from academy.tenancy.models import Tenant


class Command(BaseCommand):
    help = (
        "Shows each tier's queue: jobs that wait and run by the database, messages and dead letters by SQS, and how"
        " long the oldest has waited. Reads only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenants", action="store_true", help="also by academy, the longest wait first")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, **options: Any) -> None:
        try:
            with contextlib.closing(connect()) as connection:
                loads, by_tenant = load_by_tier(connection), load_by_tenant(connection)
            tiers = {tier: asdict(loads[tier]) | asdict(queue_counts(tier)) for tier in Tier}
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"SQS does not answer: {error}") from error
        slugs = dict(Tenant.objects.filter(pk__in={owner for owner, _ in by_tenant}).values_list("pk", "slug"))
        longest_first = sorted(by_tenant.items(), key=lambda item: -item[1].oldest_seconds)
        tenants = [
            {"academy": slugs.get(owner, str(owner)), "tier": tier.value, **asdict(load)}
            for (owner, tier), load in longest_first
        ]
        if options["json"]:
            found: dict[str, Any] = {"tiers": {tier.value: row for tier, row in tiers.items()}}
            self.stdout.write(json.dumps({**found, "tenants": tenants} if options["tenants"] else found))
            return
        self.stdout.write(
            f"{'tier':<8} {'queued':>8} {'sent':>6} {'running':>8} {'oldest':>9}"
            f" {'waiting':>8} {'in flight':>10} {'dead':>6}"
        )
        for tier, row in tiers.items():
            self.stdout.write(
                f"{tier.value:<8} {row['queued']:>8} {row['sent']:>6} {row['running']:>8}"
                f" {row['oldest_seconds']:>7.0f} s {row['waiting']:>8} {row['in_flight']:>10} {row['dead']:>6}"
            )
        if options["tenants"]:
            self.stdout.write(f"\n{'academy':<32} {'tier':<8} {'queued':>8} {'sent':>6} {'running':>8} {'oldest':>9}")
            for row in tenants:
                self.stdout.write(
                    f"{row['academy']:<32} {row['tier']:<8} {row['queued']:>8} {row['sent']:>6} {row['running']:>8}"
                    f" {row['oldest_seconds']:>7.0f} s"
                )
