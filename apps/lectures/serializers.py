"""The shapes of lectures on the wire."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.lectures.models import Lecture, VideoPlaybackSession
from apps.lectures.playback import HEARTBEAT_SECONDS, Playback
from apps.lectures.queries import OwnLecture, Watcher
from apps.lectures.services import MAX_POSITION
from apps.lectures.watching import share_of

MAX_ID = 2**63 - 1
MAX_RANGES = 50
"""Of one heartbeat: somebody who jumps about does not do so more often in 15 seconds."""
MAX_SECONDS = 24 * 3600


class NewLectureSerializer(serializers.Serializer[None]):
    course = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    upload = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    title = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class LectureChangeSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120, required=False)
    position = serializers.IntegerField(min_value=1, max_value=MAX_POSITION, required=False)
    is_published = serializers.BooleanField(required=False)


class LectureFilterSerializer(serializers.Serializer[None]):
    course = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)


class LectureCourseSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class LectureSerializer(serializers.Serializer[Any]):
    """``is_cut_off`` and ``is_timed_out`` say why it may be shorter than what was sent.

    ``renditions_state``: of the job that writes it in several qualities, null where there is none.
    """

    id = serializers.IntegerField()
    course = LectureCourseSerializer()
    title = serializers.CharField()
    position = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)
    file_name = serializers.CharField()
    job = serializers.IntegerField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    progress = serializers.FloatField(allow_null=True)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    is_ready = serializers.BooleanField()
    renditions_state = serializers.CharField(allow_null=True)
    renditions_error = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    codec = serializers.CharField()
    has_sound = serializers.BooleanField()
    is_cut_off = serializers.BooleanField()
    is_timed_out = serializers.BooleanField()


class LectureDetailSerializer(LectureSerializer):
    """The links are good for five minutes."""

    media_url = serializers.CharField(allow_null=True)
    poster_url = serializers.CharField(allow_null=True)


def lecture_json(lecture: Lecture) -> dict[str, Any]:
    job, qualities = lecture.job, lecture.renditions_job
    columns = ("id", "title", "position", "created_at", "published_at", "seconds", "width", "height", "codec")
    flags = ("has_sound", "is_cut_off", "is_timed_out", "is_ready")
    return {
        **{name: getattr(lecture, name) for name in (*columns, *flags)},
        "course": {"id": lecture.course_id, "name": lecture.course.name},
        "file_name": lecture.upload.file_name,
        "job": lecture.job_id,
        "state": job.state if job else None,
        "progress": job.progress if job else None,
        "error_code": job.error_code if job else "",
        "error_message": text_of(job.error_code) if job else "",
        "renditions_state": qualities.state if qualities else None,
        "renditions_error": text_of(qualities.error_code) if qualities else "",
    }


def lecture_detail_json(lecture: Lecture) -> dict[str, Any]:
    return {
        **lecture_json(lecture),
        "media_url": s3.presign_get(lecture.video_key) if lecture.is_ready else None,
        "poster_url": s3.presign_get(lecture.poster_key) if lecture.poster_key else None,
    }


class WatchedSerializer(serializers.Serializer[Any]):
    """``watched_share``: of the lecture, from 0 to 1; ``ranges`` of its seconds that were watched."""

    student = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()
    watched_share = serializers.FloatField()
    watched_seconds = serializers.FloatField()
    ranges = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    watched_at = serializers.DateTimeField(allow_null=True)


def watcher_json(watcher: Watcher, seconds: float | None) -> dict[str, Any]:
    progress = watcher.progress
    watched = progress.watched_seconds if progress else 0.0
    return {
        "student": watcher.student.pk,
        "number": watcher.student.number,
        "name": watcher.student.name,
        "watched_share": share_of(watched, seconds),
        "watched_seconds": watched,
        "ranges": progress.ranges if progress else [],
        "watched_at": progress.watched_at if progress else None,
    }


class PlaybackPersonSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class PlaybackSessionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    lecture = serializers.IntegerField()
    user = PlaybackPersonSerializer()
    student = PlaybackPersonSerializer()
    created_at = serializers.DateTimeField()
    heard_at = serializers.DateTimeField()


# ---------------------------------------------------------------- one's own


class StoryboardSerializer(serializers.Serializer[Any]):
    """Picture n, row by row, shows the second ``n * every_seconds``; sizes in pixels."""

    url = serializers.CharField()
    every_seconds = serializers.FloatField()
    columns = serializers.IntegerField()
    count = serializers.IntegerField()
    tile_width = serializers.IntegerField()
    tile_height = serializers.IntegerField()


class OwnLectureSerializer(serializers.Serializer[Any]):
    """``position``: the second from which it goes on. The links are good for five minutes."""

    id = serializers.IntegerField()
    course = LectureCourseSerializer()
    title = serializers.CharField()
    seconds = serializers.FloatField()
    poster_url = serializers.CharField()
    watched_share = serializers.FloatField()
    position = serializers.FloatField()
    watched_at = serializers.DateTimeField(allow_null=True)


class OwnLectureDetailSerializer(OwnLectureSerializer):
    student = serializers.IntegerField()
    has_sound = serializers.BooleanField()
    max_speed = serializers.FloatField()
    storyboard = StoryboardSerializer(allow_null=True)


def own_lecture_json(own: OwnLecture) -> dict[str, Any]:
    lecture, progress = own.lecture, own.progress
    return {
        "id": lecture.pk,
        "course": {"id": lecture.course_id, "name": lecture.course.name},
        "title": lecture.title,
        "seconds": lecture.seconds or 0.0,
        "poster_url": s3.presign_get(lecture.poster_key),
        "watched_share": share_of(progress.watched_seconds if progress else 0.0, lecture.seconds),
        "position": progress.position if progress else 0.0,
        "watched_at": progress.watched_at if progress else None,
    }


def own_lecture_detail_json(own: OwnLecture, student_id: int) -> dict[str, Any]:
    lecture = own.lecture
    board = {"url": s3.presign_get(lecture.storyboard_key), **lecture.storyboard} if lecture.storyboard else None
    return {
        **own_lecture_json(own),
        "student": student_id,
        "has_sound": lecture.has_sound,
        "max_speed": settings.LECTURE_MAX_SPEED,
        "storyboard": board,
    }


class NewPlaybackSerializer(serializers.Serializer[None]):
    """``student``: whose watching it is, where a guardian has several children; else the chosen one's."""

    student = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None)


