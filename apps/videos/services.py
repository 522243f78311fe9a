"""Everything that people write to videos."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import Invalid
from academy.storage.services import VIDEO_TYPES, use_upload
from apps.accounts.models import User
from apps.videos import tasks
from apps.videos.models import Video


def submit_video(*, title: str, upload_id: int, created_by: User) -> Video:
    """Take a file that this person sent as a video, and queue the search for its pages.

    Raises ``Missing`` also for another person's file, ``UploadMissing``, ``UploadUsed``, ``Invalid`` for what is no
    video, ``KindNotIncluded`` when the plan has none, and ``DailyLimitReached``.
    """
    with transaction.atomic():
        upload = use_upload(upload_id=upload_id, by=created_by)
        if upload.content_type not in VIDEO_TYPES:
            raise Invalid(gettext("This is not a video. Please upload an MP4, MOV or WebM file."), attr="upload")
        video = Video(title=title or upload.file_name[:120], upload=upload, created_by=created_by)
        video.save()
        video.job_id = int(tasks.find_pages.enqueue(video.pk).id)
        video.save(update_fields=["job"])
    return video
