"""A request with an ``Idempotency-Key`` is done once; sent again it is answered as it was the first time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from academy.jobs.idempotency import MAX_KEY_CHARACTERS, SWEPT_AT_ONCE, forget_expired
from academy.jobs.models import AnsweredRequest, Job
from academy.storage import s3
from academy.storage.models import Upload
from apps.accounts.roles import Role
from apps.exams.models import Batch
from tests.api.answers import error_of
from tests.factories import Cast, World, client_of, make_answered_request, make_upload

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def sent_upload(cast: Cast, by: Role = Role.TEACHER) -> Upload:
    with cast.acting():
        upload = make_upload(created_by=cast.users[by])
        s3.write_object(upload.key, b"picture", content_type="image/jpeg")
    return upload


def submit(client: Client, cast: Cast, body: object, key: str = "key-1") -> Any:
    return client.post(
        f"/api/v1/exams/{cast.exam.pk}/scans", body, content_type="application/json", headers={"Idempotency-Key": key}
    )


def counts(cast: Cast) -> tuple[int, int]:
    with cast.acting():
        return Batch.objects.count(), Job.objects.count()


def test_sent_again_it_is_answered_again_and_not_done_again(world: World, teacher: Client) -> None:
    body = {"upload": sent_upload(world.hana).pk}
    first = submit(teacher, world.hana, body)
    before = counts(world.hana)
    second = submit(teacher, world.hana, body)
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")
    assert counts(world.hana) == before


def test_the_same_said_otherwise_is_the_same(world: World, teacher: Client) -> None:
    pk = sent_upload(world.hana).pk
    first = submit(teacher, world.hana, {"upload": pk, "note": "a"})
    second = submit(teacher, world.hana, f'{{ "note" : "a",\n"upload": {pk}}}')
    assert (first.status_code, second.content) == (202, first.content)


def test_another_body_under_the_key_is_refused(world: World, teacher: Client) -> None:
    submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    before = counts(world.hana)
    other = submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    assert error_of(other, 422)["code"] == "idempotency_key_reused"
    assert counts(world.hana) == before


def test_another_path_under_the_key_is_refused(world: World, teacher: Client) -> None:
    body = {"upload": sent_upload(world.hana).pk}
    submit(teacher, world.hana, body)
    answer = teacher.post(
        f"/api/v1/exams/{2**40}/scans", body, content_type="application/json", headers={"Idempotency-Key": "key-1"}
    )
    assert error_of(answer, 422)["code"] == "idempotency_key_reused"


def test_what_was_refused_may_be_tried_again_with_its_key(world: World, teacher: Client) -> None:
    upload = world.hana.spare_upload
    assert error_of(submit(teacher, world.hana, {"upload": upload.pk}), 409)["code"] == "upload_missing"
    with world.hana.acting():
        assert not AnsweredRequest.objects.filter(client_token="key-1").exists()
        s3.write_object(upload.key, b"picture", content_type="image/jpeg")
    assert submit(teacher, world.hana, {"upload": upload.pk}).status_code == 202


def test_a_key_is_its_persons_own(world: World, teacher: Client) -> None:
    submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    colleague = client_of(world.hana.users[Role.ASSISTANT])
    theirs = sent_upload(world.hana, by=Role.ASSISTANT)
    answer = submit(colleague, world.hana, {"upload": theirs.pk})
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer


def test_the_same_key_in_another_academy_is_another_key(world: World, teacher: Client) -> None:
    first = submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    second = submit(client_of(world.duri.teacher), world.duri, {"upload": sent_upload(world.duri).pk})
    assert second.status_code == 202
    assert first.content != second.content


def test_another_endpoints_key_is_another_key(world: World, teacher: Client) -> None:
    with world.hana.acting():
        make_answered_request(world.hana.teacher, key="key-1", endpoint="POST job-retry")
    assert submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk}).status_code == 202


def test_a_request_without_a_key_is_a_request_of_its_own(world: World, teacher: Client) -> None:
    url = f"/api/v1/exams/{world.hana.exam.pk}/scans"
    for _ in range(2):
        answer = teacher.post(url, {"upload": sent_upload(world.hana).pk}, content_type="application/json")
        assert answer.status_code == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "열쇠", "a\tb", "x" * (MAX_KEY_CHARACTERS + 1), "\x00"])
def test_a_malformed_key_is_refused_before_anything_is_done(world: World, teacher: Client, key: str) -> None:
    body, before = {"upload": sent_upload(world.hana).pk}, counts(world.hana)
    assert error_of(submit(teacher, world.hana, body, key), 400)["code"] == "bad_idempotency_key"
    assert counts(world.hana) == before


def test_the_longest_key_is_taken(world: World, teacher: Client) -> None:
    body = {"upload": sent_upload(world.hana).pk}
    assert submit(teacher, world.hana, body, "x" * MAX_KEY_CHARACTERS).status_code == 202


def test_after_a_day_the_key_is_new(world: World, teacher: Client) -> None:
    submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    with world.hana.acting():
        AnsweredRequest.objects.filter(client_token="key-1").update(
            created_at=timezone.now() - timedelta(hours=24, seconds=1)
        )
    answer = submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer


def test_each_new_key_sweeps_old_answers_of_its_academy_only(world: World, teacher: Client) -> None:
    old = timezone.now() - timedelta(days=2)
    for cast in (world.hana, world.duri):
        with cast.acting():
            for number in range(SWEPT_AT_ONCE + 5):
                make_answered_request(cast.teacher, key=f"old-{number}")
            AnsweredRequest.objects.filter(client_token__startswith="old-").update(created_at=old)
    submit(teacher, world.hana, {"upload": sent_upload(world.hana).pk})
    left = []
    for cast in (world.hana, world.duri):
        with cast.acting():
            left.append(AnsweredRequest.objects.filter(client_token__startswith="old-").count())
    assert left == [5, SWEPT_AT_ONCE + 5]
    with world.hana.acting():
        assert forget_expired(at_most=1000) == 5
        assert AnsweredRequest.objects.filter(client_token="key-1").exists()


def test_a_session_that_may_not_submit_gets_no_earlier_answer(world: World, teacher: Client) -> None:
    body = {"upload": sent_upload(world.hana).pk}
    submit(teacher, world.hana, body)
    person = world.hana.teacher
    person.role = Role.STUDENT
    with world.hana.acting():
        person.save(update_fields=["role"])
    error_of(submit(teacher, world.hana, body), 403)
    assert orjson.loads(submit(teacher, world.hana, body).content)["errors"]
