"""The shapes of exams on the wire."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from academy.http.errors import Invalid
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.exams.corrections import effective_reading, standing
from apps.exams.grading import Regrading
from apps.exams.kinds import Cancellation, QuestionKind
from apps.exams.models import Batch, Correction, CorrectionKind, Exam, Maker, Match, ObjectionState, Scan, SheetSet
from apps.exams.queries import BatchProgress, PageFailure, ScoringRules
from apps.exams.scoring import KeyedQuestion, Outcome, ScoredAnswer
from apps.exams.services import MAX_COPIES
from sheets.groups import MAX_GROUPS
from sheets.layout import A4, LETTER
from sheets.reading import FieldReading, FieldStatus, SheetReading

MAX_ANSWER_CHARACTERS = 40
PAPERS = {paper.name: paper for paper in (A4, LETTER)}
MAX_POINTS = 999
"""Of one question: a thousand of them still fit the column of a page's points."""


def _points_field(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=6, decimal_places=2, min_value=0, max_value=MAX_POINTS, **options)


class ExamSerializer(serializers.ModelSerializer[Exam]):
    labels = serializers.ListField(source="layout.labels", child=serializers.CharField(), read_only=True)
    maker = serializers.ChoiceField(source="layout.maker", choices=Maker.choices, read_only=True)

    class Meta:
        model = Exam
        fields = ("id", "title", "sheet_code", "course", "maker", "labels", "created_at")
        read_only_fields = fields


class VersionSerializer(serializers.Serializer[None]):
    """A version's order: printed label to the key's label, and by printed label printed choice to the key's choice."""

    questions = serializers.DictField(child=serializers.CharField(max_length=40), default=dict)
    choices = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=40)), default=dict
    )


class AnswerKeySerializer(serializers.Serializer[None]):
    """How questions are scored, by label. What is not named is not changed; ``versions`` replaces all there were."""

    answers = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=MAX_ANSWER_CHARACTERS), max_length=10),
        default=dict,
    )
    points = serializers.DictField(child=_points_field(), default=dict)
    penalties = serializers.DictField(child=_points_field(), default=dict)
    partial = serializers.DictField(child=serializers.BooleanField(), default=dict)  # type: ignore[assignment]  # a field of the key, not of the form
    as_written = serializers.DictField(child=serializers.BooleanField(), default=dict)
    cancelled = serializers.DictField(
        child=serializers.ChoiceField(choices=[way.value for way in Cancellation], allow_blank=True), default=dict
    )
    versions = serializers.DictField(child=VersionSerializer(), required=False)


