"""Lectures: added and published by staff, seen by who is in the course, with how much was watched."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.models import Plan
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.services import change_course, withdraw_students
from apps.lectures.models import Lecture, LectureProgress, VideoPlaybackSession
from apps.trash.models import Deletion
from apps.trash.services import restore
from tests.api.answers import JSON, error_of, post
from tests.db.kernel import job_id_of
from tests.factories import (
    Cast,
    World,
    client_of,
    make_course,
    make_lecture,
    make_progress,
    make_student,
    make_upload,
)

pytestmark = pytest.mark.usefixtures("aws")
LECTURES = "/api/v1/lectures"
OWN = "/api/v1/me/lectures"


def sent(cast: Cast, person: User, content_type: str = "video/mp4") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=person, file_name="3강.mp4", content_type=content_type)
        s3.write_object(upload.key, b"moving pictures", content_type=content_type)
    return upload


def patch(client: Client, lecture: Lecture, **changes: object) -> Any:
    return client.patch(f"{LECTURES}/{lecture.pk}", changes, content_type=JSON)


def titles(client: Client) -> list[str]:
    return [row["title"] for row in client.get(OWN).json()]


def test_a_video_becomes_the_last_lecture_of_the_course_unpublished(world: World) -> None:
    teacher = world.hana.teacher
    upload = sent(world.hana, teacher)
    answer = post(client_of(teacher), LECTURES, {"course": world.hana.course.pk, "upload": upload.pk})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["title"], body["position"], body["state"]) == ("3강.mp4", 2, "queued")
    assert (body["published_at"], body["is_ready"], body["seconds"]) == (None, False, None)
    with world.hana.acting():
        job = Job.objects.get(pk=body["job"])
        assert (job.kind, job.queue, job.arguments["args"]) == ("lectures.prepare", "video", [body["id"]])
        assert Upload.objects.get(pk=upload.pk).state == UploadState.USED


def test_a_picture_is_no_lecture_and_an_archived_course_takes_none(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    picture, film = sent(hana, hana.teacher, "image/jpeg"), sent(hana, hana.teacher)
    wish = {"course": hana.course.pk, "upload": picture.pk}
    assert error_of(post(client, LECTURES, wish), 400)["attr"] == "upload"
    with hana.acting():
        change_course(course_id=hana.course.pk, is_archived=True)
    answer = post(client, LECTURES, {**wish, "upload": film.pk})
    assert error_of(answer, 409)["code"] == "course_archived"
    with hana.acting():
        states = Upload.objects.filter(pk__in=[picture.pk, film.pk]).values_list("state", flat=True)
        assert set(states) == {UploadState.PRESIGNED}


def test_a_plan_without_lectures_refuses_and_writes_nothing(world: World) -> None:
    hana = world.hana
    upload = sent(hana, hana.teacher)
    hana.tenant.plan = Plan.objects.get(code="lite")
    hana.tenant.save(update_fields=["plan"])
    answer = post(client_of(hana.teacher), LECTURES, {"course": hana.course.pk, "upload": upload.pk})
    assert error_of(answer, 403)["code"] == "plan_excludes_job"
    with hana.acting():
        assert not Lecture.objects.filter(upload=upload).exists()


def test_the_list_is_of_one_course_where_asked(world: World) -> None:
    hana = world.hana
    with hana.acting():
        other = make_course("고1 국어", teachers=[hana.teacher])
        make_lecture(other, created_by=hana.teacher, title="고전 시가")
    client = client_of(hana.teacher)
    assert len(client.get(LECTURES).json()["results"]) == 2
    rows = client.get(f"{LECTURES}?course={other.pk}").json()["results"]
    assert [row["title"] for row in rows] == ["고전 시가"]
    assert client.get(f"{LECTURES}?course=x").status_code == 400


def test_students_see_what_is_published_ready_and_of_their_course(world: World) -> None:
    hana = world.hana
    with hana.acting():
        make_lecture(hana.course, created_by=hana.teacher, title="아직", position=2, is_published=False)
        make_lecture(hana.course, created_by=hana.teacher, title="준비 중", position=3, is_ready=False)
        make_lecture(hana.course, created_by=hana.teacher, title="먼저", position=0)
        make_lecture(make_course("다른 반"), created_by=hana.teacher, title="남의 강의")
    student, guardian = client_of(hana.users[Role.STUDENT]), client_of(hana.users[Role.GUARDIAN])
    assert titles(student) == titles(guardian) == ["먼저", hana.lecture.title]
    body = student.get(f"{OWN}/{hana.lecture.pk}").json()
    assert (body["watched_share"], body["position"], body["seconds"]) == (0.3, 30.0, 100.0)
    assert body["storyboard"]["tile_width"] == 160
    assert "media_url" not in body, "the film has to be opened"
    with hana.acting():
        withdraw_students(course_id=hana.course.pk, student_ids=[hana.student.pk])
    assert titles(student) == []
    assert student.get(f"{OWN}/{hana.lecture.pk}").status_code == 404


def test_what_cannot_be_watched_is_not_published(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    with hana.acting():
        unready = make_lecture(hana.course, created_by=hana.teacher, is_ready=False)
        ready = make_lecture(hana.course, created_by=hana.teacher, is_published=False)
    assert error_of(patch(client, unready, is_published=True), 409)["code"] == "lecture_not_ready"
    assert patch(client, ready, is_published=True, position=7, title="새 이름").json()["position"] == 7
    assert titles(client_of(hana.users[Role.STUDENT])) == [hana.lecture.title, "새 이름"]


def test_unpublishing_ends_who_is_watching(world: World) -> None:
    assert patch(client_of(world.hana.teacher), world.hana.lecture, is_published=False).status_code == 200
    with world.hana.acting():
        sessions = VideoPlaybackSession.objects.filter(lecture=world.hana.lecture)
        assert sessions.exists()
        assert not sessions.filter(ended_at=None).exists()
    assert titles(client_of(world.hana.users[Role.STUDENT])) == []


def test_what_is_deleted_is_nobodys_to_watch_and_comes_back_with_its_progress(world: World) -> None:
    hana, student = world.hana, client_of(world.hana.users[Role.STUDENT])
    assert client_of(hana.teacher).delete(f"{LECTURES}/{hana.lecture.pk}").status_code == 204
    with hana.acting():
        assert not Lecture.objects.filter(pk=hana.lecture.pk).exists()
        assert not LectureProgress.objects.exists()
        deletion = Deletion.objects.get(kind="lectures.lecture")
        assert hana.lecture.video_key in deletion.places
    assert titles(student) == []
    with hana.acting():
        restore(by=hana.teacher, deletion_id=deletion.pk)
    assert titles(student) == [hana.lecture.title]
    assert student.get(f"{OWN}/{hana.lecture.pk}").json()["position"] == 30.0


def test_what_is_being_made_ready_is_not_begun_twice(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    with hana.acting():
        lecture = make_lecture(hana.course, created_by=hana.teacher, is_ready=False)
    again = f"{LECTURES}/{lecture.pk}/prepare"
    assert error_of(post(client, again, {}), 409)["code"] == "lecture_not_ready"
    with hana.acting():
        Job.objects.filter(pk=job_id_of(lecture)).update(state=JobState.FAILED, error_code="damaged_video")
    body = client.get(f"{LECTURES}/{lecture.pk}").json()
    assert (body["state"], body["error_code"]) == ("failed", "damaged_video")
    assert body["error_message"]
    assert post(client, again, {}).json()["state"] == "queued"


def test_staff_see_how_much_everybody_has_watched(world: World) -> None:
    hana = world.hana
    with hana.acting():
        left = make_student("240199", name="나간 학생")
        make_progress(hana.lecture, left, [[0, 50], [60, 110]])
    rows = client_of(hana.teacher).get(f"{LECTURES}/{hana.lecture.pk}/watchers").json()
    assert [(row["number"], row["watched_share"]) for row in rows] == [("240101", 0.3), ("240199", 1.0)]


def test_a_list_costs_as_many_queries_with_ten_lectures_as_with_one(world: World) -> None:
    hana = world.hana
    clients = (client_of(hana.teacher), LECTURES), (client_of(hana.users[Role.STUDENT]), OWN)
    counts: list[list[int]] = [[], []]
    for _ in range(2):
        for found, (client, path) in zip(counts, clients, strict=True):
            client.get(path)
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            found.append(len(queries))
        with hana.acting():
            for position in range(9):
                make_lecture(hana.course, created_by=hana.teacher, position=position)
    assert counts[0][0] == counts[0][1] <= 10
    assert counts[1][0] == counts[1][1] <= 10
