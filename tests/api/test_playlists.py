"""A lecture in several qualities: playlists and links for who is watching it now, and for nobody else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.lectures.models import LectureRendition, VideoPlaybackSession
from apps.lectures.playback import MEDIA_URL_SECONDS
from tests.api.answers import error_of
from tests.api.test_playback import _leave, _sign_out, _suspend, _unpublish, beat, begun, opened
from tests.factories import Cast, World, client_of, make_playback, make_student, make_user

pytestmark = pytest.mark.usefixtures("aws")
NAMES = ("lecture.m3u8", "high.m3u8", "low.m3u8", "high.mp4", "low.mp4")


@pytest.fixture
def hana(world: World) -> Cast:
    """Nobody is watching yet."""
    with world.hana.acting():
        VideoPlaybackSession.objects.all().delete()
    return world.hana


@pytest.fixture
def student(hana: Cast) -> Client:
    return client_of(hana.users[Role.STUDENT])


def place(session_id: int, name: str) -> str:
    return f"/api/v1/me/playback/{session_id}/{name}"


def test_who_opened_it_is_led_from_the_playlist_to_a_link_of_two_minutes(hana: Cast, student: Client) -> None:
    body = opened(student, hana).json()
    assert body["playlist_url"] == place(body["id"], "lecture.m3u8")
    assert list(body["rendition_urls"]) == ["high", "low"]
    master = student.get(body["playlist_url"])
    assert master["Content-Type"] == "application/vnd.apple.mpegurl"
    assert master["Cache-Control"] == "no-store"
    assert re.findall(r"^[^#].*$", master.content.decode(), re.M) == ["high.m3u8", "low.m3u8"]
    assert (
        '#EXT-X-STREAM-INF:BANDWIDTH=1800000,AVERAGE-BANDWIDTH=900000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2"'
        in master.content.decode()
    )
    led = student.get(place(body["id"], "low.mp4"))
    link = urlsplit(led["Location"])
    assert (led.status_code, led["Cache-Control"]) == (302, "no-store")
    assert link.path.endswith(f"/lectures/{hana.lecture.pk}/renditions/1-1-low.mp4")
    assert parse_qs(link.query)["X-Amz-Expires"] == [str(MEDIA_URL_SECONDS)]
    beaten = beat(student, body["id"], token=body["token"]).json()
    assert urlsplit(beaten["rendition_urls"]["low"]).path == link.path


def test_a_media_playlist_names_each_range_of_the_one_file(hana: Cast, student: Client) -> None:
    text = student.get(place(begun(hana, 5).pk, "high.m3u8")).content.decode()
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert "#EXT-X-TARGETDURATION:6" in lines
    assert '#EXT-X-MAP:URI="high.mp4",BYTERANGE="1000@0"' in lines
    ranges = [tuple(map(int, found)) for found in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text)]
    assert ranges == [(900_000, 1_000 + 900_000 * number) for number in range(17)]
    assert sum(float(found) for found in re.findall(r"#EXTINF:([\d.]+),", text)) == 100
    assert "http" not in text, "nothing in it is a link"


def test_a_lecture_of_one_quality_has_none(hana: Cast, student: Client) -> None:
    with hana.acting():
        LectureRendition.objects.all().delete()
    body = opened(student, hana).json()
    assert (body["playlist_url"], body["rendition_urls"]) == ("", {})
    assert body["media_url"]
    for name in NAMES:
        assert student.get(place(body["id"], name)).status_code == 404


def test_another_person_another_academy_and_a_quality_that_is_none_find_nothing(
    hana: Cast, student: Client, world: World
) -> None:
    session = begun(hana, 5)
    missing = student.get(place(987654321, "high.mp4")).content
    with hana.acting():
        outside = make_user(Role.STUDENT, phone="010-9090-9090", name="다른 반")
        make_student("240199", user=outside)
    others = (outside, hana.users[Role.GUARDIAN], world.duri.users[Role.STUDENT])
    for other in others:
        for name in NAMES:
            assert client_of(other).get(place(session.pk, name)).content == missing
    for name in ("medium.mp4", "medium.m3u8"):
        assert student.get(place(session.pk, name)).status_code == 404
    for name in NAMES:
        assert Client(headers={"host": "hana.academy.test"}).get(place(session.pk, name)).status_code == 401
        assert client_of(hana.teacher).get(place(session.pk, name)).status_code == 403


def test_another_browser_of_the_same_person_is_given_none(hana: Cast, student: Client) -> None:
    session = begun(hana, 5)
    other = client_of(hana.users[Role.STUDENT])
    for name in NAMES:
        assert error_of(other.get(place(session.pk, name)), 403)["code"] == "playback_ended"
        assert student.get(place(session.pk, name)).status_code in {200, 302}


@pytest.mark.parametrize(
    ("act", "status"),
    [(_suspend, 401), (_leave, 403), (_unpublish, 403), (_sign_out, 401)],
    ids=["suspended", "left the course", "unpublished", "signed out everywhere"],
)
def test_the_next_playlist_and_the_next_link_after_access_ended_are_refused(
    hana: Cast, student: Client, act: Any, status: int
) -> None:
    session = begun(hana, 10)
    assert student.get(place(session.pk, "high.mp4")).status_code == 302
    with hana.acting():
        act(hana)
    for name in NAMES:
        answer = student.get(place(session.pk, name))
        assert answer.status_code == status
        assert b"X-Amz" not in answer.content
        assert "Location" not in answer


def test_what_staff_have_ended_and_what_nobody_has_heard_of_is_over(hana: Cast, student: Client) -> None:
    ended = begun(hana, 10)
    assert client_of(hana.teacher).delete(f"/api/v1/playback-sessions/{ended.pk}").status_code == 200
    with hana.acting():
        silent = make_playback(hana.lecture, hana.users[Role.STUDENT], hana.student, life_seconds=-1)
    for session in (ended, silent):
        for name in NAMES:
            assert error_of(student.get(place(session.pk, name)), 403)["code"] == "playback_ended"
