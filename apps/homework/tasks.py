"""The kinds of job of this app: register a blank worksheet, read what was handed in. Safe twice."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import JobContext, current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from apps.accounts.roles import Permission
from apps.homework.models import PageReading, Submission, SubmittedFile, Worksheet, WorksheetPage
from apps.homework.queries import submission_jobs_visible_to, worksheet_jobs_visible_to
from apps.homework.recording import count_submission, record_page
from sheets.homework import HomeworkReading

MAX_FILE_BYTES: Final = 100 * 1024 * 1024
MAX_WORKSHEET_PAGES: Final = 40
"""A week's homework has 2 to 10; each page may be looked for in each picture."""
MAX_SUBMITTED_PAGES: Final = 40


class _RegisteredPage(TypedDict):
    """What ``workers.compute`` gives back for one blank page."""

    picture_jpeg: bytes
    paper_mm: list[float]
    regions: list[Any]


class _ReadPage(TypedDict):
    """What ``workers.compute`` gives back for one page of homework."""

    reading: Any
    overlay_jpeg: bytes | None
    region_jpegs: dict[str, bytes]


def _fetch(job: JobContext, key: str) -> bytes:
    try:
        return job.input_bytes(key, max_bytes=MAX_FILE_BYTES)
    except ValueError as error:
        raise PermanentFailure("too_large", str(error)) from error


def _count_pages(job: JobContext, data: bytes, limit: int) -> int:
    count = int(job.compute("workers.compute:count_pages", data))
    if count > limit:
        raise PermanentFailure("too_many_pages", f"{count} pages, at most {limit} are read. Please split the file.")
    return count


@task(
    queue_name="basic",
    time_limit_seconds=300.0,
    subject="worksheet",
    permission=Permission.MANAGE_HOMEWORK,
    visible_to=worksheet_jobs_visible_to,
)
def register_worksheet(worksheet_id: int) -> None:
    """Draw every page of a blank worksheet, propose where its problems are, and keep both to compare homework with."""
    job = current_job()
    with transaction.atomic():
        worksheet = Worksheet.objects.select_related("upload").filter(pk=worksheet_id).first()
    if worksheet is None:
        raise PermanentFailure("worksheet_deleted", "The worksheet was deleted before it was registered.")
    data = _fetch(job, worksheet.upload.key)
    page_count = _count_pages(job, data, MAX_WORKSHEET_PAGES)
    first_label = 1
    pages: list[tuple[str, _RegisteredPage]] = []
    for index in range(page_count):
        page = cast(_RegisteredPage, job.compute("workers.compute:register_homework_page", data, index, first_label))
        key = s3.tenant_key("worksheets", str(worksheet.pk), f"{job.attempt}-{index}.jpg")
        s3.write_object(key, page["picture_jpeg"], content_type="image/jpeg")
        first_label += len(page["regions"])
        pages.append((key, page))
        job.report_progress((index + 1) / page_count)
    with job.finishing(page_count=page_count):
        for index, (key, page) in enumerate(pages):
            WorksheetPage.objects.update_or_create(
                worksheet=worksheet,
                page_index=index,
                defaults={
                    "picture_key": key,
                    "paper_width_mm": page["paper_mm"][0],
                    "paper_height_mm": page["paper_mm"][1],
                    "proposed": page["regions"],
                },
            )
        Worksheet.objects.filter(pk=worksheet.pk).update(page_count=page_count)


@task(
    queue_name="basic",
    time_limit_seconds=600.0,
    subject="submission",
    permission=Permission.SUBMIT_HOMEWORK,
    visible_to=submission_jobs_visible_to,
)
def read_homework(submission_id: int) -> None:
    """Read every page of a submission against its worksheet; a person's corrections stay."""
    job = current_job()
    with transaction.atomic():
        submission = Submission.objects.select_related("assignment").filter(pk=submission_id).first()
        files = list(
            SubmittedFile.objects.filter(submission_id=submission_id).select_related("upload").order_by("position")
        )
        blank = []
        if submission is not None and submission.assignment.worksheet_id is not None:
            of_worksheet = WorksheetPage.objects.filter(worksheet_id=submission.assignment.worksheet_id)
            blank = list(of_worksheet.order_by("page_index"))
    if submission is None:
        raise PermanentFailure("submission_deleted", "The homework was deleted before it was read.")
    known = [
        {
            "picture_jpeg": _fetch(job, page.picture_key),
            "paper_mm": [page.paper_width_mm, page.paper_height_mm],
            "regions": page.current_regions,
        }
        for page in blank
    ]
    contents = [_fetch(job, file.upload.key) for file in files]
    counts: list[int] = []
    for data in contents:
        counts.append(_count_pages(job, data, MAX_SUBMITTED_PAGES - sum(counts)))
    done = 0
    for file, data, count in zip(files, contents, counts, strict=True):
        with job.writing():
            SubmittedFile.objects.filter(pk=file.pk).update(digest=sha256(data).hexdigest())
        for index in range(count):
            likely = min(done, max(len(known) - 1, 0))
            answer = cast(_ReadPage, job.compute("workers.compute:read_homework_page", data, index, known, likely))
            _record(job, file, index, answer, blank)
            done += 1
            job.report_progress(done / sum(counts))
    with job.finishing(submission_id=submission.pk, page_count=done):
        fresh = Submission.objects.select_related("assignment").select_for_update(of=("self",)).get(pk=submission.pk)
        fresh.page_count = done
        fresh.save(update_fields=["page_count"])
        count_submission(fresh)


def _record(job: JobContext, file: SubmittedFile, index: int, answer: _ReadPage, blank: list[WorksheetPage]) -> None:
    """Keep the pictures under keys that hold the attempt, then the row, if this attempt may still write."""
    reading = HomeworkReading.from_json(answer["reading"])
    place = f"{job.attempt}-{file.position}-{index}"
    folder = str(file.submission_id)
    overlay_key = ""
    if answer["overlay_jpeg"] is not None:
        overlay_key = s3.tenant_key("homework", folder, f"{place}.jpg")
        s3.write_object(overlay_key, answer["overlay_jpeg"], content_type="image/jpeg")
    region_keys = {}
    for number, (label, picture) in enumerate(answer["region_jpegs"].items(), start=1):
        region_keys[label] = s3.tenant_key("homework", folder, f"{place}-{number}.jpg")
        s3.write_object(region_keys[label], picture, content_type="image/jpeg")
    with job.writing():
        page = blank[reading.page] if reading.page is not None else None
        is_there = page is not None and WorksheetPage.objects.filter(pk=page.pk).exists()
        PageReading.objects.select_for_update().filter(file=file, page_index=index).first()
        record_page(
            file,
            page_index=index,
            reading=reading,
            worksheet_page=page if is_there else None,
            overlay_key=overlay_key,
            region_keys=region_keys,
        )
