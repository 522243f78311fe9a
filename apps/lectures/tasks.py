"""The kinds of jobs of this app: make a lecture ready to stream, then write it in several qualities. Safe twice."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import JobContext, current_job
from academy.jobs.errors import KindNotIncluded, PermanentFailure
from academy.jobs.quotas import DailyLimitReached
from academy.storage import s3
from academy.storage.services import MAX_VIDEO_BYTES
from apps.accounts.roles import Permission
from apps.lectures.models import Lecture, LectureRendition, RenditionName
from apps.lectures.queries import lecture_jobs_visible_to, rendition_jobs_visible_to

WRITE_SECONDS: Final = 1200.0
"""Of encoding: a core makes 720p of an hour of 1080p in some 20 minutes. What is only copied takes seconds."""


RENDITIONS_SECONDS: Final = 1500.0
"""Of decoding and encoding; what is left of the job's time is for fetching and keeping the files."""
MAX_LECTURE_BYTES: Final = 4 * 1024**3
"""What the sandbox of videos lets a job write."""


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
        old_keys = _queue_renditions(lecture.pk)
    for key in old_keys:
        s3.erase_objects(key)


def _queue_renditions(lecture_id: int) -> list[str]:
    """Where the plan has several qualities and today's are not used up; without them it is watched as it is.

    Those of what it was before are none of it any more: their keys are given back, to be erased.
    """
    old = LectureRendition.objects.filter(lecture_id=lecture_id)
    old_keys = list(old.values_list("key", flat=True))
    old.delete()
    job_id = None
    with suppress(KindNotIncluded, DailyLimitReached):
        job_id = int(write_renditions.enqueue(lecture_id).id)
    Lecture.objects.filter(pk=lecture_id).update(renditions_job_id=job_id)
    return old_keys


class _RenditionAnswer(TypedDict):
    """What ``workers.compute`` gives back for each quality; the film itself lies in ``file``."""

    name: str
    file: str
    width: int
    height: int
    codecs: str
    peak_bits: int
    average_bits: int
    head_bytes: int
    segments: list[list[float]]


@task(
    queue_name="video",
    time_limit_seconds=1800.0,
    subject="lecture",
    permission=Permission.MANAGE_LECTURES,
    visible_to=rendition_jobs_visible_to,
)
def write_renditions(lecture_id: int) -> None:
    """Write a lecture that is ready in the qualities that players choose from. What it is watched as stays."""
    job = current_job()
    with transaction.atomic():
        lecture = Lecture.objects.filter(pk=lecture_id).exclude(video_key="").first()
    if lecture is None:
        raise PermanentFailure("lecture_deleted", "The lecture was deleted before it was ready.")
    with job.input_file(lecture.video_key, max_bytes=MAX_LECTURE_BYTES) as path:
        found = job.compute(
            "workers.compute:write_lecture_renditions", path, RENDITIONS_SECONDS, on_progress=job.report_progress
        )
        rows = [_kept(job, lecture.pk, answer) for answer in cast("list[_RenditionAnswer]", found)]
    with job.finishing(lecture_id=lecture.pk, renditions=[row.name for row in rows]):
        # Made ready anew meanwhile, it has another job for these; of a deleted one nothing is kept.
        current = Lecture.objects.select_for_update().filter(pk=lecture.pk, video_key=lecture.video_key)
        is_kept = current.first() is not None
        if is_kept:
            LectureRendition.objects.filter(lecture=lecture).delete()
            LectureRendition.objects.bulk_create(rows)
    keys = {row.key for row in rows}
    place = s3.tenant_key(*_place(lecture.pk)) + "/"
    left = {key for key, _ in s3.versions_of(place)} - keys if is_kept else keys
    for key in sorted(left):  # of attempts that were killed, and of the qualities before
        s3.erase_objects(key)


def _place(lecture_id: int) -> tuple[str, ...]:
    return "lectures", str(lecture_id), "renditions"


def _kept(job: JobContext, lecture_id: int, answer: _RenditionAnswer) -> LectureRendition:
    """One file of the sandbox under its key, and the row that will name it."""
    name = RenditionName(answer["name"])
    key = s3.tenant_key(*_place(lecture_id), f"{job.job.pk}-{job.attempt}-{name}.mp4")
    byte_count = job.keep_output(answer["file"], key, content_type="video/mp4")
    facts = ("width", "height", "codecs", "peak_bits", "average_bits", "head_bytes", "segments")
    return LectureRendition(
        lecture_id=lecture_id,
        name=name,
        key=key,
        byte_count=byte_count,
        **{fact: answer[fact] for fact in facts},  # type: ignore[literal-required]  # its own keys
    )
