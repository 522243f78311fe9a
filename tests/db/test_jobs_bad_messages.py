"""Messages that are none of ours are deferred, for a dead-letter queue to collect, and logged; the worker lives."""

from __future__ import annotations

import logging

import pytest

from academy.jobs.disposition import Disposition
from academy.jobs.message import JobMessage
from academy.jobs.models import JobState
from academy.jobs.runner import UNCLAIMABLE_SECONDS, JobRun
from tests.db.kernel import FakeSandbox, fresh, new_job, use_test_kinds
from tests.factories import make_academy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)


DEFERRED = Disposition.defer(UNCLAIMABLE_SECONDS)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "{}",
        '{"v": 2, "job_id": 1, "tenant_id": 1}',
        '{"v": 1, "job_id": "1; DROP TABLE jobs_job", "tenant_id": 1}',
        '{"v": 1, "job_id": 9223372036854775808, "tenant_id": 1}',
        "[" * 100_000,
        "x" * 262_144,
        "\x00",
        "\ud800",
    ],
)
def test_a_malformed_message_is_deferred_and_logged(body: str, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = FakeSandbox()
    with caplog.at_level(logging.ERROR):
        assert JobRun(body, 1, sandbox).run() == DEFERRED
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert sandbox.calls == []


def test_a_message_of_no_academy_is_deferred_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    body = JobMessage(job_id=1, tenant_id=2**63 - 1).to_body()
    assert JobRun(body, 1, FakeSandbox()).run() == DEFERRED
    assert "does not exist" in caplog.text


def test_a_message_of_no_job_is_deferred_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    body = JobMessage(job_id=2**63 - 1, tenant_id=make_academy().pk).to_body()
    assert JobRun(body, 1, FakeSandbox()).run() == DEFERRED
    assert "does not exist" in caplog.text


def test_a_message_that_names_another_academy_runs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    job, sandbox = new_job(hana), FakeSandbox()
    forged = JobMessage(job_id=job.pk, tenant_id=duri.pk).to_body()
    assert JobRun(forged, 1, sandbox).run() == DEFERRED
    assert (fresh(job).state, fresh(job).attempt, sandbox.calls) == (JobState.QUEUED, 0, [])
    assert "forged" in caplog.text


def test_a_forged_message_cannot_delete_itself_by_a_finished_job() -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    job = new_job(hana, state=JobState.SUCCEEDED)
    forged = JobMessage(job_id=job.pk, tenant_id=duri.pk).to_body()
    assert JobRun(forged, 1, FakeSandbox()).run() == DEFERRED
