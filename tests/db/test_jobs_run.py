"""One delivery of a message: claim, compute, record. Every further delivery changes nothing."""

from __future__ import annotations

import pytest

from academy.jobs.disposition import Disposition
from academy.jobs.models import Job, JobState
from academy.jobs.runner import UNCLAIMABLE_SECONDS
from academy.tenancy.context import acting_tenant_or_none
from academy.tenancy.models import Tenant
from apps.students.models import Student
from tests.db.kernel import FakeSandbox, change, delivery, fresh, new_job, use_test_kinds
from tests.factories import make_academy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_academy()


def students(tenant: Tenant) -> list[str]:
    from django.db import transaction

    from academy.tenancy.context import acting_for

    with acting_for(tenant), transaction.atomic():
        return list(Student.objects.order_by("pk").values_list("number", flat=True))


def test_a_job_runs_to_its_end(tenant: Tenant) -> None:
    job, sandbox = new_job(tenant, "tests.compute", 7), FakeSandbox(lambda _, value: value * 6)
    assert delivery(job, sandbox).run() == Disposition.delete()
    done = fresh(job)
    assert (done.state, done.attempt, done.progress, done.result) == (JobState.SUCCEEDED, 1, 1.0, {"answer": 42})
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.lease_expires_at is None
    assert (done.error_code, done.error_message) == ("", "")
    assert sandbox.calls == [("tests:compute", (7,))]
    assert students(tenant) == ["1"]


def test_the_computation_gets_what_is_left_of_the_time_limit(tenant: Tenant) -> None:
    sandbox = FakeSandbox()
    delivery(new_job(tenant), sandbox).run()
    assert 0 < sandbox.timeouts[0] <= 30.0


def test_a_second_delivery_changes_nothing_and_deletes(tenant: Tenant) -> None:
    job, sandbox = new_job(tenant), FakeSandbox()
    delivery(job, sandbox).run()
    before = fresh(job).__dict__ | {"_state": None}
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert fresh(job).__dict__ | {"_state": None} == before
    assert len(sandbox.calls) == 1
    assert students(tenant) == ["1"]


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_finished_job_is_never_run_again(tenant: Tenant, state: JobState) -> None:
    job, sandbox = new_job(tenant, state=state), FakeSandbox()
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert (fresh(job).state, sandbox.calls) == (state, [])


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SENT])
def test_a_waiting_job_is_claimed_whether_or_not_it_is_marked_sent(tenant: Tenant, state: JobState) -> None:
    assert delivery(new_job(tenant, state=state)).run().is_delete


def test_a_job_that_is_not_due_yet_is_deferred(tenant: Tenant) -> None:
    from datetime import timedelta

    from django.utils import timezone

    job = new_job(tenant, available_at=timezone.now() + timedelta(minutes=1))
    assert delivery(job).run() == Disposition.defer(UNCLAIMABLE_SECONDS)
    assert (fresh(job).state, fresh(job).attempt) == (JobState.QUEUED, 0)


def test_a_task_that_does_not_finish_is_finished(tenant: Tenant) -> None:
    job = new_job(tenant, "tests.say_nothing")
    assert delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).result) == (JobState.SUCCEEDED, {})


def test_what_is_recorded_and_the_success_are_one_transaction(tenant: Tenant) -> None:
    job = new_job(tenant, "tests.record_badly")
    delivery(job).run()
    after = fresh(job)
    assert (after.state, after.result, after.progress, after.finished_at) == (JobState.QUEUED, None, 0.0, None)
    assert students(tenant) == []


def test_progress_is_shown_at_most_once_a_second(tenant: Tenant) -> None:
    job = new_job(tenant, "tests.report")
    seen: list[float] = []
    delivery(job, FakeSandbox(lambda *_: seen.append(fresh(job).progress))).run()
    assert seen == [0.25, 0.25]
    assert fresh(job).progress == 1.0


def test_the_academy_acts_only_while_its_job_runs(tenant: Tenant) -> None:
    acting: list[Tenant | None] = []
    delivery(new_job(tenant), FakeSandbox(lambda *_: acting.append(acting_tenant_or_none()))).run()
    assert acting == [tenant]
    assert acting_tenant_or_none() is None


def test_the_same_job_number_elsewhere_is_not_touched(tenant: Tenant) -> None:
    other = make_academy("duri", name="두리영어")
    mine, theirs = new_job(tenant), new_job(other)
    delivery(mine).run()
    assert fresh(theirs).state == JobState.QUEUED
    assert students(other) == []


def test_a_result_reaches_who_asks_for_it(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import transaction
    from django_tasks import TaskResultStatus

    from academy.tenancy.context import acting_for
    from apps.exams.tasks import read_scan

    with acting_for(tenant), transaction.atomic():
        result = read_scan.enqueue(1)
        assert result.status == TaskResultStatus.READY
        Job.objects.filter(pk=int(result.id)).update(state=JobState.SUCCEEDED, result={"scan_id": 1})
        found = read_scan.get_result(result.id)
        returned: object = found.return_value
        assert (found.status, returned) == (TaskResultStatus.SUCCESSFUL, {"scan_id": 1})


def test_a_job_that_was_cancelled_while_it_ran_writes_nothing(tenant: Tenant) -> None:
    job = new_job(tenant)
    sandbox = FakeSandbox(lambda *_: change(job, state=JobState.CANCELLED))
    assert not delivery(job, sandbox).run().is_delete
    assert fresh(job).state == JobState.CANCELLED
    assert students(tenant) == []
    assert delivery(job).run().is_delete
