"""The kind of job of this app: make a lecture ready to stream. Safe twice."""

from __future__ import annotations

from typing import Any, Final, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from academy.storage.services import MAX_VIDEO_BYTES
from apps.accounts.roles import Permission
from apps.lectures.models import Lecture
from apps.lectures.queries import lecture_jobs_visible_to

WRITE_SECONDS: Final = 1200.0
"""Of encoding: a core makes 720p of an hour of 1080p in some 20 minutes. What is only copied takes seconds."""


class _LectureAnswer(TypedDict):
    """What ``workers.compute`` gives back for a lecture; the film itself lies in ``file``."""

    file: str
    seconds: float
    width: int
    height: int
    codec: str
    has_sound: bool
    is_copied: bool
    is_cut_off: bool
    is_timed_out: bool
    poster_jpeg: bytes
    storyboard_jpeg: bytes
    storyboard: dict[str, Any]


@task(
    queue_name="video",
    time_limit_seconds=1800.0,
    subject="lecture",
    permission=Permission.MANAGE_LECTURES,
    visible_to=lecture_jobs_visible_to,
)
def prepare(lecture_id: int) -> None:
    """Write a lecture as browsers stream it, with its poster and its storyboard."""
    job = current_job()
    with transaction.atomic():
        lecture = Lecture.objects.select_related("upload").filter(pk=lecture_id).first()
    if lecture is None:
        raise PermanentFailure("lecture_deleted", "The lecture was deleted before it was ready.")
    with job.input_file(lecture.upload.key, max_bytes=MAX_VIDEO_BYTES) as path:
        found = job.compute("workers.compute:prepare_lecture", path, WRITE_SECONDS, on_progress=job.report_progress)
        answer = cast(_LectureAnswer, found)
        keys = {
            name: s3.tenant_key("lectures", str(lecture.pk), f"{job.attempt}-{name}")
            for name in ("video.mp4", "poster.jpg", "storyboard.jpg")
        }
        byte_count = job.keep_output(answer["file"], keys["video.mp4"], content_type="video/mp4")
    s3.write_object(keys["poster.jpg"], answer["poster_jpeg"], content_type="image/jpeg")
    s3.write_object(keys["storyboard.jpg"], answer["storyboard_jpeg"], content_type="image/jpeg")
    job.step()
    facts = ("seconds", "width", "height", "codec", "has_sound", "is_cut_off", "is_timed_out", "storyboard")
    with job.finishing(lecture_id=lecture.pk):
        changes = {name: answer[name] for name in facts}  # type: ignore[literal-required]  # its own keys
        Lecture.objects.filter(pk=lecture.pk).update(
            byte_count=byte_count,
            video_key=keys["video.mp4"],
            poster_key=keys["poster.jpg"],
            storyboard_key=keys["storyboard.jpg"],
            **changes,
        )
