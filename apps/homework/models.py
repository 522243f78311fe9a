"""Worksheets, assignments, and the pages that were handed in for them."""

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


class Worksheet(TenantModel):
    """A blank worksheet as a teacher sent it. ``page_count`` is unknown until ``job`` has registered its pages."""

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    page_count = models.PositiveSmallIntegerField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="worksheet_upload_once")]

    def __str__(self) -> str:
        return self.title


class WorksheetPage(TenantModel):
    """One page as registered: its picture in S3, and where its problems are.

    ``proposed`` is the machine's; ``regions`` a person's, NULL while nobody has changed anything, and kept when the
    page is registered again.
    """

    id = models.BigAutoField(primary_key=True)
    worksheet = TenantForeignKey(Worksheet, on_delete=models.CASCADE, related_name="pages")
    page_index = models.PositiveSmallIntegerField()
    picture_key = models.CharField(max_length=255)
    paper_width_mm = models.FloatField()
    paper_height_mm = models.FloatField()
    proposed = models.JSONField()  # of sheets.homework.RegionJson
    regions = models.JSONField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "worksheet", "page_index"], name="worksheet_page_once")
        ]

    def __str__(self) -> str:
        return f"page {self.page_index + 1} of worksheet {self.worksheet_id}"

    @property
    def current_regions(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.proposed if self.regions is None else self.regions
        return found


class Assignment(TenantModel):
    """Homework that some students have to hand in. Without a worksheet there is nothing to compare it with."""

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    worksheet = TenantForeignKey(Worksheet, on_delete=models.PROTECT, null=True, related_name="assignments")
    # NULL: of no course, and seen by who made it.
    course = TenantForeignKey(Course, on_delete=models.PROTECT, null=True, related_name="homework")
    due_at = models.DateTimeField()
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("due_at", "course_id")

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="assignment_by_time")]

    def __str__(self) -> str:
        return self.title


class Assignee(TenantModel):
    """That a student has to do an assignment."""

    id = models.BigAutoField(primary_key=True)
    assignment = TenantForeignKey(Assignment, on_delete=models.CASCADE, related_name="assignees")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "assignment", "student"], name="assignee_once")
        ]

    def __str__(self) -> str:
        return f"student {self.student_id} for assignment {self.assignment_id}"


class Submission(TenantModel):
    """What one student handed in at once for an assignment; whether it is read, its ``job`` says.

    The counts are of problems, NULL while nothing was read: 0 attempted is a finding, not read is none. The latest
    submission of a student is the one that counts.
    """

    id = models.BigAutoField(primary_key=True)
    assignment = TenantForeignKey(Assignment, on_delete=models.PROTECT, related_name="submissions")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    page_count = models.PositiveSmallIntegerField(null=True)
    unmatched_count = models.PositiveSmallIntegerField(null=True)  # pages that are none of the worksheet's
    problem_count = models.PositiveSmallIntegerField(null=True)
    attempted_count = models.PositiveSmallIntegerField(null=True)
    blank_count = models.PositiveSmallIntegerField(null=True)
    unsure_count = models.PositiveSmallIntegerField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "assignment", "student", "id"], name="submission_of_student")
        ]

    def __str__(self) -> str:
        return f"submission {self.pk}"


class SubmittedFile(TenantModel):
    """One file of a submission. ``digest``: SHA-256 of its bytes, by which the same photo handed in twice is seen."""

    id = models.BigAutoField(primary_key=True)
    submission = TenantForeignKey(Submission, on_delete=models.CASCADE, related_name="files")
    position = models.PositiveSmallIntegerField()
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, blank=True, default="")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "upload"], name="submitted_upload_once"),
            models.UniqueConstraint(fields=["tenant", "submission", "position"], name="submitted_file_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "digest"], name="submitted_file_by_digest")]

    def __str__(self) -> str:
        return f"file {self.position} of submission {self.submission_id}"


class PageReading(TenantModel):
    """One page of a submission as read. ``corrections`` are a person's, by label, and survive every re-read."""

    id = models.BigAutoField(primary_key=True)
    submission = TenantForeignKey(Submission, on_delete=models.CASCADE, related_name="pages")
    file = TenantForeignKey(SubmittedFile, on_delete=models.CASCADE, related_name="+")
    page_index = models.PositiveSmallIntegerField()
    worksheet_page = TenantForeignKey(WorksheetPage, on_delete=models.SET_NULL, null=True, related_name="+")
    reading = models.JSONField()  # sheets.homework.HomeworkReading
    read_at = models.DateTimeField()
    overlay_key = models.CharField(max_length=255, blank=True, default="")
    region_keys = models.JSONField(default=dict)  # label -> S3 key of the region's picture
    corrections = models.JSONField(default=dict)  # label -> sheets.homework.Verdict
    corrected_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    corrected_at = models.DateTimeField(null=True)

    trail_values = ("corrections",)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "file", "page_index"], name="page_reading_once")
        ]

    def __str__(self) -> str:
        return f"page {self.page_index + 1} of file {self.file_id}"


class Reminder(TenantModel):
    """That somebody was texted on that ``day`` that ``student``, and others of theirs maybe, have not handed in."""

    id = models.BigAutoField(primary_key=True)
    assignment = TenantForeignKey(Assignment, on_delete=models.CASCADE, related_name="reminders")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    user = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("assignment_id", "day")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "assignment", "user", "day"], name="reminder_once_a_day")
        ]

    def __str__(self) -> str:
        return f"reminder of assignment {self.assignment_id} to user {self.user_id}"
