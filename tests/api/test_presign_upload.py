"""Presigned uploads: S3 enforces what the signed policy says, so the policy itself is looked at."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from academy.storage.models import Upload, UploadState
from academy.storage.services import FORM_TYPES, MAX_BYTES_BY_TYPE
from tests.api.answers import error_of, post
from tests.factories import World, client_of

URL = "/api/v1/uploads"


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def presign(client: Client, content_type: str = "image/jpeg", file_name: str = "시험지.jpg") -> Any:
    return post(client, URL, {"file_name": file_name, "content_type": content_type})


def policy_of(body: Any) -> Any:
    return json.loads(base64.b64decode(body["fields"]["policy"]))


def test_the_policy_holds_bucket_key_type_and_size(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases = FORM_TYPES
    for content_type in cases:
        with subtests.test(content_type=content_type):
            body = presign(teacher, content_type).json()
            conditions = policy_of(body)["conditions"]
            equal = {name: value for item in conditions if isinstance(item, dict) for name, value in item.items()}
            assert equal["bucket"] == settings.MEDIA_BUCKET
            assert equal["key"] == body["fields"]["key"]
            assert equal["Content-Type"] == body["fields"]["Content-Type"] == content_type
            ranges = [item for item in conditions if isinstance(item, list)]
            assert ranges == [["content-length-range", 1, MAX_BYTES_BY_TYPE[content_type]]]
            assert body["max_bytes"] == MAX_BYTES_BY_TYPE[content_type]


def test_every_form_field_is_fixed_by_the_policy(world: World, teacher: Client) -> None:
    body = presign(teacher).json()
    held = {name for item in policy_of(body)["conditions"] if isinstance(item, dict) for name in item}
    assert set(body["fields"]) - {"policy", "x-amz-signature"} <= held


def test_the_policy_expires_after_15_minutes(world: World, teacher: Client) -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with world.hana.acting(), time_machine.travel(now, tick=False):
        from academy.storage import s3

        form = s3.presign_post(s3.tenant_key("uploads", "x"), content_type="image/jpeg", max_bytes=10)
    expiration = datetime.fromisoformat(json.loads(base64.b64decode(form.fields["policy"]))["expiration"])
    assert expiration - now == timedelta(minutes=15)


def test_the_key_is_under_the_academys_prefix_and_says_nothing_of_the_file(world: World, teacher: Client) -> None:
    keys = {presign(teacher, file_name="../../t/1/x.jpg").json()["fields"]["key"] for _ in range(5)}
    assert len(keys) == 5
    for key in keys:
        prefix, random = key.rsplit("/", 1)
        assert prefix == f"t/{world.hana.tenant.pk}/uploads"
        assert len(random) >= 32
        assert random.isalnum()


def test_the_row_knows_what_was_allowed_and_to_whom(world: World, teacher: Client) -> None:
    body = presign(teacher, "image/png").json()
    with world.hana.acting():
        upload = Upload.objects.get(pk=body["id"])
    assert (upload.key, upload.file_name) == (body["fields"]["key"], "시험지.jpg")
    assert (upload.content_type, upload.state) == ("image/png", UploadState.PRESIGNED)
    assert upload.created_by_id == world.hana.teacher.pk
    assert upload.byte_count is None


def test_the_answer_holds_no_secret(world: World, teacher: Client) -> None:
    body = presign(teacher).json()
    assert set(body) == {"id", "url", "fields", "max_bytes"}
    assert "x-amz-signature" in body["fields"]
    assert settings.SECRET_KEY not in json.dumps(body)


def test_a_type_that_nothing_reads_is_refused(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[object] = [
        "text/html",
        "image/svg+xml",
        "application/octet-stream",
        "video/mp4",
        "IMAGE/JPEG",
        "image/jpeg; charset=x",
        "",
        None,
        7,
        [],
    ]
    for content_type in cases:
        with subtests.test(content_type=content_type):
            answer = post(teacher, URL, {"file_name": "a.jpg", "content_type": content_type})
            assert error_of(answer, 400)["attr"] == "content_type"


def test_a_file_needs_a_name(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[object] = ["", "x" * 256, None, "a\x00.jpg", ["a"]]
    for file_name in cases:
        with subtests.test(file_name=file_name):
            answer = post(teacher, URL, {"file_name": file_name, "content_type": "image/jpeg"})
            assert error_of(answer, 400)["attr"] == "file_name"


def test_presigning_asks_no_one_but_the_database(world: World, teacher: Client) -> None:
    """No ``aws`` here: signing is arithmetic."""
    assert presign(teacher).status_code == 201
