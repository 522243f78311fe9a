"""The kinds of job of this app: one function each. Claim, fetch, compute in the sandbox, record; safe twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NotRequired, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from apps.academies.pictures import sheet_brand
from apps.accounts.roles import Permission
from apps.exams.announcing import announce_results
from apps.exams.grading import hold_key, record_reading
from apps.exams.models import Batch, BlankSheet, Maker, Scan, SheetSet
from apps.exams.printing import copies_of_students
from apps.exams.queries import (
    batch_jobs_visible_to,
    batches_with_job,
    blank_sheet_jobs_visible_to,
    scan_jobs_visible_to,
    sheet_set_jobs_visible_to,
    with_corrections,
)
from sheets.layout import Layout
from sheets.pdf import render_pdf
from sheets.reading import SheetReading

MAX_PAGE_BYTES: Final = 60 * 1024 * 1024
MAX_BATCH_BYTES: Final = 300 * 1024 * 1024
PAGES_PER_COMPUTE: Final = 10
"""PDF pages drawn by one call: the file crosses to the child once per call, the drawn pages stay in memory."""

BYTES_PER_COMPUTE: Final = 48 * 1024 * 1024
"""Of pictures unpacked from a ZIP file by one call, beside which the file itself is in the child's memory."""
ZIP_TYPE: Final = "application/zip"

OTHER_SHEET: Final = "This is a sheet of another exam. Hand it in there, or check that the right sheets were printed."


class Entry(TypedDict):
    """A picture in a ZIP file, as ``workers.compute`` lists it."""

    name: str
    byte_count: int


class ReadSheetAnswer(TypedDict):
    """What ``workers.compute`` gives back for one page."""

    reading: Any
    overlay_jpeg: bytes
    essay_jpegs: NotRequired[dict[str, bytes]]


class BlankSheetAnswer(TypedDict):
    """What ``workers.compute`` gives back for a blank sheet."""

    picture_jpeg: bytes
    width: int
    height: int
    bubbles: list[list[float]]


@task(
    queue_name="basic",
    time_limit_seconds=30.0,
    subject="scan",
    permission=Permission.SUBMIT_SCANS,
    visible_to=scan_jobs_visible_to,
)
def read_scan(scan_id: int) -> None:
    """Read one page of an answer sheet, match the student and score it."""
    job = current_job()
    with transaction.atomic():
        scan = Scan.objects.select_related("exam__layout").filter(pk=scan_id).first()
    if scan is None:
        raise PermanentFailure("scan_deleted", "The scan was deleted before it was read.")
    layout = scan.exam.layout
    data = job.input_bytes(scan.source_key, max_bytes=MAX_PAGE_BYTES)
    if layout.maker == Maker.OWN:
        answer = job.compute("workers.compute:read_sheet", data, layout.definition)
    else:
        assets = {name: job.input_bytes(key, max_bytes=MAX_PAGE_BYTES) for name, key in layout.assets.items()}
        answer = job.compute("workers.compute:read_template_sheet", data, layout.definition, assets)
    answer = cast(ReadSheetAnswer, answer)
    reading = SheetReading.from_json(answer["reading"])
    if reading.sheet_id is not None and reading.sheet_id != scan.exam.sheet_code:
        raise PermanentFailure("other_sheet", OTHER_SHEET)
    overlay_key = s3.tenant_key("overlays", str(scan.pk), f"{job.attempt}.jpg")
    s3.write_object(overlay_key, answer["overlay_jpeg"], content_type="image/jpeg")
    essay_keys: dict[str, str] = {}
    for index, (label, picture) in enumerate(answer.get("essay_jpegs", {}).items(), start=1):
        essay_keys[label] = s3.tenant_key("essays", str(scan.pk), f"{job.attempt}-{index}.jpg")
        s3.write_object(essay_keys[label], picture, content_type="image/jpeg")
    job.step()
    with job.finishing(scan_id=scan.pk):
        hold_key(scan.exam_id)
        scans = Scan.objects.select_related("exam__layout").select_for_update(of=("self",))
        fresh = with_corrections(scans).get(pk=scan.pk)
        record_reading(fresh, reading, overlay_key=overlay_key, essay_keys=essay_keys)
        if fresh.student_id is not None:
            announce_results(fresh.exam_id, [fresh.student_id])


