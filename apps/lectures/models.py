"""Lectures of a course, who is watching them, and how much of them somebody has watched."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.courses.models import Course
from apps.students.models import Student


class RenditionName(models.TextChoices):
    HIGH = "high", "High"
    LOW = "low", "Low"


class Lecture(TenantModel):
    """A film of a lesson, watched by who is in the course once it is ready and published.

    Whether it is being made ready, is ready, or why not, is its ``job``'s to say; the columns from ``seconds`` on are
    set once it is. ``renditions_job`` then writes it in several qualities, where the plan has that. ``width``,
    ``height`` and ``codec`` are of what was sent.
    """

    id = models.BigAutoField(primary_key=True)
    course = TenantForeignKey(Course, on_delete=models.PROTECT, related_name="lectures")
    title = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField()  # in the course, from 1; two may share one
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    seconds = models.FloatField(null=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    codec = models.CharField(max_length=20, blank=True, default="")
    byte_count = models.PositiveBigIntegerField(null=True)
    has_sound = models.BooleanField(default=True)
    is_cut_off = models.BooleanField(default=False)  # its end is missing, or a part in the middle
    is_timed_out = models.BooleanField(default=False)  # it is too long to be made ready whole
    video_key = models.CharField(max_length=255, blank=True, default="")
    poster_key = models.CharField(max_length=255, blank=True, default="")
    storyboard_key = models.CharField(max_length=255, blank=True, default="")
    renditions_job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    storyboard = models.JSONField(null=True)  # where each small picture lies: workers.compute.StoryboardJson

    trail_values = ("course_id", "position", "published_at")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="lecture_upload_once")]
        indexes: ClassVar = [models.Index(fields=["tenant", "course", "position", "id"], name="lecture_by_course")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_ready(self) -> bool:
        """Whether there is something to be watched."""
        return bool(self.video_key)


class LectureRendition(TenantModel):
    """A lecture in one quality, as players that choose by the line take it: one file, a range of bytes a segment.

    ``segments``: seconds and bytes of each, one after the other from ``head_bytes`` on. Bits are per second.
    """

    id = models.BigAutoField(primary_key=True)
    lecture = TenantForeignKey(Lecture, on_delete=models.CASCADE, related_name="renditions")
    name = models.CharField(max_length=8, choices=RenditionName)
    key = models.CharField(max_length=255)
    byte_count = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    codecs = models.CharField(max_length=40)
    peak_bits = models.PositiveBigIntegerField()
    average_bits = models.PositiveBigIntegerField()
    head_bytes = models.PositiveIntegerField()
    segments = models.JSONField()

    untrailed = "written by the job that makes the lecture ready; whoever had it made has an entry"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "lecture", "name"], name="lecture_rendition_once")
        ]

    def __str__(self) -> str:
        return f"lecture {self.lecture_id}, {self.name}"


class VideoPlaybackSession(TenantModel):
    """That a person is watching a lecture in one browser, for a student: themselves, or the child they act for.

    Good for who holds its token, of which only the hash is kept, until ``expires_at``; each heartbeat moves that on.
    ``browser`` is the handle of the sign-in that opened it: none outlives its sign-in. One that has ended stays ended.
    """

    id = models.BigAutoField(primary_key=True)
    lecture = TenantForeignKey(Lecture, on_delete=models.CASCADE, related_name="playback_sessions")
    user = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64)
    browser = models.UUIDField()
    heard_at = models.DateTimeField()  # the last heartbeat, or the beginning
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    credited_seconds = models.FloatField(default=0.0)  # of the lecture, as reported; what is seen twice counts twice

    untrailed = "moves on with every heartbeat; who opened one and who ended it has an entry of the request"

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "user", "expires_at"], name="playback_of_person"),
            models.Index(fields=["tenant", "lecture", "expires_at"], name="playback_of_lecture"),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} watching lecture {self.lecture_id}"


class LectureProgress(TenantModel):
    """How much of a lecture a student has watched: ``ranges`` of its seconds that do not touch each other, in order.

    ``position``: the second from which they go on. ``watched_seconds``: of the lecture, each second once.
    """

    id = models.BigAutoField(primary_key=True)
    lecture = TenantForeignKey(Lecture, on_delete=models.CASCADE, related_name="progress")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    ranges = models.JSONField(default=list)  # [[from, to], ...]
    watched_seconds = models.FloatField(default=0.0)
    position = models.FloatField(default=0.0)
    watched_at = models.DateTimeField()

    untrailed = "written by every heartbeat of the student's own watching"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "lecture", "student"], name="lecture_progress_once")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "student"], name="lecture_progress_of_student")]

    def __str__(self) -> str:
        return f"student {self.student_id} in lecture {self.lecture_id}"
