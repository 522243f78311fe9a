"""Results over HTTP, for staff: published, previewed, analysed, as a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, RECORDED, about, note_reason, note_subjects
from academy.http.errors import Missing
from academy.http.exports import MAX_REASON_CHARACTERS, ReasonSerializer
from academy.http.rendering import AnyAccept
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import publishing, queries, results, services, workbook
from apps.exams.inbox import open_pages_of_exam
from apps.exams.models import Exam, Publication
from apps.exams.serializers import (
    AnswerKeySerializer,
    RegradedSerializer,
    regraded_json,
)
from apps.exams.services import ScoringWish


def _exam(request: Request, exam_id: int) -> Exam:
    exam = queries.exams_visible_to(person_of(request)).select_related("layout").filter(pk=exam_id).first()
    if exam is None:
        raise Missing
    return exam


# ---------------------------------------------------------------- published


class PublishSerializer(serializers.Serializer[None]):
    shows_sheet = serializers.BooleanField(default=True)
    shows_answers = serializers.BooleanField(default=False)
    shows_rank = serializers.BooleanField(default=False)
    waived_reason = serializers.CharField(
        max_length=MAX_REASON_CHARACTERS, min_length=2, required=False, default="", allow_blank=True
    )


class PublicationSerializer(serializers.Serializer[Any]):
    """``open_count``: pages that nobody has looked at yet, or that are not read yet, as of now."""

    published_at = serializers.DateTimeField(allow_null=True)
    published_by = serializers.CharField(allow_null=True)
    shows_sheet = serializers.BooleanField()
    shows_answers = serializers.BooleanField()
    shows_rank = serializers.BooleanField()
    waived_count = serializers.IntegerField()
    waived_reason = serializers.CharField()
    open_count = serializers.IntegerField()


def _publication_json(exam_id: int, published: Publication | None) -> dict[str, Any]:
    return {
        "published_at": published.created_at if published else None,
        "published_by": published.by.name if published and published.by else None,
        "shows_sheet": published.shows_sheet if published else False,
        "shows_answers": published.shows_answers if published else False,
        "shows_rank": published.shows_rank if published else False,
        "waived_count": published.open_count if published else 0,
        "waived_reason": published.waived_reason if published else "",
        "open_count": open_pages_of_exam(exam_id),
    }


class PublishView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS, "POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": RECORDED}

    @extend_schema(responses=PublicationSerializer, operation_id="exams_publication")
    def get(self, request: Request, exam_id: int) -> Response:
        """Whether students and guardians see the results, what of them, and what is open."""
        exam = _exam(request, exam_id)
        return Response(_publication_json(exam.pk, publishing.publication_of(exam.pk)))

    @extend_schema(request=PublishSerializer, responses=PublicationSerializer, operation_id="exams_publish")
    def post(self, request: Request, exam_id: int) -> Response:
        """Show students and guardians the results; refused while the inbox is not empty unless a reason waives that."""
        asked = PublishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        published = publishing.publish_results(exam_id=exam_id, by=person_of(request), **asked.validated_data)
        return Response(_publication_json(exam_id, published))


class UnpublishView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"POST": RECORDED}

    @extend_schema(request=None, responses={204: None}, operation_id="exams_unpublish")
    def post(self, request: Request, exam_id: int) -> Response:
        """Show the results no more."""
        publishing.withdraw_results(exam_id=exam_id, by=person_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


# ---------------------------------------------------------------- what a key would change, and what it tells


class PreviewKeyView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"POST": about()}  # notes whose points change by itself

    @extend_schema(request=AnswerKeySerializer, responses=RegradedSerializer, operation_id="exams_key_preview")
    def post(self, request: Request, exam_id: int) -> Response:
        """Whose points a changed key would change, from what to what. Nothing is written."""
        asked = AnswerKeySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = ScoringWish(**asked.validated_data)
        found = services.preview_scoring(by=person_of(request), exam_id=exam_id, wish=wish)
        note_subjects(request._request, "student", [change.student_id for change in found.changes])
        return Response(regraded_json(found))


class AnswerCountSerializer(serializers.Serializer[Any]):
    answer = serializers.CharField()
    is_accepted = serializers.BooleanField()
    count = serializers.IntegerField()
    upper = serializers.FloatField()
    lower = serializers.FloatField()


class ItemAnalysisSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the item, not of the form
    difficulty = serializers.FloatField(allow_null=True)
    discrimination = serializers.FloatField(allow_null=True)
    upper_lower = serializers.FloatField(allow_null=True)
    answers = AnswerCountSerializer(many=True)
    blank = serializers.IntegerField()
    multiple = serializers.IntegerField()
    unsure = serializers.IntegerField()


class AnalysisSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField()
    left_out = serializers.IntegerField()
    max_points = serializers.FloatField()
    mean = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    sd = serializers.FloatField(allow_null=True)
    alpha = serializers.FloatField(allow_null=True)
    sem = serializers.FloatField(allow_null=True)
    histogram = serializers.ListField(child=serializers.IntegerField())
    items = ItemAnalysisSerializer(many=True)


class AnalysisView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=AnalysisSerializer, operation_id="exams_analysis")
    def get(self, request: Request, exam_id: int) -> Response:
        """How hard and how telling each question was, who chose what, and how reliable the whole is."""
        return Response(asdict(results.analysis_of_exam(_exam(request, exam_id))))


class ExportResultsView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"POST": about(is_export=True)}  # notes whose results are in it by itself
    content_negotiation_class = AnyAccept

    @extend_schema(
        request=ReasonSerializer,
        responses={(200, workbook.CONTENT_TYPE): OpenApiTypes.BINARY},
        operation_id="exams_results_export",
    )
    def post(self, request: Request, exam_id: int) -> HttpResponse:
        """Results and analysis as an Excel file, for a reason that is itself recorded."""
        asked = ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        exam = _exam(request, exam_id)
        analysis, rows = results.analysis_of_exam(exam), queries.results_of_exam(exam.pk)
        note_reason(request._request, asked.validated_data["reason"])
        note_subjects(request._request, "student", [row.student_id for row in rows])
        return HttpResponse(
            workbook.results_workbook(rows, analysis),
            content_type=workbook.CONTENT_TYPE,
            headers={
                "Content-Disposition": f'attachment; filename="results-{exam_id}-{timezone.localdate():%Y%m%d}.xlsx"',
                "Cache-Control": "no-store",
            },
        )
