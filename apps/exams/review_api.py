"""The review inbox over HTTP, and what people say of a page in place of what was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import about, in_answer, note_subjects
from academy.http.errors import Invalid, Missing
from academy.http.pagination import NewestFirst
from academy.storage import s3
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries
from apps.exams.asking import Ask
from apps.exams.inbox import InboxItem, InboxPage, asked_pages, inbox_pages
from apps.exams.models import CorrectionKind, Scan
from apps.exams.objecting import MAX_NOTE_CHARACTERS, accept_objection, keep_reading
from apps.exams.reviewing import Said, correct_scan
from apps.exams.serializers import (
    MAX_ANSWER_CHARACTERS,
    ObjectionSerializer,
    ScanDetailSerializer,
    ScannedStudentSerializer,
    ScanSerializer,
    scan_detail_json,
)
from apps.exams.services import MAX_LABELS
from sheets.reading import FieldStatus


class CandidateSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    ink = serializers.FloatField()


class InboxItemSerializer(serializers.Serializer[Any]):
    """``box``: [x, y, width, height] in pixels of the picture at ``picture_url``; null: the whole of it."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in Ask])
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the item, not of the form
    question = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=[(status.value, status.value) for status in FieldStatus], allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    candidates = CandidateSerializer(many=True)
    box = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    picture_url = serializers.CharField(allow_null=True)
    proposals = ScannedStudentSerializer(many=True)
    rival = serializers.IntegerField(allow_null=True)
    contradictions = serializers.ListField(child=serializers.CharField())
    message = serializers.CharField()
    objection = ObjectionSerializer(allow_null=True)


class InboxPageSerializer(ScanSerializer):
    """A page with what is asked of it. All its items lie on one picture, an essay apart."""

    picture_url = serializers.CharField(allow_null=True, read_only=True)
    items = InboxItemSerializer(many=True, read_only=True)

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "picture_url", "items")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class CorrectScanSerializer(serializers.Serializer[None]):
    """What is not named is not changed; null takes back what was said. An empty list of values: it is blank."""

    answers = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=MAX_ANSWER_CHARACTERS), max_length=10, allow_null=True
        ),
        required=False,
    )
    student = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True)
    version = serializers.CharField(max_length=1, required=False, allow_null=True)
    counts = serializers.BooleanField(required=False, allow_null=True, help_text="true, or null to take it back")
    set_aside = serializers.BooleanField(required=False, allow_null=True, help_text="true, or null to take it back")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for kind in (CorrectionKind.COUNTS, CorrectionKind.SET_ASIDE):
            if attrs.get(kind.value) is False:
                raise Invalid(gettext("Send null to take back what was said."), attr=kind.value)
        return attrs

    def validate_answers(self, answers: Mapping[str, object]) -> Mapping[str, object]:
        if len(answers) > MAX_LABELS:
            raise Invalid(gettext("At most {count} answers are corrected at once.").format(count=MAX_LABELS))
        return answers

    def to_said(self) -> list[Said]:
        given = self.validated_data
        said = [
            Said(CorrectionKind.ANSWER, None if values is None else tuple(values), label)
            for label, values in given.get("answers", {}).items()
        ]
        if "student" in given:
            student = given["student"]
            said.append(Said(CorrectionKind.STUDENT, None if student is None else (), student=student))
        if "version" in given:
            version = given["version"]
            said.append(Said(CorrectionKind.VERSION, None if version is None else (version,)))
        return said + [
            Said(kind, None if given[kind.value] is None else ())
            for kind in (CorrectionKind.COUNTS, CorrectionKind.SET_ASIDE)
            if kind.value in given
        ]


class InboxView(APIView):
    permissions: ClassVar = {"GET": Permission.REVIEW_SCANS}
    personal: ClassVar = {"GET": about(is_recorded=True, student=in_answer("student", "id"))}
    pagination_class = NewestFirst

    @extend_schema(responses=InboxPageSerializer(many=True), operation_id="exams_inbox")
    def get(self, request: Request, exam_id: int) -> Response:
        """The pages of an exam on which something is left to a person, and what: only what can change a score."""
        person = person_of(request)
        exam = queries.exams_visible_to(person).select_related("layout").filter(pk=exam_id).first()
        if exam is None:
            raise Missing
        paginator = self.pagination_class()
        scans = paginator.paginate_queryset(asked_pages(exam.pk), request, view=self) or []
        pages = inbox_pages(exam, scans, person=person)
        shown = (student.pk for page in pages for item in page.items for student in item.proposals)
        note_subjects(request._request, "student", shown)
        return paginator.get_paginated_response([_page_json(page) for page in pages])


class CorrectionsView(APIView):
    permissions: ClassVar = {"PUT": Permission.REVIEW_SCANS}
    personal: ClassVar = {"PUT": about(is_recorded=True, student=in_answer("student", "id"))}

    @extend_schema(request=CorrectScanSerializer, responses=ScanDetailSerializer, operation_id="scans_corrections_set")
    def put(self, request: Request, scan_id: int) -> Response:
        """Say what is right on a page; it is scored anew at once, and what was said outlives every re-read."""
        asked = CorrectScanSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        correct_scan(scan_id=scan_id, said=asked.to_said(), by=person_of(request))
        scans = queries.scans_with_job_and_student(person_of(request))
        scan: Scan = queries.with_corrections(scans).get(pk=scan_id)
        return Response(scan_detail_json(scan, queries.rules_of_exam(scan.exam_id)))


class DecideObjectionSerializer(serializers.Serializer[None]):
    """``reply``: a sentence for the student, where what was read stays."""

    is_accepted = serializers.BooleanField()
    reply = serializers.CharField(max_length=MAX_NOTE_CHARACTERS, allow_blank=True, default="")


class ObjectionDecisionView(APIView):
    permissions: ClassVar = {"POST": Permission.REVIEW_SCANS}
    personal: ClassVar = {"POST": about(is_recorded=True)}  # notes whose it is by itself

    @extend_schema(request=DecideObjectionSerializer, responses=ObjectionSerializer, operation_id="objections_decide")
    def post(self, request: Request, objection_id: int) -> Response:
        """Take what a student says as a correction, which scores at once, or keep what was read."""
        asked = DecideObjectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by = person_of(request)
        if asked.validated_data["is_accepted"]:
            objection = accept_objection(by=by, objection_id=objection_id)
        else:
            objection = keep_reading(by=by, objection_id=objection_id, reply=asked.validated_data["reply"])
        note_subjects(request._request, "student", [objection.student_id])
        return Response(ObjectionSerializer(objection).data)


def _page_json(page: InboxPage) -> dict[str, Any]:
    scan = page.scan
    # of a page that could not be read there is only what was handed in, which may be a PDF's page or a photo
    key = scan.overlay_key or scan.source_key
    url = s3.presign_get(key)
    return {
        **ScanSerializer(scan).data,
        "picture_url": url,
        "items": [_item_json(item, url) for item in page.items],
    }


def _item_json(item: InboxItem, page_url: str) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "label": item.label,
        "question": item.question,
        "values": list(item.values),
        "status": item.status,
        "confidence": item.confidence,
        "candidates": CandidateSerializer(item.candidates, many=True).data,
        "box": item.box,
        "picture_url": s3.presign_get(item.picture_key) if item.picture_key else page_url,
        "proposals": ScannedStudentSerializer(item.proposals, many=True).data,
        "rival": item.rival,
        "contradictions": list(item.contradictions),
        "message": item.message,
        "objection": ObjectionSerializer(item.objection).data if item.objection else None,
    }
