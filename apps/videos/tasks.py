"""The kinds of job of this app. Claim, fetch into the sandbox's folder, compute, record; safe twice."""

from __future__ import annotations

from typing import Final, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from academy.storage.services import MAX_VIDEO_BYTES
from apps.accounts.roles import Permission
from apps.videos.models import Video, VideoPage

MAX_PAGES: Final = 15
FIND_SECONDS: Final = 600.0
"""Of looking: an hour of a phone's 1080p takes two minutes. Then what was found by then is what there is."""


class _PageAnswer(TypedDict):
    at: float
    stays: list[list[float]]
    jpeg: bytes
    thumbnail_jpeg: bytes
    width: int
    height: int
    is_straightened: bool


class _FilmAnswer(TypedDict):
    """What ``workers.compute`` gives back for a film."""

    pages: list[_PageAnswer]
    seconds: float
    width: int
    height: int
    codec: str
    is_truncated: bool
    is_timed_out: bool
    is_cut_off: bool


@task(queue_name="video", time_limit_seconds=1200.0, subject="video", permission=Permission.SUBMIT_VIDEOS)
def find_pages(video_id: int) -> None:
    """Find the pages of a video and keep one picture and one thumbnail of each."""
    job = current_job()
    with transaction.atomic():
        video = Video.objects.select_related("upload").filter(pk=video_id).first()
    if video is None:
        raise PermanentFailure("video_deleted", "The video was deleted before its pages were found.")
    with job.input_file(video.upload.key, max_bytes=MAX_VIDEO_BYTES) as path:
        found = job.compute(
            "workers.compute:find_pages", path, MAX_PAGES, FIND_SECONDS, on_progress=job.report_progress
        )
    answer = cast(_FilmAnswer, found)
    pages = []
    for position, page in enumerate(answer["pages"][:MAX_PAGES], start=1):
        keys = [s3.tenant_key("video-pages", str(video.pk), f"{job.attempt}-{position}{end}.jpg") for end in ("", "s")]
        for key, jpeg in zip(keys, (page["jpeg"], page["thumbnail_jpeg"]), strict=True):
            s3.write_object(key, jpeg, content_type="image/jpeg")
        job.step()
        pages.append(
            VideoPage(
                video_id=video.pk,
                position=position,
                at_seconds=page["at"],
                stays=page["stays"],
                picture_key=keys[0],
                thumbnail_key=keys[1],
                width=page["width"],
                height=page["height"],
                is_straightened=page["is_straightened"],
            )
        )
    facts = ("seconds", "width", "height", "codec", "is_truncated", "is_timed_out", "is_cut_off")
    with job.finishing(video_id=video.pk, page_count=len(pages)):
        VideoPage.objects.filter(video_id=video.pk).delete()
        VideoPage.objects.bulk_create(pages)
        changes = {name: answer[name] for name in facts}  # type: ignore[literal-required]  # its own keys
        Video.objects.filter(pk=video.pk).update(page_count=len(pages), **changes)
