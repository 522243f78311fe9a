"""The shapes of homework on the wire."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rest_framework import serializers

from academy.jobs.models import Job
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.homework.models import Assignment, PageReading, Submission, Worksheet, WorksheetPage
from apps.homework.queries import StandingRow
from apps.homework.services import MAX_ASSIGNEES, MAX_FILES
from apps.students.models import Student
from sheets.homework import MAX_LABEL_CHARACTERS, MAX_REGIONS, HomeworkReading, Verdict

MAX_ID = 2**63 - 1
MAX_SIDE_MM = 1000
VERDICTS = [verdict.value for verdict in Verdict]


def _id_field(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=MAX_ID, **options)


class NewWorksheetSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120)
    upload = _id_field()


class RegionSerializer(serializers.Serializer[Any]):
    """A problem's box in mm from the page's top left corner."""

    label = serializers.CharField(max_length=MAX_LABEL_CHARACTERS)  # type: ignore[assignment]  # a field of the box
    x = serializers.FloatField(min_value=0, max_value=MAX_SIDE_MM)
    y = serializers.FloatField(min_value=0, max_value=MAX_SIDE_MM)
    width = serializers.FloatField(min_value=0, max_value=MAX_SIDE_MM)
    height = serializers.FloatField(min_value=0, max_value=MAX_SIDE_MM)


class RegionsSerializer(serializers.Serializer[None]):
    """``null``: as the machine proposed."""

    regions = serializers.ListField(child=RegionSerializer(), max_length=MAX_REGIONS, allow_null=True)


class WorksheetPageSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    page = serializers.IntegerField()
    width_mm = serializers.FloatField()
    height_mm = serializers.FloatField()
    regions = RegionSerializer(many=True)
    is_edited = serializers.BooleanField()
    url = serializers.CharField()


class WorksheetSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    page_count = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    error_code = serializers.CharField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()


class WorksheetDetailSerializer(WorksheetSerializer):
    pages = WorksheetPageSerializer(many=True)


class NewAssignmentSerializer(serializers.Serializer[None]):
    """``students``: who has to do it; without it everybody who is in the course, or whom one sees.

    Without ``worksheet`` any paper is taken.
    """

    title = serializers.CharField(max_length=120)
    worksheet = _id_field(required=False, allow_null=True, default=None)
    course = _id_field(required=False, allow_null=True, default=None)
    due_at = serializers.DateTimeField()
    students = serializers.ListField(child=_id_field(), min_length=1, max_length=MAX_ASSIGNEES, required=False)


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    assigned_count = serializers.IntegerField()
    submitted_count = serializers.IntegerField()

    class Meta:
        model = Assignment
        fields = ("id", "title", "worksheet", "course", "due_at", "created_at", "assigned_count", "submitted_count")
        read_only_fields = fields


class UploadsSerializer(serializers.Serializer[None]):
    """Sent files, in the order of their pages."""

    uploads = serializers.ListField(child=_id_field(), min_length=1, max_length=MAX_FILES)


class NewSubmissionSerializer(UploadsSerializer):
    student = _id_field()


class OwnSubmissionSerializer(UploadsSerializer):
    """``student``: whose it is, as it was when the files were chosen; without it who is acted for now."""

    student = _id_field(required=False, allow_null=True, default=None)


class CountsSerializer(serializers.Serializer[Any]):
    """Problems; null while nothing was read. ``unmatched`` counts pages that are none of the worksheet's."""

    problems = serializers.IntegerField(allow_null=True)
    attempted = serializers.IntegerField(allow_null=True)
    blank = serializers.IntegerField(allow_null=True)
    unsure = serializers.IntegerField(allow_null=True)
    unmatched = serializers.IntegerField(allow_null=True)


class SubmissionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    assignment = serializers.IntegerField()
    student = serializers.IntegerField()
    state = serializers.CharField()
    error_code = serializers.CharField()
    error = serializers.CharField()
    page_count = serializers.IntegerField(allow_null=True)
    counts = CountsSerializer()
    created_at = serializers.DateTimeField()


