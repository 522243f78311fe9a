"""Everything that people write to lectures. Watching them is in ``playback``."""

from __future__ import annotations

from typing import ClassVar

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.storage.services import VIDEO_TYPES, use_upload
from apps.accounts.models import User
from apps.courses.models import Course
from apps.courses.queries import courses_visible_to
from apps.courses.services import CourseArchived
from apps.lectures import tasks
from apps.lectures.models import Lecture, VideoPlaybackSession
from apps.lectures.queries import lectures_visible_to, running_sessions, running_sessions_visible_to

MAX_POSITION = 9_999


class LectureNotReady(DomainError):
    """What cannot be watched is not published, and what is being made ready is not begun again."""

    code: ClassVar[str] = "lecture_not_ready"


def add_lecture(*, course_id: int, title: str, upload_id: int, created_by: User) -> Lecture:
    """Take a video that this person sent as the last lecture of a course, and queue making it ready.

    Raises ``Missing``, ``CourseArchived``, ``UploadMissing``, ``UploadUsed``, ``Invalid`` for what is no video,
    ``KindNotIncluded`` when the plan has none, and ``DailyLimitReached``.
    """
    with transaction.atomic():
        # The course first: two who add at once get places one after the other.
        course: Course | None = (
            courses_visible_to(created_by).select_for_update(of=("self",)).filter(pk=course_id).first()
        )
        if course is None:
            raise Missing
        if course.is_archived:
            raise CourseArchived(attr="course")
        upload = use_upload(upload_id=upload_id, by=created_by)
        if upload.content_type not in VIDEO_TYPES:
            raise Invalid(gettext("This is not a video. Please upload an MP4, MOV or WebM file."), attr="upload")
        last = Lecture.objects.filter(course=course).aggregate(last=Max("position"))["last"] or 0
        lecture = Lecture(
            course=course,
            title=title or upload.file_name[:120],
            position=min(last + 1, MAX_POSITION),
            upload=upload,
            created_by=created_by,
        )
        lecture.save()
        lecture.job_id = int(tasks.prepare.enqueue(lecture.pk).id)
        lecture.save(update_fields=["job"])
    return lecture


def change_lecture(
    *,
    lecture_id: int,
    by: User,
    title: str | None = None,
    position: int | None = None,
    is_published: bool | None = None,
) -> Lecture:
    """Set what is given. Who watches a lecture that is published no more is ended at once.

    Raises ``Missing``, ``LectureNotReady`` for publishing what nobody could watch, and ``CourseArchived``.
    """
    with transaction.atomic():
        lecture = _locked(lecture_id, by)
        if title is not None:
            lecture.title = title
        if position is not None:
            lecture.position = position
        if is_published is True and lecture.published_at is None:
            if not lecture.is_ready:
                raise LectureNotReady(gettext("The lecture is not ready to be watched yet."), attr="is_published")
            if lecture.course.is_archived:
                raise CourseArchived
            lecture.published_at = timezone.now()
        elif is_published is False and lecture.published_at is not None:
            lecture.published_at = None
            running_sessions().filter(lecture=lecture).update(ended_at=timezone.now())
        lecture.save(update_fields=["title", "position", "published_at"])
    return lecture


def prepare_again(*, lecture_id: int, by: User) -> Lecture:
    """Queue making a lecture ready once more, as after a failure. Raises ``Missing``, ``LectureNotReady``."""
    with transaction.atomic():
        lecture = _locked(lecture_id, by)
        if is_unfinished(lecture.job):
            raise LectureNotReady(gettext("The lecture is being made ready already."))
        lecture.job_id = int(tasks.prepare.enqueue(lecture.pk).id)
        lecture.save(update_fields=["job"])
    return lecture


def end_playback(*, session_id: int, by: User) -> VideoPlaybackSession:
    """End somebody's watching; their next heartbeat is refused. Raises ``Missing``."""
    with transaction.atomic():
        session = running_sessions_visible_to(by).filter(pk=session_id).first()
        if session is None:
            raise Missing
        session.ended_at = timezone.now()
        VideoPlaybackSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=session.ended_at)
    return session


def _locked(lecture_id: int, by: User) -> Lecture:
    found = lectures_visible_to(by).select_related("course", "job", "upload", "created_by")
    lecture: Lecture | None = found.select_for_update(of=("self",)).filter(pk=lecture_id).first()
    if lecture is None:
        raise Missing
    return lecture
