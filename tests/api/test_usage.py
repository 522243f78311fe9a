"""The plan's limits of the day: counted, shown, refused with what is left, and never unlimited by mistake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from academy.jobs.models import DailyUsage, Job
from academy.jobs.quotas import DailyLimitReached, next_day_begins, take_daily, today
from academy.tenancy.models import MAX_DAILY_LIMIT, UNSTATED_DAILY_LIMIT, Plan
from academy.tenancy.plans import STARTING_PLANS
from apps.exams.tasks import read_scan
from tests.api.answers import error_of
from tests.factories import World, client_of, make_academy

KIND = "exams.read_scan"


def usage_of(world: World) -> dict[str, dict[str, Any]]:
    rows = client_of(world.hana.teacher).get("/api/v1/usage").json()
    return {row["kind"]: row for row in rows}


def limit_plan(world: World, limits: object) -> None:
    Plan.objects.filter(pk=world.hana.tenant.plan_id).update(daily_limits=limits)
    world.hana.tenant.plan.refresh_from_db()


def take(world: World, count: int = 1) -> None:
    with world.hana.acting():
        for _ in range(count):
            take_daily(KIND)


def test_what_is_queued_is_counted_and_what_is_left_is_shown(world: World) -> None:
    before = usage_of(world)[KIND]
    with world.hana.acting():
        read_scan.enqueue(1)
        read_scan.enqueue(2)
    after = usage_of(world)[KIND]
    assert set(after) == {"kind", "tier", "used", "limit", "left", "resets_at"}
    assert (after["used"], after["left"]) == (before["used"] + 2, before["left"] - 2)
    assert (after["limit"], after["tier"]) == (5000, "basic")
    assert set(usage_of(world)) == set(STARTING_PLANS["basic"][1])


def test_the_other_academys_jobs_do_not_count(world: World) -> None:
    before = usage_of(world)
    with world.duri.acting():
        read_scan.enqueue(1)
    assert usage_of(world) == before


def test_over_the_limit_nothing_is_queued_and_the_error_says_when_it_will_be(world: World) -> None:
    limit_plan(world, {KIND: usage_of(world)[KIND]["used"]})
    with world.hana.acting():
        before = Job.objects.count()
        with pytest.raises(DailyLimitReached) as refused:
            read_scan.enqueue(1)
        assert Job.objects.count() == before
    assert 0 < refused.value.retry_after_seconds <= 24 * 3600
    assert f"{next_day_begins(world.hana.tenant):%Y-%m-%d %H:%M}" in refused.value.message


def test_a_refused_submit_says_when_to_come_again(world: World) -> None:
    with world.hana.acting():
        Job.objects.filter(pk=world.hana.job.pk).update(state="failed")
    limit_plan(world, {KIND: 0})
    answer = client_of(world.hana.teacher).post(f"/api/v1/jobs/{world.hana.job.pk}/retry")
    assert error_of(answer, 429)["code"] == "daily_limit_reached"
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({KIND: 7}, 7),
        ({KIND: 0}, 0),
        ({}, UNSTATED_DAILY_LIMIT),
        ({"exams.open_batch": 9}, UNSTATED_DAILY_LIMIT),
        ({KIND: None}, 0),
        ({KIND: -1}, 0),
        ({KIND: True}, 0),
        ({KIND: 7.0}, 0),
        ({KIND: "7"}, 0),
        ({KIND: "unlimited"}, 0),
        ({KIND: MAX_DAILY_LIMIT + 1}, 0),
        ({KIND: [7]}, 0),
        ([], 0),
        ("unlimited", 0),
        (5, 0),
    ],
)
def test_an_absent_limit_is_small_and_a_malformed_one_is_none(limits: object, expected: int) -> None:
    assert Plan(code="odd", daily_limits=limits).daily_limit_of(KIND) == expected


def test_the_starting_plans_state_a_limit_for_each_kind_they_sell(world: World) -> None:
    for plan in Plan.objects.all():
        assert set(plan.daily_limits) <= set(plan.job_kinds)
        assert all(plan.daily_limit_of(kind) > 0 for kind in plan.job_kinds)


@pytest.mark.parametrize(
    ("zone", "moment", "day", "resets_at"),
    [
        ("Asia/Seoul", "2027-03-01T14:59:59+00:00", "2027-03-01", "2027-03-01T15:00:00+00:00"),
        ("Asia/Seoul", "2027-03-01T15:00:00+00:00", "2027-03-02", "2027-03-02T15:00:00+00:00"),
        ("America/New_York", "2027-03-14T04:59:00+00:00", "2027-03-13", "2027-03-14T05:00:00+00:00"),
        ("America/New_York", "2027-03-14T12:00:00+00:00", "2027-03-14", "2027-03-15T04:00:00+00:00"),  # clocks go on
    ],
)
def test_the_day_is_the_academys_own(db: None, zone: str, moment: str, day: str, resets_at: str) -> None:
    tenant = make_academy()
    tenant.time_zone = zone
    with time_machine.travel(datetime.fromisoformat(moment), tick=False):
        assert str(today(tenant)) == day
        assert next_day_begins(tenant).astimezone(UTC).isoformat() == resets_at


def test_a_new_day_starts_at_nothing(world: World) -> None:
    with time_machine.travel(datetime(2027, 3, 1, 14, 59, tzinfo=UTC), tick=False):
        limit_plan(world, {KIND: 1})
        take(world)
        with pytest.raises(DailyLimitReached):
            take(world)
    with time_machine.travel(datetime(2027, 3, 1, 15, 1, tzinfo=UTC), tick=False):
        take(world)
    with world.hana.acting():
        days = DailyUsage.objects.filter(kind=KIND, day__year=2027).values_list("day", "used")
        assert {str(day): used for day, used in days} == {"2027-03-01": 1, "2027-03-02": 1}
