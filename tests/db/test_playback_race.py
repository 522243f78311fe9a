"""However many browsers of one person open a lecture at the same moment, no more than the limit get in."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings

from apps.accounts.roles import Role
from apps.lectures.models import LectureProgress, VideoPlaybackSession
from apps.lectures.playback import TooManyAtOnce, hear, open_playback
from apps.lectures.queries import running_sessions
from tests.db.kernel import in_threads
from tests.factories import World, make_playback
from tests.factories.lectures import PLAYBACK_TOKEN

pytestmark = pytest.mark.usefixtures("aws")


def test_of_ten_at_once_two_get_in(committed_world: World) -> None:
    hana = committed_world.hana
    person = hana.users[Role.STUDENT]
    with hana.acting():
        VideoPlaybackSession.objects.all().delete()

    def open_one(_: int) -> bool:
        try:
            with hana.acting():
                open_playback(lecture_id=hana.lecture.pk, student=hana.student, by=person, browser=uuid.uuid4())
        except TooManyAtOnce:
            return False
        return True

    assert in_threads(10, open_one).count(True) == settings.LECTURES_AT_ONCE
    with hana.acting():
        assert running_sessions().filter(user=person).count() == settings.LECTURES_AT_ONCE


def test_one_heartbeat_sent_eight_times_at_once_is_believed_once(committed_world: World) -> None:
    hana = committed_world.hana
    person, browser = hana.users[Role.STUDENT], uuid.uuid4()
    with hana.acting():
        LectureProgress.objects.all().delete()
        session = make_playback(hana.lecture, person, hana.student, browser=browser, seconds_ago=10)

    def send(number: int) -> bool:
        try:
            with hana.acting():
                hear(
                    session_id=session.pk,
                    token=PLAYBACK_TOKEN,
                    by=person,
                    browser=browser,
                    position=10.0,
                    ranges=[[10.0 * number, 10.0 * number + 10.0]],
                )
        except Exception:  # noqa: BLE001  whichever it was: what was believed is what counts
            return False
        return True

    believed = in_threads(8, send).count(True)
    assert 1 <= believed <= 3
    with hana.acting():
        assert LectureProgress.objects.get(lecture=hana.lecture).watched_seconds == 10.0 * believed