@task(
    queue_name="basic",
    time_limit_seconds=600.0,
    subject="batch",
    permission=Permission.SUBMIT_SCANS,
    visible_to=batch_jobs_visible_to,
)
def open_batch(batch_id: int) -> None:
    """Take a handed-in PDF or ZIP apart and queue a reading of each page; what an earlier attempt did is kept."""
    job = current_job()
    with transaction.atomic():
        batch = batches_with_job().filter(pk=batch_id).first()
        known = set(Scan.objects.filter(batch_id=batch_id).values_list("page_index", flat=True))
    if batch is None:
        raise PermanentFailure("batch_deleted", "The batch was deleted before it was opened.")
    data = job.input_bytes(batch.upload.key, max_bytes=MAX_BATCH_BYTES)
    names: list[str] = []
    if batch.upload.content_type == ZIP_TYPE:
        entries = cast(list[Entry], job.compute("workers.compute:list_entries", data))
        names, page_count = [entry["name"] for entry in entries], len(entries)
        chunks = _chunks_of_entries(entries, known)
    else:
        page_count = int(job.compute("workers.compute:count_pages", data))
        missing = [index for index in range(page_count) if index not in known]
        chunks = [missing[start : start + PAGES_PER_COMPUTE] for start in range(0, len(missing), PAGES_PER_COMPUTE)]
    done = page_count - sum(len(chunk) for chunk in chunks)
    for chunk in chunks:
        if names:
            pictures = job.compute("workers.compute:unpack_entries", data, chunk)
        else:
            pictures = job.compute("workers.compute:draw_pages", data, chunk)
        keys = [s3.tenant_key("pages", str(batch.pk), f"{index}.jpg") for index in chunk]
        for key, picture in zip(keys, pictures, strict=True):
            s3.write_object(key, picture, content_type="image/jpeg")
        with job.writing():
            for index, key in zip(chunk, keys, strict=True):
                add_scan(batch, page_index=index, source_key=key, entry_name=names[index] if names else "")
        done += len(chunk)
        job.report_progress(done / page_count)
    with job.finishing(page_count=page_count):
        Batch.objects.filter(pk=batch.pk).update(page_count=page_count)


def _chunks_of_entries(entries: Sequence[Entry], known: Collection[int]) -> list[list[int]]:
    """The entries that are not known yet, as many at once as are of ``BYTES_PER_COMPUTE`` together, one at least."""
    chunks: list[list[int]] = []
    room = 0
    for index, entry in enumerate(entries):
        if index in known:
            continue
        if not chunks or entry["byte_count"] > room:
            chunks.append([])
            room = BYTES_PER_COMPUTE
        chunks[-1].append(index)
        room -= entry["byte_count"]
    return chunks


@task(
    queue_name="basic",
    time_limit_seconds=300.0,
    subject="sheet_set",
    permission=Permission.VIEW_EXAMS,
    visible_to=sheet_set_jobs_visible_to,
)
def print_sheets(sheet_set_id: int) -> None:
    """Print a class's sheets into one file: each student's name, number and own code, in the order asked for."""
    job = current_job()
    with transaction.atomic():
        wanted = SheetSet.objects.select_related("exam__layout").filter(pk=sheet_set_id).first()
    if wanted is None:
        raise PermanentFailure("sheet_set_deleted", "The order was deleted before the sheets were printed.")
    layout = Layout.from_json(wanted.exam.layout.definition)
    with job.writing():
        copies = copies_of_students(wanted, layout)
    if not copies:
        raise PermanentFailure("no_students", "None of the students is there any more.")
    pdf = render_pdf(
        layout,
        sheet_id=wanted.exam.sheet_code,
        heading=wanted.exam.title,
        copies=copies,
        **sheet_brand(),
    )
    pdf_key = s3.tenant_key("sheet-sets", str(wanted.pk), f"{job.attempt}.pdf")
    s3.write_object(pdf_key, pdf, content_type="application/pdf")
    with job.finishing(sheet_set_id=wanted.pk):
        page_count = len(copies) * len(layout.pages)
        SheetSet.objects.filter(pk=wanted.pk).update(pdf_key=pdf_key, page_count=page_count)


@task(
    queue_name="basic",
    time_limit_seconds=60.0,
    subject="blank_sheet",
    permission=Permission.MANAGE_EXAMS,
    visible_to=blank_sheet_jobs_visible_to,
)
def draw_blank_sheet(blank_sheet_id: int) -> None:
    """Draw the first page of another maker's blank sheet flat, and find the bubbles printed on it."""
    job = current_job()
    with transaction.atomic():
        blank = BlankSheet.objects.select_related("upload").filter(pk=blank_sheet_id).first()
    if blank is None:
        raise PermanentFailure("blank_sheet_deleted", "The blank sheet was deleted before it was drawn.")
    data = job.input_bytes(blank.upload.key, max_bytes=MAX_BATCH_BYTES)
    answer = cast(BlankSheetAnswer, job.compute("workers.compute:draw_blank_sheet", data))
    picture_key = s3.tenant_key("blank-sheets", str(blank.pk), f"{job.attempt}.jpg")
    s3.write_object(picture_key, answer["picture_jpeg"], content_type="image/jpeg")
    with job.finishing(blank_sheet_id=blank.pk):
        BlankSheet.objects.filter(pk=blank.pk).update(
            picture_key=picture_key, width=answer["width"], height=answer["height"], bubbles=answer["bubbles"]
        )


def add_scan(batch: Batch, *, page_index: int, source_key: str, entry_name: str = "") -> Scan:
    """A page of ``batch``, with the job that reads it, in the current transaction."""
    scan = Scan(exam_id=batch.exam_id, batch=batch, page_index=page_index, source_key=source_key, entry_name=entry_name)
    scan.save(force_insert=True)
    scan.job_id = int(read_scan.enqueue(scan.pk).id)
    scan.save(update_fields=["job"])
    return scan
