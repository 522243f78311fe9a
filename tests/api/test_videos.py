"""Videos: handed in by who sent them, seen by staff and by that person, with the pages that were found."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from academy.jobs.reasons import text_of
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.models import Plan
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.videos.models import Video
from tests.api.answers import error_of, post
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_upload, make_user, make_video

pytestmark = pytest.mark.usefixtures("aws")


def sent(cast: Cast, person: User, content_type: str = "video/mp4") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=person, file_name="film.mp4", content_type=content_type)
        s3.write_object(upload.key, b"moving pictures", content_type=content_type)
    return upload


def submit(client: Client, upload: Upload, **more: object) -> Any:
    return post(client, "/api/v1/videos", {"upload": upload.pk, **more})


def get(client: Client, path: str = "") -> Any:
    return client.get(f"/api/v1/videos{path}")


def ids(client: Client) -> list[int]:
    return [row["id"] for row in get(client).json()["results"]]


@pytest.mark.parametrize("role", [Role.OWNER, Role.ASSISTANT, Role.STUDENT])
@pytest.mark.parametrize("content_type", ["video/mp4", "video/quicktime", "video/webm"])
def test_a_video_is_taken_and_its_pages_looked_for(world: World, role: Role, content_type: str) -> None:
    person = world.hana.users[role]
    upload = sent(world.hana, person, content_type)
    answer = submit(client_of(person), upload, title="3단원 필기")
    assert answer.status_code == 202
    body = answer.json()
    assert (body["title"], body["state"], body["page_count"], body["seconds"]) == ("3단원 필기", "queued", None, None)
    assert body["created_by"] == {"id": person.pk, "name": person.name}
    with world.hana.acting():
        job = Job.objects.get(pk=body["job"])
        assert (job.kind, job.queue, job.arguments["args"]) == ("videos.find_pages", "video", [body["id"]])
        assert Upload.objects.get(pk=upload.pk).state == UploadState.USED


def test_without_a_title_the_files_name_stands(world: World) -> None:
    person = world.hana.teacher
    assert submit(client_of(person), sent(world.hana, person)).json()["title"] == "film.mp4"


def test_a_student_may_send_two_gigabytes_and_not_a_byte_more(world: World) -> None:
    client = client_of(world.hana.users[Role.STUDENT])
    film = {"file_name": "film.mov", "content_type": "video/quicktime", "byte_count": 2 * 1024**3}
    assert post(client, "/api/v1/multipart-uploads", film).status_code == 201
    answer = post(client, "/api/v1/multipart-uploads", {**film, "byte_count": 2 * 1024**3 + 1})
    assert error_of(answer, 400)["detail"] == "파일이 비어 있거나 너무 큽니다. 최대 2048 MB까지 올릴 수 있습니다."


def test_the_file_of_another_person_or_academy_is_missing_and_stays_unused(world: World) -> None:
    student, teacher = world.hana.users[Role.STUDENT], world.hana.teacher
    for upload, cast in (
        (sent(world.hana, teacher), world.hana),
        (sent(world.duri, world.duri.users[Role.STUDENT]), world.duri),
    ):
        answer = submit(client_of(student), upload)
        assert answer.content == post(client_of(student), "/api/v1/videos", {"upload": 987654321}).content
        assert error_of(answer, 404)["code"] == "not_found"
        with cast.acting():
            assert Upload.objects.get(pk=upload.pk).state == UploadState.PRESIGNED


def test_a_picture_is_no_video_and_a_video_no_sheet(world: World) -> None:
    teacher = world.hana.teacher
    picture, film = sent(world.hana, teacher, "image/jpeg"), sent(world.hana, teacher)
    assert error_of(submit(client_of(teacher), picture), 400)["attr"] == "upload"
    answer = post(client_of(teacher), f"/api/v1/exams/{world.hana.exam.pk}/scans", {"upload": film.pk})
    assert error_of(answer, 400)["attr"] == "upload"
    with world.hana.acting():
        states = Upload.objects.filter(pk__in=[picture.pk, film.pk]).values_list("state", flat=True)
        assert set(states) == {UploadState.PRESIGNED}


def test_a_file_is_handed_in_once(world: World) -> None:
    teacher = world.hana.teacher
    upload = sent(world.hana, teacher)
    assert submit(client_of(teacher), upload).status_code == 202
    assert error_of(submit(client_of(teacher), upload), 409)["code"] == "upload_used"


def test_a_plan_without_videos_refuses_and_writes_nothing(world: World) -> None:
    teacher = world.hana.teacher
    upload = sent(world.hana, teacher)
    world.hana.tenant.plan = Plan.objects.get(code="lite")
    world.hana.tenant.save(update_fields=["plan"])
    assert error_of(submit(client_of(teacher), upload), 403)["code"] == "plan_excludes_job"
    with world.hana.acting():
        assert not Video.objects.filter(upload=upload).exists()


def test_staff_see_everybodys_and_students_their_own(world: World) -> None:
    hana = world.hana
    with hana.acting():
        fellow = make_user(Role.STUDENT, name="옆자리")
        fellows = make_video(fellow)
    assert ids(client_of(hana.teacher)) == [fellows.pk, hana.own_video.pk, hana.video.pk]
    student = client_of(hana.users[Role.STUDENT])
    assert ids(student) == [hana.own_video.pk]
    missing = get(student, "/987654321").content
    for foreign in (fellows, hana.video, world.duri.own_video):
        assert get(student, f"/{foreign.pk}").content == missing
    assert get(client_of(hana.teacher), f"/{world.duri.video.pk}").content == missing


def test_pages_come_in_order_with_links_to_their_pictures(world: World) -> None:
    body = get(client_of(world.hana.teacher), f"/{world.hana.video.pk}").json()
    assert [page["position"] for page in body["pages"]] == [1, 2]
    first = body["pages"][0]
    assert (first["at_seconds"], first["stays"]) == (2.5, [{"start": 2.0, "end": 3.0}])
    assert (first["width"], first["height"], first["is_straightened"]) == (800, 1130, True)
    prefix = f"/t/{world.hana.tenant.pk}/video-pages/{world.hana.video.pk}/"
    for name in ("picture_url", "thumbnail_url"):
        assert prefix in urlsplit(first[name]).path
        assert "Signature" in first[name]


def test_a_video_that_could_not_be_read_says_why(world: World) -> None:
    video = world.hana.video
    with world.hana.acting():
        Job.objects.filter(pk=job_id_of(video)).update(state=JobState.FAILED, error_code="no_pages")
    body = get(client_of(world.hana.teacher), f"/{video.pk}").json()
    assert (body["state"], body["error_code"], body["error_message"]) == ("failed", "no_pages", text_of("no_pages"))


def test_a_list_costs_as_many_queries_with_ten_videos_as_with_two(world: World) -> None:
    client = client_of(world.hana.teacher)
    get(client)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            get(client)
        counts.append(len(queries))
        with world.hana.acting():
            for _ in range(8):
                make_video(world.hana.teacher)
    assert counts[0] == counts[1]