class GroupSerializer(serializers.Serializer[None]):
    """Questions of one kind, with the sizes of that kind; ``points`` and ``penalty`` are those of each question."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in QuestionKind])
    count = serializers.IntegerField(min_value=1, max_value=200)
    choices = serializers.IntegerField(min_value=2, max_value=10, default=5)
    digits = serializers.IntegerField(min_value=1, max_value=8, default=3)
    has_sign = serializers.BooleanField(default=False)
    decimals = serializers.IntegerField(min_value=0, max_value=7, default=0)
    denominator = serializers.IntegerField(min_value=0, max_value=7, default=0)
    lines = serializers.IntegerField(min_value=1, max_value=40, default=5)
    points = _points_field(required=False)
    penalty = _points_field(required=False)


class NewExamSerializer(AnswerKeySerializer):
    """A sheet of ``question_count`` single choices, or of ``groups``; with its key, if that is known already."""

    title = serializers.CharField(max_length=120)
    question_count = serializers.IntegerField(min_value=1, max_value=200, required=False)
    choice_count = serializers.IntegerField(min_value=2, max_value=10, default=5)
    groups = serializers.ListField(child=GroupSerializer(), max_length=MAX_GROUPS, required=False)
    number_digits = serializers.IntegerField(min_value=4, max_value=12, default=6)
    version_count = serializers.IntegerField(min_value=0, max_value=4, default=0)
    is_large_print = serializers.BooleanField(default=False)
    paper = serializers.ChoiceField(choices=sorted(PAPERS), default=A4.name)
    course = serializers.IntegerField(min_value=1, max_value=2**63 - 1, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("question_count" in attrs) == bool(attrs.get("groups")):
            raise Invalid(gettext("Either question_count or groups is needed."), attr="question_count")
        if attrs["version_count"] == 1:
            raise Invalid(gettext("An exam has 2 to 4 versions, or 0 for just one."), attr="version_count")
        return attrs


class EssayPointsSerializer(serializers.Serializer[None]):
    """Points for the essays of a page by label; null takes them back."""

    points = serializers.DictField(child=_points_field(allow_null=True))


class NewSheetSetSerializer(serializers.Serializer[None]):
    """Whose sheets: ``students`` in the order of the print, or of all who sit the exam, by number."""

    students = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**62),
        min_length=1,
        max_length=MAX_COPIES,
        required=False,
    )
    has_versions = serializers.BooleanField(default=False)


class SheetSetSerializer(serializers.ModelSerializer[SheetSet]):
    state = serializers.CharField(source="job.state", read_only=True)
    error_code = serializers.CharField(source="job.error_code", read_only=True)
    student_count = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = SheetSet
        fields = (
            "id",
            "exam",
            "state",
            "error_code",
            "student_count",
            "has_versions",
            "page_count",
            "url",
            "created_at",
        )
        read_only_fields = fields

    def get_student_count(self, wanted: SheetSet) -> int:
        return len(wanted.students)

    def get_url(self, wanted: SheetSet) -> str | None:
        return s3.presign_get(wanted.pdf_key) if wanted.pdf_key else None


class NewTemplateExamSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120)
    template_upload = serializers.IntegerField(min_value=1)
    asset_uploads = serializers.DictField(child=serializers.IntegerField(min_value=1), default=dict)
    number_label = serializers.CharField(max_length=80, allow_blank=True, default="")
    course = serializers.IntegerField(min_value=1, max_value=2**63 - 1, allow_null=True, default=None)
    evaluation_upload = serializers.IntegerField(min_value=1, allow_null=True, default=None)


class ExamCourseSerializer(serializers.Serializer[None]):
    course = serializers.IntegerField(min_value=1, max_value=2**63 - 1, allow_null=True)


class PointsChangeSerializer(serializers.Serializer[Any]):
    """Over all pages of a student that count; null where nothing is scored."""

    student_id = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()
    points_before = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    points_after = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    max_points_before = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    max_points_after = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)


class RegradedSerializer(serializers.Serializer[Any]):
    """How many pages a key scores anew, and whose points that changes."""

    regraded = serializers.IntegerField()
    changes = PointsChangeSerializer(many=True)


class SubmitScansSerializer(serializers.Serializer[None]):
    upload = serializers.IntegerField(min_value=1)


class PageFailureSerializer(serializers.Serializer[Any]):
    page_index = serializers.IntegerField(allow_null=True)
    entry_name = serializers.CharField()
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
            "entry_name",
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
            "awaited_count",
            "read_at",
        )
        read_only_fields = fields

    def get_error_message(self, scan: Scan) -> str:
        return text_of(scan.job.error_code) if scan.job else ""


class AnswerSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not of the form
    values = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=[(status.value, status.name) for status in FieldStatus])
    confidence = serializers.FloatField()
    outcome = serializers.ChoiceField(choices=[(outcome.value, outcome.name) for outcome in Outcome], allow_null=True)


class EssaySerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not of the form
    outcome = serializers.ChoiceField(choices=[(outcome.value, outcome.name) for outcome in Outcome], allow_null=True)
    points = serializers.DecimalField(max_digits=6, decimal_places=2, allow_null=True)
    url = serializers.CharField(allow_null=True)


class VersionReadSerializer(serializers.Serializer[Any]):
    values = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=[(status.value, status.name) for status in FieldStatus])
    confidence = serializers.FloatField()


class CorrectionSerializer(serializers.Serializer[Any]):
    """What a person said in place of what was read, who and when; ``machine`` is what was read."""

    kind = serializers.ChoiceField(choices=CorrectionKind.choices)
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the correction, not of the form
    values = serializers.ListField(child=serializers.CharField())
    student = ScannedStudentSerializer(allow_null=True)
    machine = VersionReadSerializer(allow_null=True)
    by = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()


class ScanDetailSerializer(ScanSerializer):
    answers = AnswerSerializer(many=True, allow_null=True, read_only=True)
    essays = EssaySerializer(many=True, allow_null=True, read_only=True)
    version = VersionReadSerializer(allow_null=True, read_only=True)
    corrections = CorrectionSerializer(many=True, read_only=True)
    overlay_url = serializers.CharField(allow_null=True, read_only=True)

    class Meta(ScanSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *ScanSerializer.Meta.fields,
            "answers",
            "essays",
            "version",
            "corrections",
            "overlay_url",
        )
        read_only_fields = fields  # type: ignore[assignment]


class ResultSerializer(serializers.Serializer[Any]):
    student_id = serializers.IntegerField()
    number = serializers.CharField()
    name = serializers.CharField()
    points = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    max_points = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    unsure_count = serializers.IntegerField()
    awaited_count = serializers.IntegerField()
    page_count = serializers.IntegerField()


class ObjectionSerializer(serializers.Serializer[Any]):
    """What a student says of a page, as staff see it. ``label`` "": of the whole page; ``values`` null: only a note."""

    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # of the answer, not of the form
    values = serializers.ListField(child=serializers.CharField(), allow_null=True)
    note = serializers.CharField()
    state = serializers.ChoiceField(choices=ObjectionState.choices)
    reply = serializers.CharField()
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


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


def scan_detail_json(scan: Scan, rules: ScoringRules) -> dict[str, Any]:
    """One scan with its answers as corrected. ``answers`` is null, not empty, while nothing was read."""
    data: dict[str, Any] = dict(ScanSerializer(scan).data)
    machine = SheetReading.from_json(scan.reading) if scan.reading is not None else None
    data |= {"answers": None, "essays": None, "version": None, "overlay_url": None}
    data["corrections"] = [_correction_json(correction, machine) for correction in standing(scan)]
    if machine is None:
        return data
    reading = effective_reading(scan)
    data |= read_page_json(scan, reading, rules)
    data["version"] = _field_json(reading.version)
    return data


def read_page_json(scan: Scan, reading: SheetReading, rules: ScoringRules) -> dict[str, Any]:
    """What holds of a page that was read and how it scores, with links to its pictures."""
    scored = {answer.label: answer for answer in rules.score(scan, reading).answers}
    return {
        "answers": [_answer_json(field, scored.get(field.label)) for field in reading.fields],
        "essays": [_essay_json(scan, crop.label, scored.get(crop.label)) for crop in reading.essays],
        "overlay_url": s3.presign_get(scan.overlay_key),
    }


def _field_json(field: FieldReading | None) -> dict[str, Any] | None:
    if field is None:
        return None
    return {"values": list(field.values), "status": field.status, "confidence": field.confidence}


def _correction_json(correction: Correction, machine: SheetReading | None) -> dict[str, Any]:
    read: FieldReading | None = None
    if machine is not None:
        by_label = {field.label: field for field in machine.fields}
        fields = {
            CorrectionKind.ANSWER: by_label.get(correction.label),
            CorrectionKind.VERSION: machine.version,
            CorrectionKind.STUDENT: machine.student_number,
        }
        read = fields.get(CorrectionKind(correction.kind))
    return {
        "kind": correction.kind,
        "label": correction.label,
        "values": correction.values,
        "student": ScannedStudentSerializer(correction.student).data if correction.student else None,
        "machine": _field_json(read),
        "by": correction.by.name if correction.by else None,
        "at": correction.created_at,
    }


def regraded_json(found: Regrading) -> dict[str, Any]:
    return {"regraded": found.page_count, "changes": PointsChangeSerializer(found.changes, many=True).data}


def key_json(exam: Exam, key: list[KeyedQuestion]) -> dict[str, Any]:
    return {
        "answers": {question.label: list(question.accepted) for question in key},
        "points": {question.label: question.points for question in key},
        "penalties": {question.label: question.penalty for question in key if question.penalty},
        "partial": {question.label: True for question in key if question.is_partial},
        "as_written": {question.label: True for question in key if question.as_written},
        "cancelled": {question.label: question.cancelled for question in key if question.cancelled},
        "versions": exam.versions,
    }


def _essay_json(scan: Scan, label: str, scored: ScoredAnswer | None) -> dict[str, Any]:
    key = scan.essay_keys.get(label)
    return {
        "label": label,
        "outcome": scored.outcome if scored else None,
        "points": scored.points if scored else None,
        "url": s3.presign_get(key) if key else None,
    }


def _answer_json(field: FieldReading, scored: ScoredAnswer | None) -> dict[str, Any]:
    return {
        "label": field.label,
        "values": list(field.values),
        "status": field.status,
        "confidence": field.confidence,
        "outcome": scored.outcome if scored else None,
    }
