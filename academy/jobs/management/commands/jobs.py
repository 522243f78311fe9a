from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from academy.http.errors import DomainError
from academy.jobs import operating
from academy.jobs.idempotency import forget_expired
from academy.jobs.models import Job, JobState
from academy.jobs.operating import NoSuchJob
from academy.jobs.queues import Tier
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant

DEEDS = {"show": operating.show_job, "cancel": operating.cancel_any, "retry": operating.retry_any}
SWEPT_AT_ONCE = 1000


class Command(BaseCommand):
    help = (
        "Shows, lists, cancels and re-runs jobs of any academy, by number; arguments and results are not shown. What is"
        " changed is logged with who did it. `sweep` deletes expired answers of Idempotency-Keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        for name in DEEDS:
            deed = deeds.add_parser(name)
            deed.add_argument("job", type=int, nargs="+")
        listing = deeds.add_parser("list", help="newest first")
        listing.add_argument("--tenant", metavar="SLUG")
        listing.add_argument("--state", choices=list(JobState.values))
        listing.add_argument("--kind")
        listing.add_argument("--queue", choices=[tier.value for tier in Tier])
        listing.add_argument("--limit", type=int, default=50)
        deeds.add_parser("sweep")

    def handle(self, **options: Any) -> None:
        if options["deed"] == "list":
            self._list(options)
        elif options["deed"] == "sweep":
            self._sweep()
        else:
            self._do_each(options["deed"], options["job"])

    def _list(self, options: dict[str, Any]) -> None:
        tenant = tenant_by_slug(options["tenant"])
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        jobs = operating.find_jobs(
            tenant=tenant,
            state=options["state"],
            kind=options["kind"],
            queue=options["queue"],
            limit=options["limit"],
        )
        self._print(jobs)

    def _do_each(self, deed: str, numbers: list[int]) -> None:
        jobs, refused = [], 0
        for number in numbers:
            try:
                jobs.append(DEEDS[deed](number))
            except (DomainError, NoSuchJob) as error:
                refused += 1
                self.stderr.write(f"{number}: {error}")
        self._print(jobs)
        if refused:
            raise CommandError(f"{refused} of {len(numbers)} refused")

    def _sweep(self) -> None:
        swept = 0
        for tenant in Tenant.objects.order_by("pk"):
            with acting_for(tenant):
                while True:
                    with transaction.atomic():
                        count = forget_expired(at_most=SWEPT_AT_ONCE)
                    swept += count
                    if count < SWEPT_AT_ONCE:
                        break
        self.stdout.write(f"{swept} expired answers deleted")

    def _print(self, jobs: list[Job]) -> None:
        slugs = dict(Tenant.objects.filter(pk__in={job.tenant_id for job in jobs}).values_list("pk", "slug"))
        for job in jobs:
            state = "cancelling" if job.is_cancelling else job.state
            self.stdout.write(
                f"{job.pk:>10} {slugs[job.tenant_id]:<24} {job.kind:<24} {job.queue:<8} {state:<10}"
                f" {job.tries}/{job.max_attempts} (attempt {job.attempt}) {job.created_at:%Y-%m-%d %H:%M:%S}"
                f" {job.error_code}".rstrip()
            )


def tenant_by_slug(slug: str | None) -> Tenant | None:
    """Raises ``CommandError`` for a slug that nobody has."""
    if slug is None:
        return None
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"there is no academy {slug!r}")
    return tenant
