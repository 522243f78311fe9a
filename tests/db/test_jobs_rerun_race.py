"""Many clicks at once: one re-run, one job counted, one answer; and a limit that no crowd gets past."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from academy.jobs.models import AnsweredRequest, DailyUsage, Job, JobState
from academy.jobs.quotas import DailyLimitReached, take_daily
from academy.jobs.services import JobNotOver, retry_job
from academy.tenancy.context import acting_for
from academy.tenancy.models import Plan
from apps.exams.models import Batch
from tests.db.kernel import in_threads
from tests.factories import World, client_of, make_job, make_upload

pytestmark = pytest.mark.usefixtures("committed")
CROWD = 6


def test_one_of_many_clicks_runs_a_job_again(committed_world: World) -> None:
    cast = committed_world.hana
    with cast.acting():
        job = make_job(state=JobState.FAILED, attempt=3)
        before = DailyUsage.objects.get(kind=job.kind).used

    def click(_: int) -> bool:
        try:
            with acting_for(cast.tenant), transaction.atomic():
                retry_job(job_id=job.pk)
        except JobNotOver:
            return False
        return True

    assert sum(in_threads(CROWD, click)) == 1
    with cast.acting():
        assert DailyUsage.objects.get(kind=job.kind).used == before + 1
        assert Job.objects.get(pk=job.pk).spent_attempts == 3


@pytest.mark.parametrize("is_first_of_day", [True, False])
def test_a_crowd_gets_what_the_limit_has_left(committed_world: World, is_first_of_day: bool) -> None:
    cast = committed_world.hana
    with cast.acting():
        DailyUsage.objects.all().delete()
        if not is_first_of_day:
            take_daily("exams.read_scan")
    limits = {"exams.read_scan": 3}
    cast.tenant.plan.daily_limits = limits

    def take(_: int) -> bool:
        try:
            with acting_for(cast.tenant), transaction.atomic():
                take_daily("exams.read_scan")
        except DailyLimitReached:
            return False
        return True

    assert sum(in_threads(CROWD, take)) == (3 if is_first_of_day else 2)
    with cast.acting():
        assert DailyUsage.objects.get(kind="exams.read_scan").used == 3


def test_one_key_at_once_from_many_requests_is_one_hand_in(committed_world: World, aws: None) -> None:
    from academy.storage import s3

    cast = committed_world.hana
    with cast.acting():
        upload = make_upload(created_by=cast.teacher)
        s3.write_object(upload.key, b"picture", content_type="image/jpeg")
        batches = Batch.objects.count()
    clients = [client_of(cast.teacher) for _ in range(CROWD)]

    def submit(number: int) -> Any:
        return clients[number].post(
            f"/api/v1/exams/{cast.exam.pk}/scans",
            {"upload": upload.pk},
            content_type="application/json",
            headers={"Idempotency-Key": "one-click"},
        )

    answers = in_threads(CROWD, submit)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == CROWD - 1
    with cast.acting():
        assert Batch.objects.count() == batches + 1
        assert AnsweredRequest.objects.filter(client_token="one-click").count() == 1
    assert Plan.objects.exists()
