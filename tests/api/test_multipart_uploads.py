"""Films in parts: begun, gone on with, put together once; only by who began, and of what S3 has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from academy.jobs.models import Job
from academy.storage import multipart, s3
from academy.storage.models import Upload, UploadState
from academy.storage.services import MAX_VIDEO_BYTES, UploadMissing, UploadUsed, cancel_uploads, use_upload
from academy.storage.tasks import end_upload
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import Cast, World, client_of

URL = "/api/v1/multipart-uploads"
PART = 5 * 1024 * 1024  # the least that S3 takes
FILM = b"\x00" * PART + b"\x01" * PART + b"the end"
MODIFIED = 1_790_000_000_123

pytestmark = pytest.mark.usefixtures("empty_bucket")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "PART_BYTES", PART)


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def begin(client: Client, **changes: Any) -> Any:
    asked = {"file_name": "1강.mp4", "content_type": "video/mp4", "byte_count": len(FILM), "modified_ms": MODIFIED}
    return post(client, URL, {**asked, **changes})


def begun(client: Client, **changes: Any) -> Any:
    answer = begin(client, **changes)
    assert answer.status_code == 201, answer.content
    return answer.json()


def links(client: Client, upload_id: int, numbers: Sequence[int]) -> Any:
    return post(client, f"{URL}/{upload_id}/parts", {"numbers": list(numbers)})


def send(client: Client, upload_id: int, numbers: Sequence[int]) -> None:
    """Send these parts of the film as a browser does."""
    for part in links(client, upload_id, numbers).json():
        start = (part["number"] - 1) * PART
        data = FILM[start : start + PART]
        assert part["byte_count"] == len(data)
        assert httpx.put(part["url"], content=data).status_code == 200


def put_by_force(upload: Upload, number: int, data: bytes) -> None:
    s3.s3_client().upload_part(
        Bucket=settings.MEDIA_BUCKET, Key=upload.key, UploadId=upload.multipart_id, PartNumber=number, Body=data
    )


def complete(client: Client, upload_id: int) -> Any:
    return post(client, f"{URL}/{upload_id}/complete", None)


def row(cast: Cast, upload_id: int) -> Upload:
    with cast.acting():
        return Upload.objects.get(pk=upload_id)


def parts_there(cast: Cast, upload: Upload) -> list[int]:
    with cast.acting():
        return [part.number for part in s3.arrived_parts(upload.key, upload.multipart_id)]


def end(cast: Cast, upload_id: int) -> None:
    with cast.acting():
        end_upload.func(upload_id)


def test_a_film_arrives_part_by_part_and_is_used_once(world: World, teacher: Client) -> None:
    film = begun(teacher)
    assert {name: film[name] for name in ("part_bytes", "part_count", "arrived", "is_complete")} == {
        "part_bytes": PART,
        "part_count": 3,
        "arrived": [],
        "is_complete": False,
    }
    send(teacher, film["id"], [1, 2])
    send(teacher, film["id"], [3])
    done = complete(teacher, film["id"])
    assert (done.status_code, done.json()["is_complete"], done.json()["arrived"]) == (200, True, [1, 2, 3])
    upload = row(world.hana, film["id"])
    with world.hana.acting():
        assert s3.read_object(upload.key, max_bytes=len(FILM)) == FILM
        assert use_upload(upload_id=upload.pk, by=world.hana.teacher).byte_count == len(FILM)
        with pytest.raises(UploadUsed):
            use_upload(upload_id=upload.pk, by=world.hana.teacher)
        with pytest.raises(s3.MultipartMissing):
            s3.arrived_parts(upload.key, upload.multipart_id)
    for answer in (complete(teacher, film["id"]), links(teacher, film["id"], [1])):
        assert error_of(answer, 409)["code"] == "upload_used"


def test_the_same_file_goes_on_where_it_broke_off(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [2])
    again = begun(teacher)
    assert (again["id"], again["arrived"]) == (film["id"], [2])
    send(teacher, film["id"], [1, 3])
    assert complete(teacher, film["id"]).status_code == 200
    ready = begun(teacher)
    assert (ready["id"], ready["arrived"], ready["is_complete"]) == (film["id"], [1, 2, 3], True)


def test_another_file_is_begun_anew(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    film = begun(teacher)
    others: list[dict[str, object]] = [
        {"file_name": "2강.mp4"},
        {"content_type": "video/quicktime"},
        {"byte_count": len(FILM) + 1},
        {"modified_ms": MODIFIED + 1},
        {"modified_ms": None},
    ]
    for changes in others:
        with subtests.test(changes=changes):
            assert begun(teacher, **changes)["id"] != film["id"]
    assert begun(client_of(world.hana.owner))["id"] != film["id"], "another person's, though the same file"
    assert begun(client_of(world.duri.teacher))["id"] != film["id"]


def test_what_storage_lost_is_begun_anew(world: World, teacher: Client) -> None:
    film = begun(teacher)
    upload = row(world.hana, film["id"])
    s3.s3_client().abort_multipart_upload(Bucket=settings.MEDIA_BUCKET, Key=upload.key, UploadId=upload.multipart_id)
    assert error_of(complete(teacher, film["id"]), 409)["code"] == "parts_missing"
    assert begun(teacher)["id"] != film["id"]
    assert row(world.hana, film["id"]).state == UploadState.CANCELLED


def test_put_together_without_living_to_say_so(world: World, teacher: Client) -> None:
    """Killed between S3 and the database: asked again, it is found whole, by either way."""
    for is_begun_again in (False, True):
        film = begun(teacher)
        send(teacher, film["id"], [1, 2, 3])
        upload = row(world.hana, film["id"])
        with world.hana.acting():
            s3.complete_multipart(upload.key, upload.multipart_id, s3.arrived_parts(upload.key, upload.multipart_id))
        answer = (begin(teacher) if is_begun_again else complete(teacher, film["id"])).json()
        assert (answer["id"], answer["is_complete"], answer["arrived"]) == (film["id"], True, [1, 2, 3])
        with world.hana.acting():
            use_upload(upload_id=film["id"], by=world.hana.teacher)


def test_nothing_is_put_together_of_what_is_not_all_there(world: World, teacher: Client) -> None:
    film = begun(teacher)
    assert error_of(complete(teacher, film["id"]), 409)["code"] == "parts_missing"
    send(teacher, film["id"], [1, 3])
    assert error_of(complete(teacher, film["id"]), 409)["code"] == "parts_missing"
    upload = row(world.hana, film["id"])
    with world.hana.acting(), pytest.raises(UploadMissing):
        use_upload(upload_id=film["id"], by=world.hana.teacher)
    # moto checks no signature: what S3 would refuse, a part of another length, is not believed here either.
    put_by_force(upload, 2, b"short")
    assert begun(teacher)["arrived"] == [1, 3]
    assert error_of(complete(teacher, film["id"]), 409)["code"] == "parts_missing"
    send(teacher, film["id"], [2])
    put_by_force(upload, 4, b"more than was announced")
    assert error_of(complete(teacher, film["id"]), 409)["code"] == "parts_missing"


def test_completing_twice_is_no_harm(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [1, 2, 3])
    assert [complete(teacher, film["id"]).json() for _ in range(2)] == [begun(teacher)] * 2
    assert error_of(links(teacher, film["id"], [1]), 409)["code"] == "upload_used", "nothing is added any more"


def test_a_link_fixes_part_length_and_time(world: World, teacher: Client) -> None:
    film = begun(teacher)
    upload = row(world.hana, film["id"])
    for part, length in zip(links(teacher, film["id"], [1, 3]).json(), (PART, 7), strict=True):
        address = urlsplit(part["url"])
        query = {name: value for name, (value,) in parse_qs(address.query).items()}
        assert address.path.endswith(upload.key)
        assert upload.key.startswith(f"t/{world.hana.tenant.pk}/uploads/")
        assert query["partNumber"] == str(part["number"])
        assert query["uploadId"] == upload.multipart_id
        assert "content-length" in query["X-Amz-SignedHeaders"].split(";")
        assert 0 < int(query["X-Amz-Expires"]) <= 15 * 60
        assert part["byte_count"] == length


def test_forged_part_numbers_are_refused(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    film = begun(teacher)
    cases: list[object] = [[], [0], [-1], [4], [1, 4], [10_001], [2**63], ["x"], [None], [[1]], "1", None, [1] * 9, {}]
    for numbers in cases:
        with subtests.test(numbers=numbers):
            answer = post(teacher, f"{URL}/{film['id']}/parts", {"numbers": numbers})
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["attr"].startswith("numbers")
    assert [part["number"] for part in links(teacher, film["id"], [3, 1, 1]).json()] == [1, 3]


def test_too_large_empty_and_no_film_is_refused(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, object]] = [
        *(("byte_count", count) for count in (0, -1, MAX_VIDEO_BYTES + 1, 2**70, "much", None, 1.5)),
        *(("content_type", kind) for kind in ("image/jpeg", "application/pdf", "video/x-matroska", "", None)),
        *(("file_name", name) for name in ("", "x" * 256, None, "a\x00.mp4")),
        ("modified_ms", 2**60),
        ("modified_ms", "now"),
        ("modified_ms", []),
    ]
    for attr, value in cases:
        with subtests.test(attr=attr, value=value):
            assert error_of(begin(teacher, **{attr: value}), 400)["attr"] == attr
    assert begin(teacher, byte_count=MAX_VIDEO_BYTES).json()["part_count"] <= 10_000


def test_films_go_in_parts_and_nothing_else_does(world: World, teacher: Client) -> None:
    answer = post(teacher, "/api/v1/uploads", {"file_name": "1강.mp4", "content_type": "video/mp4"})
    assert error_of(answer, 400)["attr"] == "content_type"


def test_another_persons_and_another_academys_are_missing(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [1, 2, 3])
    for stranger in (world.hana.owner, world.hana.users[Role.STUDENT], world.duri.teacher, world.duri.owner):
        client = client_of(stranger)
        for answer in (
            links(client, film["id"], [1]),
            complete(client, film["id"]),
            client.delete(f"{URL}/{film['id']}"),
        ):
            assert answer.status_code == 404
    assert row(world.hana, film["id"]).state == UploadState.PRESIGNED
    form = post(teacher, "/api/v1/uploads", {"file_name": "a.jpg", "content_type": "image/jpeg"}).json()
    assert complete(teacher, form["id"]).status_code == 404, "what goes by a form has no parts"
    assert Client(SERVER_NAME=world.hana.host).delete(f"{URL}/{film['id']}").status_code == 401


def test_a_film_is_given_up_and_its_parts_go(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [1])
    link = links(teacher, film["id"], [2]).json()[0]["url"]
    upload = row(world.hana, film["id"])
    assert teacher.delete(f"{URL}/{film['id']}").status_code == 204
    for answer in (
        links(teacher, film["id"], [2]),
        complete(teacher, film["id"]),
        teacher.delete(f"{URL}/{film['id']}"),
    ):
        assert error_of(answer, 409)["code"] == "upload_used"
    with world.hana.acting():
        assert Job.objects.filter(kind="storage.end_upload", arguments__args=[upload.pk]).count() == 2
    end(world.hana, upload.pk)
    assert httpx.put(link, content=FILM[PART : 2 * PART]).status_code >= 400, "a link from before takes nothing more"
    with pytest.raises(s3.MultipartMissing):
        parts_there(world.hana, upload)
    assert begun(teacher)["id"] != film["id"]


def test_who_is_suspended_sends_nothing_more(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [1, 2, 3])
    owner = client_of(world.hana.owner)
    assert post(owner, f"/api/v1/people/{world.hana.teacher.pk}/suspend", None).status_code == 200
    for answer in (begin(teacher), links(teacher, film["id"], [1]), complete(teacher, film["id"])):
        assert answer.status_code == 401
    upload = row(world.hana, film["id"])
    assert upload.state == UploadState.CANCELLED
    with world.hana.acting():
        waiting = Job.objects.filter(kind="storage.end_upload", arguments__args=[upload.pk])
        assert waiting.filter(available_at__lte=timezone.now()).exists(), "its parts go now, not in two days"
    end(world.hana, upload.pk)
    with pytest.raises(s3.MultipartMissing):
        parts_there(world.hana, upload)


def test_what_is_put_together_while_it_is_cancelled_goes_too(world: World, teacher: Client) -> None:
    film = begun(teacher)
    send(teacher, film["id"], [1, 2, 3])
    really = s3.complete_multipart

    def cancelled_meanwhile(*args: Any) -> None:
        cancel_uploads(created_by=world.hana.teacher)
        really(*args)

    with mock.patch.object(s3, "complete_multipart", cancelled_meanwhile):
        assert error_of(complete(teacher, film["id"]), 409)["code"] == "upload_used"
    upload = row(world.hana, film["id"])
    with world.hana.acting():
        assert s3.object_bytes(upload.key) is None


def test_what_is_never_handed_in_goes_after_two_days(world: World, teacher: Client) -> None:
    sent, used = begun(teacher), begun(teacher, modified_ms=MODIFIED + 1)
    for film in (sent, used):
        send(teacher, film["id"], [1, 2, 3])
        complete(teacher, film["id"])
    with world.hana.acting():
        use_upload(upload_id=used["id"], by=world.hana.teacher)
        for film in (sent, used):
            job = Job.objects.get(kind="storage.end_upload", arguments__args=[film["id"]])
            assert (job.available_at - timezone.now()).total_seconds() == pytest.approx(2 * 86_400, abs=60)
    for _ in range(2):  # delivered twice
        for film in (sent, used):
            end(world.hana, film["id"])
    lost, kept = row(world.hana, sent["id"]), row(world.hana, used["id"])
    assert (lost.state, kept.state) == (UploadState.CANCELLED, UploadState.USED)
    with world.hana.acting():
        assert (s3.object_bytes(lost.key), s3.object_bytes(kept.key)) == (None, len(FILM))
        s3.write_object(lost.key, b"late", content_type="video/mp4")
        with pytest.raises(UploadUsed):
            use_upload(upload_id=lost.pk, by=world.hana.teacher)


def test_erasing_a_place_ends_what_is_sent_there(world: World, teacher: Client) -> None:
    """As an erasure of a person does, for each key of theirs."""
    film, other = begun(teacher), begun(teacher, modified_ms=MODIFIED + 1)
    send(teacher, film["id"], [1])
    upload, beside = row(world.hana, film["id"]), row(world.hana, other["id"])
    with world.hana.acting():
        s3.erase_objects(upload.key)
    with pytest.raises(s3.MultipartMissing):
        parts_there(world.hana, upload)
    assert parts_there(world.hana, beside) == []
    with world.hana.acting():
        s3.erase_objects(s3.tenant_key("uploads") + "/")
    with pytest.raises(s3.MultipartMissing):
        parts_there(world.hana, beside)
