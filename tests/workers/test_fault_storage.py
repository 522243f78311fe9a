"""S3 answers 503, half a file, another file, or that there is none: no result of half a file, and none lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.exams.models import Batch, Scan
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_batch, make_job, make_upload
from tests.faults.proxies import Fault, HttpProxy

FILE = b"%PDF" + bytes(range(256)) * 400
PDF = "application/pdf"


def answer(function: str, data: bytes, indices: list[int] | None = None) -> Any:
    return 1 if function == "workers.compute:count_pages" else [b"page" for _ in indices or ()]


@pytest.fixture
def hana(world: World, aws: None, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


@pytest.fixture
def storage(hana: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpProxy]:
    with HttpProxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        s3.s3_client.cache_clear()
        yield proxy
    s3.s3_client.cache_clear()


@pytest.fixture
def batch(hana: Cast, storage: HttpProxy) -> Batch:
    with hana.acting():
        upload = make_upload(created_by=hana.teacher, content_type=PDF, is_used=True)
        s3.write_object(upload.key, FILE, content_type=PDF)
        batch = make_batch(hana.exam, upload=upload, created_by=hana.teacher, page_count=None)
        batch.job = make_job(batch.pk, kind="exams.open_batch")
        batch.save(update_fields=["job"])
    return batch


def job_of(hana: Cast, batch: Batch) -> Job:
    with hana.acting():
        return Job.objects.get(pk=job_id_of(batch))


def deliver_again(hana: Cast, batch: Batch, sandbox: FakeSandbox) -> None:
    """As if the back-off had passed."""
    with hana.acting():
        Job.objects.filter(pk=job_id_of(batch)).update(available_at="2020-01-01T00:00:00Z")
    assert deliver(batch.tenant, batch.job_id, sandbox).is_delete


@pytest.mark.parametrize(
    ("fault", "request_line"),
    [
        (Fault.REFUSE, "GET "),
        (Fault.LOSE_ANSWER, "GET "),
        (Fault.TRUNCATE, "GET "),
        (Fault.CORRUPT, "GET "),
        (Fault.REFUSE, "PUT "),
        (Fault.LOSE_ANSWER, "PUT "),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value.strip(),
)
def test_trouble_with_s3_is_tried_again(
    fault: Fault, request_line: str, hana: Cast, batch: Batch, storage: HttpProxy
) -> None:
    sandbox = FakeSandbox(answer)
    storage.add(fault, f"^{request_line}", times=None)
    assert deliver(batch.tenant, batch.job_id, sandbox).is_delete
    waiting = job_of(hana, batch)
    assert (waiting.state, waiting.error_code, waiting.attempt) == (JobState.QUEUED, "internal_error", 1)
    with hana.acting():
        assert not Scan.objects.filter(batch=batch).exists()

    storage.clear()
    deliver_again(hana, batch, sandbox)
    done = job_of(hana, batch)
    assert (done.state, done.attempt, done.result) == (JobState.SUCCEEDED, 2, {"page_count": 1})
    with hana.acting():
        assert Scan.objects.filter(batch=batch).count() == 1
    assert {args[0] for _, args in sandbox.calls} == {FILE}, "nothing was computed from anything but the whole file"


def test_file_that_is_gone_is_a_reason_and_not_a_retry(hana: Cast, batch: Batch) -> None:
    sandbox = FakeSandbox(answer)
    with hana.acting():
        s3.s3_client().delete_object(Bucket=os.environ["MEDIA_BUCKET"], Key=batch.upload.key)
    assert deliver(batch.tenant, batch.job_id, sandbox).is_delete
    failed = job_of(hana, batch)
    assert (failed.state, failed.error_code, failed.attempt) == (JobState.FAILED, "file_lost", 1)
    assert sandbox.calls == []
