"""Videos of the acting academy. None of it needs S3 or SQS."""

from __future__ import annotations

from django.db.models.functions import Now

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload
from apps.accounts.models import User
from apps.videos import tasks
from apps.videos.models import Video, VideoPage
from tests.factories.exams import make_upload

VIDEO_TYPE = "video/mp4"


def make_video(
    created_by: User, *, title: str = "숙제 공책", upload: Upload | None = None, page_count: int = 0
) -> Video:
    """A handed-in video with the job that finds its pages, and ``page_count`` pages as if it had."""
    sent = upload or make_upload(created_by=created_by, file_name="film.mp4", content_type=VIDEO_TYPE, is_used=True)
    video = Video(title=title, upload=sent, created_by=created_by)
    video.save()
    video.job_id = int(tasks.find_pages.enqueue(video.pk).id)
    video.save(update_fields=["job"])
    if page_count:
        Job.objects.filter(pk=video.job_id).update(state=JobState.SUCCEEDED, progress=1.0, finished_at=Now())
    for position in range(1, page_count + 1):
        VideoPage(
            video=video,
            position=position,
            at_seconds=2.5 * position,
            stays=[[2.0 * position, 3.0 * position]],
            picture_key=s3.tenant_key("video-pages", str(video.pk), f"1-{position}.jpg"),
            thumbnail_key=s3.tenant_key("video-pages", str(video.pk), f"1-{position}s.jpg"),
            width=800,
            height=1130,
            is_straightened=True,
        ).save()
    return video
