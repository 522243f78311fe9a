"""Hand in a sent file: 202 at once, one job, nothing written when it is refused."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.models import Plan
from apps.exams.models import Batch, Scan
from tests.api.answers import error_of, post
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_upload

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def sent_upload(cast: Cast, data: bytes = b"picture", content_type: str = "image/jpeg") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=cast.teacher, content_type=content_type)
        s3.write_object(upload.key, data, content_type=content_type)
    return upload


def submit(client: Client, cast: Cast, upload: object) -> Any:
    return post(client, f"/api/v1/exams/{cast.exam.pk}/scans", {"upload": upload})


def counts(cast: Cast) -> tuple[int, int, int]:
    with cast.acting():
        return Batch.objects.count(), Scan.objects.count(), Job.objects.count()


def test_a_picture_is_one_page_to_read(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    answer = submit(teacher, world.hana, upload.pk)
    assert answer.status_code == 202
    body = answer.json()
    assert body == {
        "id": body["id"],
        "exam": world.hana.exam.pk,
        "file_name": "scan.jpg",
        "page_count": 1,
        "read": 0,
        "failed": 0,
        "cancelled": 0,
        "is_finished": False,
        "failures": [],
    }
    with world.hana.acting():
        scan = Scan.objects.select_related("job", "batch").get(batch_id=body["id"])
        assert scan.job is not None
        assert (scan.page_index, scan.source_key, scan.batch.created_by_id) == (0, upload.key, world.hana.teacher.pk)
        assert (scan.job.kind, scan.job.queue, scan.job.state) == ("exams.read_scan", "basic", JobState.QUEUED)
        assert scan.job.arguments == {"args": [scan.pk], "kwargs": {}}


def test_every_kind_of_picture_is_one_page(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["image/png", "image/heic", "image/heif"]
    for content_type in cases:
        with subtests.test(content_type=content_type):
            assert (
                submit(teacher, world.hana, sent_upload(world.hana, content_type=content_type).pk).json()["page_count"]
                == 1
            )


def test_a_pdf_is_opened_first(world: World, teacher: Client) -> None:
    body = submit(teacher, world.hana, sent_upload(world.hana, content_type="application/pdf").pk).json()
    assert (body["page_count"], body["is_finished"]) == (None, False)
    with world.hana.acting():
        batch = Batch.objects.select_related("job").get(pk=body["id"])
        assert batch.job is not None
        assert (batch.job.kind, batch.job.arguments["args"]) == ("exams.open_batch", [batch.pk])
        assert not Scan.objects.filter(batch=batch).exists()


def test_the_upload_is_used_then(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana, b"12345")
    submit(teacher, world.hana, upload.pk)
    with world.hana.acting():
        upload.refresh_from_db()
    assert (upload.state, upload.byte_count) == (UploadState.USED, 5)


def test_an_upload_is_used_once(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    assert submit(teacher, world.hana, upload.pk).status_code == 202
    before = counts(world.hana)
    assert error_of(submit(teacher, world.hana, upload.pk), 409)["code"] == "upload_used"
    assert counts(world.hana) == before


def test_a_file_that_was_not_sent_is_asked_for(world: World, teacher: Client) -> None:
    before = counts(world.hana)
    error = error_of(submit(teacher, world.hana, world.hana.spare_upload.pk), 409)
    assert (error["code"], error["attr"]) == ("upload_missing", "upload")
    assert counts(world.hana) == before


def test_an_upload_that_was_not_there_may_be_sent_and_used_later(world: World, teacher: Client) -> None:
    upload = world.hana.spare_upload
    error_of(submit(teacher, world.hana, upload.pk), 409)
    with world.hana.acting():
        s3.write_object(upload.key, b"picture", content_type="image/jpeg")
    assert submit(teacher, world.hana, upload.pk).status_code == 202


def test_an_empty_file_is_refused_and_not_used(world: World, teacher: Client) -> None:
    upload, before = sent_upload(world.hana, b""), counts(world.hana)
    assert error_of(submit(teacher, world.hana, upload.pk), 400)["attr"] == "upload"
    assert counts(world.hana) == before
    with world.hana.acting():
        upload.refresh_from_db()
    assert upload.state == UploadState.PRESIGNED


def test_a_file_over_its_limit_is_refused(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    with world.hana.acting():
        Upload.objects.filter(pk=upload.pk).update(max_bytes=3)
    error_of(submit(teacher, world.hana, upload.pk), 400)


def test_another_academys_upload_is_missing(world: World, teacher: Client) -> None:
    foreign, before = sent_upload(world.duri), counts(world.hana)
    answer = submit(teacher, world.hana, foreign.pk)
    assert error_of(answer, 404)["code"] == "not_found"
    assert answer.content == submit(teacher, world.hana, 987654321).content
    assert counts(world.hana) == before
    with world.duri.acting():
        foreign.refresh_from_db()
    assert foreign.state == UploadState.PRESIGNED


def test_another_academys_exam_is_missing_and_the_upload_not_used(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    error_of(submit(teacher, world.duri, upload.pk), 404)
    with world.hana.acting():
        upload.refresh_from_db()
    assert upload.state == UploadState.PRESIGNED


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/pdf"])
def test_a_plan_without_answer_sheets_refuses_and_writes_nothing(
    world: World, teacher: Client, content_type: str
) -> None:
    upload, before = sent_upload(world.hana, content_type=content_type), counts(world.hana)
    plan = Plan.objects.get(code="lite")
    world.hana.tenant.plan = plan
    world.hana.tenant.save(update_fields=["plan"])
    error = error_of(submit(teacher, world.hana, upload.pk), 403)
    assert error["code"] == "plan_excludes_job"
    assert counts(world.hana) == before
    with world.hana.acting():
        upload.refresh_from_db()
    assert upload.state == UploadState.PRESIGNED


def test_a_premium_plan_routes_to_its_own_queue(world: World, teacher: Client) -> None:
    world.hana.tenant.plan = Plan.objects.get(code="premium")
    world.hana.tenant.save(update_fields=["plan"])
    body = submit(teacher, world.hana, sent_upload(world.hana).pk).json()
    with world.hana.acting():
        assert Job.objects.get(pk=job_id_of(Scan.objects.get(batch_id=body["id"]))).queue == "premium"


def test_what_is_no_upload_is_refused(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[object] = [None, "", "x", 0, -1, 1.5, 2**63, 2**70, "9" * 30, [1], {"id": 1}, True]
    for upload in cases:
        with subtests.test(upload=upload):
            before = counts(world.hana)
            answer = submit(teacher, world.hana, upload)
            assert answer.status_code in (400, 404)
            error_of(answer, answer.status_code)
            assert counts(world.hana) == before


def test_submitting_sends_nothing_to_sqs(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    with mock.patch("academy.jobs.queues.boto3.client") as made, mock.patch("academy.jobs.queues.sqs_client") as asked:
        assert submit(teacher, world.hana, upload.pk).status_code == 202
    made.assert_not_called()
    asked.assert_not_called()


def test_submitting_asks_s3_once(world: World, teacher: Client) -> None:
    upload = sent_upload(world.hana)
    calls: list[str] = []
    events = s3.s3_client().meta.events
    events.register("before-call.s3", lambda model, **_: calls.append(model.name), unique_id="count")
    try:
        submit(teacher, world.hana, upload.pk)
    finally:
        events.unregister("before-call.s3", unique_id="count")
    assert calls == ["HeadObject"]


def test_submitting_costs_the_same_queries_every_time(world: World, teacher: Client) -> None:
    teacher.get("/api/v1/session")  # the host's academy is looked up now and then, not for each request
    found = []
    for _ in range(3):
        upload = sent_upload(world.hana)
        with CaptureQueriesContext(connection) as queries:
            submit(teacher, world.hana, upload.pk)
        found.append([row["sql"] for row in queries if "SAVEPOINT" not in row["sql"]])
    assert [len(queries) for queries in found] == [12, 12, 12], "\n".join(found[-1])


def test_an_unsigned_submit_is_refused_before_anything_is_looked_at(world: World) -> None:
    client = client_of(world.hana.teacher, checks_csrf=True)
    del client.defaults["HTTP_X_CSRFTOKEN"]
    upload = sent_upload(world.hana)
    assert error_of(submit(client, world.hana, upload.pk), 403)["code"] == "permission_denied"
