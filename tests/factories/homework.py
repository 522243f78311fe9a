"""Homework of the acting academy: worksheets, assignments, hand-ins and readings. None of it needs S3 or SQS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from academy.storage import s3
from apps.accounts.models import User
from apps.courses.models import Course
from apps.homework import tasks
from apps.homework.models import (
    Assignee,
    Assignment,
    PageReading,
    Reminder,
    Submission,
    SubmittedFile,
    Worksheet,
    WorksheetPage,
)
from apps.homework.recording import count_submission, record_page
from apps.students.models import Student
from sheets.homework import HomeworkReading, Region, RegionReading, Verdict, regions_to_json
from tests.factories.exams import make_upload

LABELS = ("1", "2", "3")


def make_worksheet(*, created_by: User, title: str = "3단원 연습", page_count: int = 1) -> Worksheet:
    """A worksheet whose pages are registered, each with three problems."""
    upload = make_upload(created_by=created_by, is_used=True, content_type="application/pdf")
    worksheet = Worksheet(title=title, upload=upload, created_by=created_by, page_count=page_count)
    worksheet.save()
    worksheet.job_id = int(tasks.register_worksheet.enqueue(worksheet.pk).id)
    worksheet.save(update_fields=["job"])
    for index in range(page_count):
        regions = [Region(label, 15, 30 + 80 * place, 180, 75) for place, label in enumerate(LABELS)]
        WorksheetPage(
            worksheet=worksheet,
            page_index=index,
            picture_key=s3.tenant_key("worksheets", str(worksheet.pk), f"1-{index}.jpg"),
            paper_width_mm=210.0,
            paper_height_mm=297.0,
            proposed=regions_to_json(regions),
        ).save()
    return worksheet


def make_assignment(
    worksheet: Worksheet | None,
    students: Sequence[Student],
    *,
    created_by: User,
    days: int = 7,
    course: Course | None = None,
) -> Assignment:
    """Homework for ``students``, due in ``days`` days."""
    assignment = Assignment(
        title="주말 숙제",
        worksheet=worksheet,
        course=course,
        due_at=timezone.now() + timedelta(days=days),
        created_by=created_by,
    )
    assignment.save()
    for student in students:
        Assignee(assignment=assignment, student=student).save()
    return assignment


def make_submission(assignment: Assignment, student: Student, *, created_by: User, files: int = 1) -> Submission:
    """A hand-in with the job that will read it. Not by ``submit_homework``, which needs the files in S3."""
    submission = Submission(assignment=assignment, student=student, created_by=created_by)
    submission.save()
    for position in range(files):
        upload = make_upload(created_by=created_by, is_used=True)
        SubmittedFile(submission=submission, position=position, upload=upload).save()
    submission.job_id = int(tasks.read_homework.enqueue(submission.pk).id)
    submission.save(update_fields=["job"])
    return submission


def make_reminder(assignment: Assignment, student: Student, user: User, *, created_by: User) -> Reminder:
    """``user`` was texted yesterday that ``student`` had handed in nothing."""
    day = timezone.localdate() - timedelta(days=1)
    reminder = Reminder(assignment=assignment, student=student, user=user, day=day, created_by=created_by)
    reminder.save()
    return reminder


def make_homework_reading(
    verdicts: Mapping[str, str] | None = None, *, page: int | None = 0, is_registered: bool = True
) -> HomeworkReading:
    """What a worker reports: ``verdicts`` by label, all blank by default."""
    found = verdicts if verdicts is not None else dict.fromkeys(LABELS, "blank")
    regions = tuple(
        RegionReading(label, Verdict(verdict), 0.95, 12.5 if verdict == "attempted" else 0.0, 4, 0.9, 0.05)
        for label, verdict in found.items()
    )
    return HomeworkReading(page, is_registered, True, 300, regions if page is not None or not is_registered else ())


def record_homework(submission: Submission, verdicts: Mapping[str, str] | None = None) -> PageReading:
    """Record a reading of the first file as its task would; the job's own state stays as it is."""
    file = submission.files.order_by("position")[0]
    worksheet = submission.assignment.worksheet
    worksheet_page = worksheet.pages.first() if worksheet is not None else None
    page = record_page(
        file,
        page_index=0,
        reading=make_homework_reading(verdicts),
        worksheet_page=worksheet_page,
        overlay_key=s3.tenant_key("homework", str(submission.pk), "1-0-0.jpg"),
        region_keys={"1": s3.tenant_key("homework", str(submission.pk), "1-0-0-1.jpg")},
    )
    Submission.objects.filter(pk=submission.pk).update(page_count=1)
    count_submission(submission)
    return page
