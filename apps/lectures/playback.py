"""Watching a lecture: opened, kept alive by heartbeats, ended.

What a heartbeat says was watched is believed as far as time has passed: a second of waiting is worth as many seconds
of the lecture as the speed limit says, and never twice.
"""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import ClassVar, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing, Refused
from academy.storage import s3
from apps.accounts.models import User
from apps.lectures.models import Lecture, LectureProgress, LectureRendition, VideoPlaybackSession
from apps.lectures.queries import lectures_of_student, may_act_for, renditions_in_order, running_sessions
from apps.lectures.watching import length_of, merged
from apps.students.models import Student

HEARTBEAT_SECONDS: Final = 15
LIFE_SECONDS: Final = 90
"""Without a heartbeat: a phone in a lift comes back, a closed tab frees its place soon."""
MEDIA_URL_SECONDS: Final = 2 * 60
GRACE_SECONDS: Final = 2.0
"""Of the lecture: clocks of browsers and heartbeats on the way differ by so much."""


class TooManyAtOnce(DomainError):
    """As many lectures as one person may watch at once are running."""

    code: ClassVar[str] = "too_many_playbacks"


class PlaybackEnded(Refused):
    """It was ended, or may not go on: unpublished, left the course, watched elsewhere, or not heard of for long."""

    code: ClassVar[str] = "playback_ended"

    def __init__(self) -> None:
        super().__init__(gettext("Watching has ended here. Open the lecture again to go on."))


class WatchedTooFast(Invalid):
    """More of the lecture than can have been watched in the time."""

    code: ClassVar[str] = "watched_too_fast"


@dataclass(frozen=True, slots=True)
class Playback:
    """What a browser needs to go on. ``token`` is told once, when it is opened."""

    session: VideoPlaybackSession
    media_url: str
    position: float
    token: str = ""
    rendition_urls: Mapping[str, str] = field(default_factory=dict)
    """By name, the highest first; of what is written in one file alone there are none."""


def open_playback(*, lecture_id: int, student: Student, by: User, browser: uuid.UUID) -> Playback:
    """Begin to watch. What this browser watched of the same lecture before has ended.

    Raises ``Missing`` for what the student may not watch, and ``TooManyAtOnce``.
    """
    with transaction.atomic():
        # Who opens two at once waits here: counting and adding are one.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        lecture = lectures_of_student(student).filter(pk=lecture_id).first()
        if lecture is None:
            raise Missing
        now, theirs = timezone.now(), running_sessions().filter(user=by)
        theirs.filter(lecture=lecture, browser=browser).update(ended_at=now)
        at_most = settings.LECTURES_AT_ONCE
        if theirs.count() >= at_most:
            raise TooManyAtOnce(
                gettext(
                    "You are watching {count} already, as many as can be watched at once. "
                    "Please close one, or wait a minute and a half."
                ).format(count=at_most)
            )
        token = secrets.token_urlsafe(32)
        session = VideoPlaybackSession(
            lecture=lecture,
            user=by,
            student=student,
            token_hash=hash_of(token),
            browser=browser,
            heard_at=now,
            expires_at=now + timedelta(seconds=LIFE_SECONDS),
        )
        session.save()
        progress = LectureProgress.objects.filter(lecture=lecture, student=student).first()
    position = progress.position if progress is not None else 0.0
    return Playback(session, _media_url(lecture), position, token, _rendition_urls(lecture))


def hear(
    *,
    session_id: int,
    token: str,
    by: User,
    browser: uuid.UUID,
    position: float,
    ranges: Sequence[Sequence[float]],
    is_last: bool = False,
) -> Playback:
    """Take a heartbeat: where they are, and what was watched since the last one that was taken.

    Raises ``Missing`` for another's, ``PlaybackEnded``, and ``WatchedTooFast``, which counts nothing and leaves the
    time since the last heartbeat to the next one.
    """
    with transaction.atomic():
        session = VideoPlaybackSession.objects.select_for_update().filter(pk=session_id, user=by).first()
        if session is None or not compare_digest(session.token_hash, hash_of(token)):
            raise Missing
        now = timezone.now()
        lecture = _watched_in(session, by, browser, now)
        session.credited_seconds += _checked_seconds(session, ranges, now)
        _keep_progress(lecture, session.student_id, position, ranges, now)
        session.heard_at, session.expires_at = now, now + timedelta(seconds=LIFE_SECONDS)
        session.ended_at = now if is_last else None
        session.save(update_fields=["heard_at", "expires_at", "ended_at", "credited_seconds"])
    if is_last:
        return Playback(session, "", position)
    return Playback(session, _media_url(lecture), position, rendition_urls=_rendition_urls(lecture))


