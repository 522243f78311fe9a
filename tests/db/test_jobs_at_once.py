"""Many deliveries of one job at the same time have one effect."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.conf import settings
from django.db import transaction

from academy.jobs.disposition import Disposition
from academy.jobs.models import JobState
from academy.tenancy.context import acting_for
from apps.students.models import Student
from tests.db.kernel import FakeSandbox, delivery, fresh, in_threads, new_job, use_test_kinds
from tests.factories import make_academy


def test_ten_deliveries_at_once_have_one_effect(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)
    job = new_job(make_academy(), state=JobState.SENT)
    sandboxes = [FakeSandbox(lambda *_: "read") for _ in range(10)]
    dispositions = in_threads(10, lambda number: delivery(job, sandboxes[number]).run())
    assert sum(len(sandbox.calls) for sandbox in sandboxes) == 1
    assert all(one.is_delete or 1 <= one.defer_seconds <= settings.JOB_VISIBILITY_SECONDS for one in dispositions)
    after = fresh(job)
    assert (after.state, after.attempt, after.result) == (JobState.SUCCEEDED, 1, {"answer": "read"})
    with acting_for(job.tenant), transaction.atomic():
        assert Student.objects.count() == 1
    assert delivery(job).run() == Disposition.delete()


def test_a_heartbeat_from_another_thread_extends_the_lease(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)
    job = new_job(make_academy())
    sandbox = FakeSandbox()
    run = delivery(job, sandbox)
    leases: list[datetime] = []

    def note_lease() -> None:
        expires = fresh(job).lease_expires_at
        assert expires is not None
        leases.append(expires)

    def beat_elsewhere(*_: object) -> None:
        note_lease()
        assert in_threads(1, lambda _: run.beat()) == [True]
        note_lease()

    sandbox._answer = beat_elsewhere
    assert run.run().is_delete
    assert leases[1] > leases[0]
