"""The trail is kept one to two years, whatever is written down or missing, and only the owner ends what is older."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from academy.tenancy.models import Tenant
from academy.trail.models import TrailEntry
from academy.trail.retention import kept_since
from tests.db.test_move_academy import as_owner
from tests.factories import Cast, World, make_trail_entry

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("months", "since"),
    [
        (24, datetime(2024, 11, 28, 12, tzinfo=UTC)),
        (12, datetime(2025, 11, 28, 12, tzinfo=UTC)),
        (18, datetime(2025, 5, 28, 12, tzinfo=UTC)),
        (None, datetime(2024, 11, 28, 12, tzinfo=UTC)),
        (0, datetime(2025, 11, 28, 12, tzinfo=UTC)),
        (-5, datetime(2025, 11, 28, 12, tzinfo=UTC)),
        (1000, datetime(2024, 11, 28, 12, tzinfo=UTC)),
    ],
)
def test_kept_at_least_one_year_and_at_most_two(months: int | None, since: datetime) -> None:
    assert kept_since(months, now=NOW) == since


@pytest.mark.parametrize("now", [datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 1, 31, tzinfo=UTC)])
def test_the_ends_of_months_and_leap_days_lose_nobody_a_day(now: datetime) -> None:
    assert kept_since(12, now=now) <= now - timedelta(days=365)
    assert kept_since(24, now=now) <= now - timedelta(days=730)


def test_a_new_academy_keeps_two_years_and_none_can_be_told_otherwise(world: World) -> None:
    tenant = Tenant.objects.get(pk=world.hana.tenant.pk)
    assert tenant.trail_months == 24
    for months in (0, 11, 25, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            Tenant.objects.filter(pk=tenant.pk).update(trail_months=months)
    Tenant.objects.filter(pk=tenant.pk).update(trail_months=12)


def _aged(cast: Cast, *days: int) -> None:
    with cast.acting():
        for age in days:
            make_trail_entry(cast.owner, cast.student, created_at=timezone.now() - timedelta(days=age))


def _ages(cast: Cast) -> list[int]:
    with cast.acting():
        return [(timezone.now() - at).days for at in TrailEntry.objects.values_list("created_at", flat=True)]


def test_the_owner_prunes_each_academy_by_its_own_term_in_batches(committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    ages = (10, 300, 364, 370, 500, 729, 740, 800, 900, 1000)
    _aged(hana, *ages)
    _aged(duri, *ages)
    Tenant.objects.filter(pk=hana.tenant.pk).update(trail_months=12)
    done = as_owner("prune_trail", "--batch", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["hana: 7 entries", "duri: 4 entries", "11 entries deleted"]
    assert sorted(_ages(hana)) == [0, 10, 300, 364]
    assert sorted(_ages(duri)) == [0, 10, 300, 364, 370, 500, 729]
    assert as_owner("prune_trail").stdout == "0 entries deleted\n"


def test_the_application_cannot_prune(world: World) -> None:
    _aged(world.hana, 1000)
    with pytest.raises(CommandError, match="permission denied"), transaction.atomic():
        call_command("prune_trail")
    assert 1000 in _ages(world.hana)


def test_a_batch_of_nothing_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        call_command("prune_trail", "--batch", "0")