class HeartbeatSerializer(serializers.Serializer[None]):
    """``ranges``: seconds of the lecture that were watched since the last heartbeat that was taken, from and to."""

    token = serializers.CharField(max_length=100)
    position = serializers.FloatField(min_value=0, max_value=MAX_SECONDS)
    ranges = serializers.ListField(
        child=serializers.ListField(
            child=serializers.FloatField(min_value=0, max_value=MAX_SECONDS), min_length=2, max_length=2
        ),
        max_length=MAX_RANGES,
    )
    is_last = serializers.BooleanField(default=False)


class PlaybackSerializer(serializers.Serializer[Any]):
    """``media_url`` is good for two minutes; each heartbeat brings another. ``token`` is told once.

    ``playlist_url``: where a player of HLS begins, "" for a lecture of one quality. It leads to addresses of this API;
    ``rendition_urls``, by name, are what those of the files would lead to, good for two minutes as well.
    """

    id = serializers.IntegerField()
    token = serializers.CharField()
    media_url = serializers.CharField()
    playlist_url = serializers.CharField()
    rendition_urls = serializers.DictField(child=serializers.CharField())
    position = serializers.FloatField()
    expires_at = serializers.DateTimeField()
    heartbeat_seconds = serializers.IntegerField()
    max_speed = serializers.FloatField()


def playback_json(playback: Playback) -> dict[str, Any]:
    return {
        "id": playback.session.pk,
        "token": playback.token,
        "media_url": playback.media_url,
        "playlist_url": reverse("master-playlist", args=[playback.session.pk]) if playback.rendition_urls else "",
        "rendition_urls": dict(playback.rendition_urls),
        "position": playback.position,
        "expires_at": playback.session.expires_at,
        "heartbeat_seconds": HEARTBEAT_SECONDS,
        "max_speed": settings.LECTURE_MAX_SPEED,
    }


def session_json(session: VideoPlaybackSession) -> dict[str, Any]:
    return {
        "id": session.pk,
        "lecture": session.lecture_id,
        "user": {"id": session.user_id, "name": session.user.name},
        "student": {"id": session.student_id, "name": session.student.name},
        "created_at": session.created_at,
        "heard_at": session.heard_at,
    }