class ProblemSerializer(serializers.Serializer[Any]):
    """``verdict`` is what counts, ``read`` what the machine saw; the rest is its evidence."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field of the problem
    verdict = serializers.ChoiceField(choices=VERDICTS)
    read = serializers.ChoiceField(choices=VERDICTS)
    is_corrected = serializers.BooleanField()
    confidence = serializers.FloatField()
    ink_mm2 = serializers.FloatField()
    strokes = serializers.IntegerField()
    alignment = serializers.FloatField()
    doubt = serializers.CharField()
    mark = serializers.CharField()
    url = serializers.CharField(allow_null=True)


class PageReadingSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    worksheet_page = serializers.IntegerField(allow_null=True)
    is_registered = serializers.BooleanField()
    is_matched = serializers.BooleanField()
    is_copy = serializers.BooleanField()
    has_colour = serializers.BooleanField()
    problems = ProblemSerializer(many=True)
    url = serializers.CharField(allow_null=True)


class SubmissionDetailSerializer(SubmissionSerializer):
    pages = PageReadingSerializer(many=True)


class CorrectionsSerializer(serializers.Serializer[None]):
    """By label what is true of the problem; null takes a correction back."""

    verdicts = serializers.DictField(child=serializers.ChoiceField(choices=VERDICTS, allow_null=True))


class StandingSerializer(serializers.Serializer[Any]):
    """Where a student stands with an assignment; ``submission`` is null while nothing was handed in."""

    assignment = serializers.IntegerField()
    title = serializers.CharField()
    due_at = serializers.DateTimeField()
    student = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()
    is_late = serializers.BooleanField()
    submission = SubmissionSerializer(allow_null=True)


class MissingStudentSerializer(serializers.ModelSerializer[Student]):
    class Meta:
        model = Student
        fields = ("id", "number", "name")
        read_only_fields = fields


def _job_json(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"state": "", "error_code": "", "error": ""}
    return {"state": job.state, "error_code": job.error_code, "error": text_of(job.error_code)}


def worksheet_json(worksheet: Worksheet) -> dict[str, Any]:
    return {
        "id": worksheet.pk,
        "title": worksheet.title,
        "page_count": worksheet.page_count,
        **_job_json(worksheet.job),
        "created_at": worksheet.created_at,
    }


def worksheet_page_json(page: WorksheetPage) -> dict[str, Any]:
    return {
        "id": page.pk,
        "page": page.page_index + 1,
        "width_mm": page.paper_width_mm,
        "height_mm": page.paper_height_mm,
        "regions": page.current_regions,
        "is_edited": page.regions is not None,
        "url": s3.presign_get(page.picture_key),
    }


def submission_json(submission: Submission) -> dict[str, Any]:
    return {
        "id": submission.pk,
        "assignment": submission.assignment_id,
        "student": submission.student_id,
        **_job_json(submission.job),
        "page_count": submission.page_count,
        "counts": {
            "problems": submission.problem_count,
            "attempted": submission.attempted_count,
            "blank": submission.blank_count,
            "unsure": submission.unsure_count,
            "unmatched": submission.unmatched_count,
        },
        "created_at": submission.created_at,
    }


def submission_detail_json(
    submission: Submission, pages: Sequence[PageReading], copied: Collection[int]
) -> dict[str, Any]:
    return {
        **submission_json(submission),
        "pages": [page_reading_json(page, is_copy=page.file_id in copied) for page in pages],
    }


def page_reading_json(page: PageReading, *, is_copy: bool) -> dict[str, Any]:
    reading = HomeworkReading.from_json(page.reading)
    problems = []
    for region in reading.regions:
        corrected = page.corrections.get(region.label)
        key = page.region_keys.get(region.label)
        problems.append(
            {
                "label": region.label,
                "verdict": corrected or region.verdict.value,
                "read": region.verdict.value,
                "is_corrected": corrected is not None,
                "confidence": region.confidence,
                "ink_mm2": region.ink_mm2,
                "strokes": region.strokes,
                "alignment": region.alignment,
                "doubt": region.doubt.value,
                "mark": region.mark.value,
                "url": s3.presign_get(key) if key else None,
            }
        )
    return {
        "id": page.pk,
        "worksheet_page": page.worksheet_page.page_index + 1 if page.worksheet_page is not None else None,
        "is_registered": reading.is_registered,
        "is_matched": reading.page is not None,
        "is_copy": is_copy,
        "has_colour": reading.has_colour,
        "problems": problems,
        "url": s3.presign_get(page.overlay_key) if page.overlay_key else None,
    }


def standing_json(row: StandingRow) -> dict[str, Any]:
    return {
        "assignment": row.assignment.pk,
        "title": row.assignment.title,
        "due_at": row.assignment.due_at,
        "student": row.student.pk,
        "number": row.student.number,
        "name": row.student.name,
        "is_late": row.is_late,
        "submission": None if row.submission is None else submission_json(row.submission),
    }
