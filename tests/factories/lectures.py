"""Lectures of the acting academy, and who watches them. None of it needs S3 or SQS."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.models import Session, User
from apps.courses.models import Course
from apps.lectures import tasks
from apps.lectures.models import Lecture, LectureProgress, LectureRendition, VideoPlaybackSession
from apps.lectures.playback import hash_of
from apps.lectures.watching import length_of
from apps.students.models import Student
from tests.factories.exams import make_upload

PLAYBACK_TOKEN: Final = "token-of-a-playback-session"
BOARD: Final = {"every_seconds": 5.0, "columns": 10, "count": 20, "tile_width": 160, "tile_height": 90}


def make_lecture(
    course: Course,
    *,
    created_by: User,
    title: str = "1강 이차함수의 뜻",
    position: int = 1,
    seconds: float = 100.0,
    is_ready: bool = True,
    is_published: bool = True,
) -> Lecture:
    """A lecture with the job that makes it ready, as if it had unless told otherwise."""
    upload = make_upload(created_by=created_by, file_name="lecture.mp4", content_type="video/mp4", is_used=True)
    lecture = Lecture(course=course, title=title, position=position, upload=upload, created_by=created_by)
    lecture.save()
    lecture.job_id = int(tasks.prepare.enqueue(lecture.pk).id)
    if is_ready:
        Job.objects.filter(pk=lecture.job_id).update(state=JobState.SUCCEEDED, progress=1.0, finished_at=Now())
        lecture.seconds, lecture.width, lecture.height, lecture.codec = seconds, 1280, 720, "h264"
        lecture.byte_count, lecture.storyboard = 12_000_000, dict(BOARD)
        for name, file in (("video_key", "video.mp4"), ("poster_key", "poster.jpg"), ("storyboard_key", "board.jpg")):
            setattr(lecture, name, s3.tenant_key("lectures", str(lecture.pk), f"1-{file}"))
        lecture.published_at = timezone.now() if is_published else None
    lecture.save()
    return lecture


def make_renditions(lecture: Lecture) -> list[LectureRendition]:
    """Of 100 seconds in segments of six, high and low."""
    rows = [
        LectureRendition(
            lecture=lecture,
            name=name,
            key=s3.tenant_key("lectures", str(lecture.pk), "renditions", f"1-1-{name}.mp4"),
            byte_count=1_000 + 17 * byte_count,
            width=width,
            height=height,
            codecs="avc1.64001f,mp4a.40.2",
            peak_bits=2 * byte_count,
            average_bits=byte_count,
            head_bytes=1_000,
            segments=[*([6.0, byte_count] for _ in range(16)), [4.0, byte_count]],
        )
        for name, width, height, byte_count in (("high", 1280, 720, 900_000), ("low", 640, 360, 200_000))
    ]
    LectureRendition.objects.bulk_create(rows)
    return rows


def make_progress(lecture: Lecture, student: Student, ranges: Sequence[Sequence[float]] = ((0, 30),)) -> None:
    LectureProgress(
        lecture=lecture,
        student=student,
        ranges=[list(one) for one in ranges],
        watched_seconds=length_of(ranges),
        position=ranges[-1][1],
        watched_at=timezone.now(),
    ).save()


def make_playback(
    lecture: Lecture,
    user: User,
    student: Student,
    *,
    browser: uuid.UUID | None = None,
    seconds_ago: int = 0,
    life_seconds: int = 24 * 3600,
) -> VideoPlaybackSession:
    """One that was opened so long ago in ``browser``, or the last one that they signed in with. Lives for a day."""
    signed_in = Session.objects.filter(user=user).order_by("-created_at").values_list("handle", flat=True).first()
    now = timezone.now()
    session = VideoPlaybackSession(
        lecture=lecture,
        user=user,
        student=student,
        token_hash=hash_of(PLAYBACK_TOKEN),
        browser=browser or signed_in or uuid.uuid4(),
        created_at=now - timedelta(seconds=seconds_ago),
        heard_at=now - timedelta(seconds=seconds_ago),
        expires_at=now + timedelta(seconds=life_seconds),
    )
    session.save()
    return session
