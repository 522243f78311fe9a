"""Videos that were handed in, and the pages found in them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey


class Video(TenantModel):
    """A film of pages: a notebook leafed through, a lecture's slides.

    Whether its pages are being looked for, were found, or why not, is its ``job``'s to say; the columns from
    ``seconds`` on are set once they were found. ``width`` and ``height`` are pixels as stored, before any rotation.
    """

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    seconds = models.FloatField(null=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    codec = models.CharField(max_length=20, blank=True, default="")
    page_count = models.PositiveSmallIntegerField(null=True)
    is_truncated = models.BooleanField(default=False)  # it has more pages than are kept
    is_timed_out = models.BooleanField(default=False)  # time ran out before its end
    is_cut_off = models.BooleanField(default=False)  # its end is missing, or a part in the middle
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="video_upload_once")]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "created_at"], name="video_by_time"),
            models.Index(fields=["tenant", "created_by", "created_at"], name="video_by_person"),
        ]

    def __str__(self) -> str:
        return self.title


class VideoPage(TenantModel):
    """One page of a video, by its best picture, taken ``at_seconds``.

    ``stays``: from and to when it was shown, in seconds. ``is_straightened``: the picture shows the sheet alone.
    """

    id = models.BigAutoField(primary_key=True)
    video = TenantForeignKey(Video, on_delete=models.CASCADE, related_name="pages")
    position = models.PositiveSmallIntegerField()  # from 1
    at_seconds = models.FloatField()
    stays = models.JSONField()  # [[from, to], ...]
    picture_key = models.CharField(max_length=255)
    thumbnail_key = models.CharField(max_length=255)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    is_straightened = models.BooleanField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "video", "position"], name="video_page_once")
        ]

    def __str__(self) -> str:
        return f"page {self.position} of video {self.video_id}"