def renditions_of(*, session_id: int, by: User, browser: uuid.UUID) -> list[LectureRendition]:
    """What may be played now in a session, the highest first; asked anew by every playlist and every link.

    Raises ``Missing`` for another's, ``PlaybackEnded``, and ``Missing`` where there are none.
    """
    session = VideoPlaybackSession.objects.filter(pk=session_id, user=by).first()
    if session is None:
        raise Missing
    found = renditions_in_order(_watched_in(session, by, browser, timezone.now()))
    if not found:
        raise Missing
    return found


def rendition_of(*, session_id: int, name: str, by: User, browser: uuid.UUID) -> LectureRendition:
    """One of them. Raises as ``renditions_of`` does, and ``Missing`` for one that there is not."""
    for rendition in renditions_of(session_id=session_id, by=by, browser=browser):
        if rendition.name == name:
            return rendition
    raise Missing


def rendition_url(rendition: LectureRendition) -> str:
    """A link to its file, good for two minutes."""
    return s3.presign_get(rendition.key, seconds=MEDIA_URL_SECONDS)


def _watched_in(session: VideoPlaybackSession, by: User, browser: uuid.UUID, now: datetime) -> Lecture:
    """What is being watched, if it may go on now. Raises ``PlaybackEnded``."""
    lecture: Lecture | None = lectures_of_student(session.student).filter(pk=session.lecture_id).first()
    is_over = session.ended_at is not None or session.expires_at <= now or session.browser != browser
    if is_over or lecture is None or not may_act_for(by, session.student):
        raise PlaybackEnded
    return lecture


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _checked_seconds(session: VideoPlaybackSession, ranges: Sequence[Sequence[float]], now: datetime) -> float:
    """How long the ranges are, if they fit into the time since the last heartbeat, and all into that of the session.

    Many heartbeats in a row would add up their grace otherwise.
    """
    if any(not (math.isfinite(start) and math.isfinite(end) and 0 <= start <= end) for start, end in ranges):
        raise Invalid(gettext("A range goes from an earlier second to a later one."), attr="ranges")
    seconds, total = length_of(ranges), session.credited_seconds
    for watched, since in ((seconds, session.heard_at), (total + seconds, session.created_at)):
        if watched > (now - since).total_seconds() * settings.LECTURE_MAX_SPEED + GRACE_SECONDS:
            raise WatchedTooFast(gettext("More was watched than fits into the time."), attr="ranges")
    return seconds


def _keep_progress(
    lecture: Lecture, student_id: int, position: float, ranges: Sequence[Sequence[float]], now: datetime
) -> None:
    seconds = lecture.seconds or 0.0
    # Two of a student's browsers write one row: first it is there, then each has it alone.
    LectureProgress.objects.get_or_create(
        lecture=lecture, student_id=student_id, defaults={"watched_at": now, "ranges": []}
    )
    progress = LectureProgress.objects.select_for_update().get(lecture=lecture, student_id=student_id)
    progress.ranges = merged(progress.ranges, ranges, seconds=seconds)
    progress.watched_seconds = length_of(progress.ranges)
    progress.position = round(min(max(position, 0.0), seconds), 2)
    progress.watched_at = now
    progress.save(update_fields=["ranges", "watched_seconds", "position", "watched_at"])


def _media_url(lecture: Lecture) -> str:
    return s3.presign_get(lecture.video_key, seconds=MEDIA_URL_SECONDS)


def _rendition_urls(lecture: Lecture) -> dict[str, str]:
    return {rendition.name: rendition_url(rendition) for rendition in renditions_in_order(lecture)}
