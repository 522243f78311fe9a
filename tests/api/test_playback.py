"""Watching a lecture: opened, kept alive, believed as far as time has passed, and ended by whoever may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services.access import end_access
from apps.courses.services import withdraw_students
from apps.lectures.models import LectureProgress, VideoPlaybackSession
from apps.lectures.playback import GRACE_SECONDS, MEDIA_URL_SECONDS
from apps.students.models import Guardianship
from tests.api.answers import error_of, post
from tests.factories import Cast, World, client_of, make_guardianship, make_lecture, make_playback, make_student
from tests.factories.lectures import PLAYBACK_TOKEN

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def hana(world: World) -> Cast:
    """Nobody is watching yet."""
    with world.hana.acting():
        VideoPlaybackSession.objects.all().delete()
        LectureProgress.objects.all().delete()
    return world.hana


@pytest.fixture
def student(hana: Cast) -> Client:
    return client_of(hana.users[Role.STUDENT])


def opened(client: Client, hana: Cast, **body: object) -> Any:
    return post(client, f"/api/v1/me/lectures/{hana.lecture.pk}/playback", body)


def beat(
    client: Client,
    session_id: int,
    *,
    token: str = PLAYBACK_TOKEN,
    position: float = 0.0,
    ranges: Sequence[Sequence[float]] = (),
    **more: object,
) -> Any:
    body = {"token": token, "position": position, "ranges": [list(one) for one in ranges], **more}
    return post(client, f"/api/v1/me/playback/{session_id}/heartbeat", body)


def begun(hana: Cast, seconds_ago: int, role: Role = Role.STUDENT) -> VideoPlaybackSession:
    with hana.acting():
        return make_playback(hana.lecture, hana.users[role], hana.student, seconds_ago=seconds_ago)


def progress(hana: Cast) -> LectureProgress:
    with hana.acting():
        return LectureProgress.objects.get(lecture=hana.lecture, student=hana.student)


def test_it_opens_with_a_link_that_is_good_for_two_minutes(hana: Cast, student: Client) -> None:
    answer = opened(student, hana)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["position"], body["max_speed"]) == (0.0, 2.0)
    assert parse_qs(urlsplit(body["media_url"]).query)["X-Amz-Expires"] == [str(MEDIA_URL_SECONDS)]
    assert urlsplit(body["media_url"]).path.endswith(hana.lecture.video_key)
    with hana.acting():
        kept = VideoPlaybackSession.objects.get(pk=body["id"])
        assert kept.token_hash != body["token"]
    beaten = beat(student, body["id"], token=body["token"], position=1.5, ranges=[[0, 1.5]])
    assert beaten.status_code == 200
    assert beaten.json()["media_url"]
    assert beaten.json()["token"] == "", "it is told once"


def test_what_was_watched_is_kept_once_and_gone_on_from(hana: Cast, student: Client) -> None:
    session = begun(hana, 40)
    assert beat(student, session.pk, position=52, ranges=[[0, 20], [10, 30], [40, 52]]).status_code == 200
    kept = progress(hana)
    assert (kept.ranges, kept.watched_seconds, kept.position) == ([[0, 30], [40, 52]], 42, 52)
    assert opened(student, hana).json()["position"] == 52
    assert student.get(f"/api/v1/me/lectures/{hana.lecture.pk}").json()["watched_share"] == 0.42


def test_more_than_the_time_allows_is_refused_and_counts_nothing(hana: Cast, student: Client) -> None:
    session = begun(hana, 10)
    answer = beat(student, session.pk, position=60, ranges=[[0, 2 * 10 + GRACE_SECONDS + 5]])
    assert error_of(answer, 400)["code"] == "watched_too_fast"
    with hana.acting():
        assert not LectureProgress.objects.exists()
        after = VideoPlaybackSession.objects.get(pk=session.pk)
        assert after.heard_at == session.heard_at, "the time is left for the next one"
    assert beat(student, session.pk, position=20, ranges=[[0, 20]]).status_code == 200


def test_many_heartbeats_do_not_add_up_their_grace(hana: Cast, student: Client) -> None:
    session = begun(hana, 1)
    statuses = [
        beat(student, session.pk, position=0, ranges=[[start, start + 1.9]]).status_code for start in range(0, 40, 2)
    ]
    assert statuses.count(200) <= 6
    assert progress(hana).watched_seconds < 14


@pytest.mark.parametrize("ranges", [[[5, 3]], [[0, 1, 2]], [[-1, 2]], [["a", 2]], [[0, 1e9]], [[0, 1]] * 51])
def test_ranges_that_are_none_are_refused(hana: Cast, student: Client, ranges: list[list[Any]]) -> None:
    session = begun(hana, 60)
    assert beat(student, session.pk, ranges=ranges).status_code == 400


def test_only_who_opened_it_with_the_token_keeps_it_alive(hana: Cast, student: Client, world: World) -> None:
    session = begun(hana, 10)
    missing = beat(student, 987654321).content
    for client, token in (
        (student, "another-token"),
        (client_of(hana.users[Role.GUARDIAN]), PLAYBACK_TOKEN),
        (client_of(world.duri.users[Role.STUDENT]), PLAYBACK_TOKEN),
    ):
        assert beat(client, session.pk, token=token).content == missing


def test_another_browser_of_the_same_person_cannot_go_on_with_it(hana: Cast, student: Client) -> None:
    session = begun(hana, 10)
    other = client_of(hana.users[Role.STUDENT])
    assert error_of(beat(other, session.pk), 403)["code"] == "playback_ended"
    assert beat(student, session.pk).status_code == 200


def test_as_many_as_the_limit_says_and_the_same_browser_again(hana: Cast, student: Client, settings: Any) -> None:
    settings.LECTURES_AT_ONCE = 2
    second, third = (client_of(hana.users[Role.STUDENT]) for _ in range(2))
    first = opened(student, hana).json()
    assert opened(student, hana).status_code == 201, "a page that was loaded again takes its own place"
    assert error_of(beat(student, first["id"], token=first["token"]), 403)["code"] == "playback_ended"
    held = opened(second, hana).json()
    assert error_of(opened(third, hana), 409)["code"] == "too_many_playbacks"
    assert beat(second, held["id"], token=held["token"], is_last=True).json()["media_url"] == ""
    assert opened(third, hana).status_code == 201


def test_it_ends_when_heartbeats_stop(hana: Cast, student: Client) -> None:
    with hana.acting():
        session = make_playback(hana.lecture, hana.users[Role.STUDENT], hana.student, life_seconds=-1)
    assert error_of(beat(student, session.pk), 403)["code"] == "playback_ended"
    rows = client_of(hana.teacher).get(f"/api/v1/lectures/{hana.lecture.pk}/sessions").json()
    assert rows == []


def test_staff_end_it_and_it_stays_ended(hana: Cast, student: Client) -> None:
    session = begun(hana, 10)
    staff = client_of(hana.teacher)
    (row,) = staff.get(f"/api/v1/lectures/{hana.lecture.pk}/sessions").json()
    assert (row["user"]["id"], row["student"]["id"]) == (hana.users[Role.STUDENT].pk, hana.student.pk)
    assert staff.delete(f"/api/v1/playback-sessions/{row['id']}").status_code == 200
    assert staff.delete(f"/api/v1/playback-sessions/{row['id']}").status_code == 404
    for _ in range(2):
        assert error_of(beat(student, session.pk), 403)["code"] == "playback_ended"


def _suspend(hana: Cast) -> None:
    User.objects.filter(pk=hana.users[Role.STUDENT].pk).update(is_active=False, suspended_at=timezone.now())


def _leave(hana: Cast) -> None:
    withdraw_students(course_id=hana.course.pk, student_ids=[hana.student.pk])


def _unpublish(hana: Cast) -> None:
    type(hana.lecture).objects.filter(pk=hana.lecture.pk).update(published_at=None)


def _sign_out(hana: Cast) -> None:
    end_access(User.objects.get(pk=hana.users[Role.STUDENT].pk))


@pytest.mark.parametrize(
    ("act", "status"),
    [(_suspend, 401), (_leave, 403), (_unpublish, 403), (_sign_out, 401)],
    ids=["suspended", "left the course", "unpublished", "signed out everywhere"],
)
def test_the_next_heartbeat_after_access_ended_is_refused(hana: Cast, student: Client, act: Any, status: int) -> None:
    session = begun(hana, 10)
    assert beat(student, session.pk).status_code == 200
    with hana.acting():
        act(hana)
    answer = beat(student, session.pk, ranges=[[0, 1]])
    assert answer.status_code == status
    assert b"media_url" not in answer.content
    assert progress(hana).watched_seconds == 0


def test_a_guardian_watches_for_the_child_named_and_no_longer_than_it_is_theirs(hana: Cast) -> None:
    guardian = hana.users[Role.GUARDIAN]
    with hana.acting():
        sibling = make_student("240177", name="동생")
        make_guardianship(guardian, sibling)
        stranger = make_student("240178")
    client = client_of(guardian)
    assert opened(client, hana, student=sibling.pk).status_code == 404, "not in the course"
    assert opened(client, hana, student=stranger.pk).status_code == 404
    body = opened(client, hana, student=hana.student.pk).json()
    assert beat(client, body["id"], token=body["token"], position=1, ranges=[[0, 1]]).status_code == 200
    assert progress(hana).watched_seconds == 1
    with hana.acting():
        Guardianship.objects.filter(user=guardian, student=hana.student).delete()
    assert error_of(beat(client, body["id"], token=body["token"]), 403)["code"] == "playback_ended"


def test_what_is_not_published_is_not_opened(hana: Cast, student: Client) -> None:
    with hana.acting():
        draft = make_lecture(hana.course, created_by=hana.teacher, is_published=False)
    assert post(student, f"/api/v1/me/lectures/{draft.pk}/playback", {}).status_code == 404
