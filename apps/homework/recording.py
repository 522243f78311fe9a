"""Writing down what was read of homework and what it comes to. Called inside a job's or an edit's transaction."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from apps.homework.completion import complete, labels_of
from apps.homework.models import PageReading, Submission, SubmittedFile, WorksheetPage
from apps.homework.queries import page_of, pages_of_submission
from sheets.homework import HomeworkReading

COUNT_COLUMNS = ("unmatched_count", "problem_count", "attempted_count", "blank_count", "unsure_count")


def record_page(
    file: SubmittedFile,
    *,
    page_index: int,
    reading: HomeworkReading,
    worksheet_page: WorksheetPage | None,
    overlay_key: str,
    region_keys: Mapping[str, str],
) -> PageReading:
    """Store what was read of a page; of an earlier reading only a person's corrections stay."""
    page, _ = PageReading.objects.update_or_create(
        file=file,
        page_index=page_index,
        defaults={
            "submission_id": file.submission_id,
            "worksheet_page": worksheet_page,
            "reading": reading.to_json(),
            "read_at": timezone.now(),
            "overlay_key": overlay_key,
            "region_keys": dict(region_keys),
        },
    )
    return page


def count_submission(submission: Submission) -> None:
    """Work out the counts of ``submission`` anew from its pages as they are now."""
    worksheet_id = submission.assignment.worksheet_id
    known = []
    if worksheet_id is not None:
        for page in WorksheetPage.objects.filter(worksheet_id=worksheet_id):
            known += [(page.page_index, label) for label in labels_of(page.current_regions)]
    found = complete((page_of(row) for row in pages_of_submission(submission.pk)), known)
    submission.problem_count, submission.attempted_count = found.problems, found.attempted
    submission.blank_count, submission.unsure_count = found.blank, found.unsure
    submission.unmatched_count = found.unmatched
    submission.save(update_fields=list(COUNT_COLUMNS))
