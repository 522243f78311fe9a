"""The shapes of exams on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.exams.models import Batch, Exam, Maker, Match, Scan
from apps.exams.queries import BatchProgress, PageFailure
from apps.exams.scoring import KeyedQuestion, Outcome, score_fields
from sheets.reading import FieldReading, FieldStatus, SheetReading

MAX_ANSWER_CHARACTERS = 40
MAX_POINTS = 999
"""Of one question: a thousand of them still fit the column of a page's points."""


class ExamSerializer(serializers.ModelSerializer[Exam]):
    labels = serializers.ListField(source="layout.labels", child=serializers.CharField(), read_only=True)
    maker = serializers.ChoiceField(source="layout.maker", choices=Maker.choices, read_only=True)

    class Meta:
        model = Exam
        fields = ("id", "title", "sheet_code", "maker", "labels", "created_at")
        read_only_fields = fields


class NewExamSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120)
    question_count = serializers.IntegerField(min_value=1, max_value=200)
    choice_count = serializers.IntegerField(min_value=2, max_value=10, default=5)
    number_digits = serializers.IntegerField(min_value=4, max_value=12, default=6)


class NewTemplateExamSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120)
    template_upload = serializers.IntegerField(min_value=1)
    asset_uploads = serializers.DictField(child=serializers.IntegerField(min_value=1), default=dict)
    number_label = serializers.CharField(max_length=80, allow_blank=True, default="")


class AnswerKeySerializer(serializers.Serializer[None]):
    """Accepted answers and points by question label. What is not named is not changed."""

    answers = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=MAX_ANSWER_CHARACTERS), max_length=10),
        default=dict,
    )
    points = serializers.DictField(
        child=serializers.DecimalField(max_digits=6, decimal_places=2, min_value=0, max_value=MAX_POINTS), default=dict
    )


class RegradedSerializer(serializers.Serializer[None]):
    regraded = serializers.IntegerField()


class SubmitScansSerializer(serializers.Serializer[None]):
    upload = serializers.IntegerField(min_value=1)


class PageFailureSerializer(serializers.Serializer[Any]):
    page_index = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class BatchSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    exam = serializers.IntegerField()
    file_name = serializers.CharField()
    page_count = serializers.IntegerField(allow_null=True)
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    is_finished = serializers.BooleanField()
    failures = PageFailureSerializer(many=True)


class ScannedStudentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()


class ScanSerializer(serializers.ModelSerializer[Scan]):
    state = serializers.CharField(source="job.state", read_only=True)
    error_code = serializers.CharField(source="job.error_code", read_only=True)
    error_message = serializers.SerializerMethodField()
    student = ScannedStudentSerializer(read_only=True, allow_null=True)
    match = serializers.ChoiceField(choices=Match.choices, read_only=True)
    file_name = serializers.CharField(source="batch.upload.file_name", read_only=True)

    class Meta:
        model = Scan
        fields = (
            "id",
            "exam",
            "batch",
            "file_name",
            "page_index",
            "state",
            "error_code",
            "error_message",
            "page",
            "is_sheet_confirmed",
            "match",
            "number_read",
            "student",
            "points",
            "max_points",
            "unsure_count",
            "read_at",
        )
        read_only_fields = fields

    def get_error_message(self, scan: Scan) -> str:
        return text_of(scan.job.error_code) if scan.job else ""


class AnswerSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not of the form
    values = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=[(status.value, status.value) for status in FieldStatus])
    confidence = serializers.FloatField()
    outcome = serializers.ChoiceField(choices=[(outcome.value, outcome.value) for outcome in Outcome], allow_null=True)


class ScanDetailSerializer(ScanSerializer):
    answers = AnswerSerializer(many=True, allow_null=True, read_only=True)
    overlay_url = serializers.CharField(allow_null=True, read_only=True)

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "answers", "overlay_url")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class ResultSerializer(serializers.Serializer[Any]):
    student_id = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()
    points = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    max_points = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    unsure_count = serializers.IntegerField()
    page_count = serializers.IntegerField()


def batch_json(batch: Batch, progress: BatchProgress, failures: list[PageFailure]) -> dict[str, Any]:
    return {
        "id": batch.pk,
        "exam": batch.exam_id,
        "file_name": batch.upload.file_name,
        "page_count": progress.page_count,
        "read": progress.read,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "is_finished": progress.is_finished,
        "failures": PageFailureSerializer(failures, many=True).data,
    }


def scan_detail_json(scan: Scan, key: list[KeyedQuestion]) -> dict[str, Any]:
    """One scan with its answers. ``answers`` is null, not empty, while nothing was read."""
    data: dict[str, Any] = dict(ScanSerializer(scan).data)
    data["answers"], data["overlay_url"] = None, None
    if scan.reading is not None:
        fields = SheetReading.from_json(scan.reading).fields
        outcomes = {answer.label: answer.outcome for answer in score_fields(fields, key).answers}
        data["answers"] = [_answer_json(field, outcomes.get(field.label)) for field in fields]
        data["overlay_url"] = s3.presign_get(scan.overlay_key)
    return data


def _answer_json(field: FieldReading, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "label": field.label,
        "values": list(field.values),
        "status": field.status,
        "confidence": field.confidence,
        "outcome": outcome,
    }
