"""A person's rights over HTTP: a copy of all that is held about them, and their erasure."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import about, in_answer, note_reason
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.http.permissions import SIGNED_IN
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.privacy import queries, services
from apps.privacy.models import Erasure, Export, SubjectKind

MAX_ID = 2**63 - 1
ABOUT_SUBJECT = about(
    user=in_answer("subject_id", where=("subject_kind", SubjectKind.USER)),
    student=in_answer("subject_id", where=("subject_kind", SubjectKind.STUDENT)),
)


class NewExportSerializer(serializers.Serializer[None]):
    subject_kind = serializers.ChoiceField(choices=SubjectKind.choices)
    subject_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class NewErasureSerializer(NewExportSerializer):
    grace_days = serializers.IntegerField(
        min_value=0, max_value=services.MAX_GRACE_DAYS, required=False, default=services.GRACE_DAYS
    )


class ApprovalSerializer(serializers.Serializer[None]):
    grace_days = serializers.IntegerField(
        min_value=0, max_value=services.MAX_GRACE_DAYS, required=False, default=services.GRACE_DAYS
    )


class ExportSerializer(serializers.ModelSerializer[Export]):
    state = serializers.CharField(source="job.state")
    progress = serializers.FloatField(source="job.progress")
    error_message = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            "id",
            "subject_kind",
            "subject_id",
            "reason",
            "created_at",
            "state",
            "progress",
            "error_message",
            "byte_count",
            "expires_at",
            "download_url",
        )
        read_only_fields = fields

    def get_error_message(self, export: Export) -> str:
        return text_of(export.job.error_code) if export.job else ""

    def get_download_url(self, export: Export) -> str | None:
        """A link good for five minutes, while the copy is kept."""
        if not export.archive_key or export.expires_at is None or export.expires_at <= timezone.now():
            return None
        return s3.presign_get(export.archive_key)


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    class Meta:
        model = Erasure
        fields = (
            "id",
            "subject_kind",
            "subject_id",
            "state",
            "reason",
            "created_at",
            "asked_by",
            "approved_by",
            "due_at",
            "erased_at",
            "certificate",
        )
        read_only_fields = fields


class ExportsView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "POST": SIGNED_IN}
    personal: ClassVar = {"GET": ABOUT_SUBJECT, "POST": ABOUT_SUBJECT}
    pagination_class = NewestFirst

    @extend_schema(responses=ExportSerializer(many=True), operation_id="privacy_exports_list")
    def get(self, request: Request) -> Response:
        """The copies that one has asked for, newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.exports_for(person_of(request)), request, view=self)
        return paginator.get_paginated_response(ExportSerializer(page, many=True).data)

    @extend_schema(request=NewExportSerializer, responses={202: ExportSerializer}, operation_id="privacy_exports_ask")
    def post(self, request: Request) -> Response:
        """Have all that is held about oneself, one's child or, with a reason, somebody one manages collected."""
        asked = NewExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        note_reason(request._request, asked.validated_data["reason"])
        export = services.ask_for_export(
            by=person_of(request),
            kind=SubjectKind(asked.validated_data["subject_kind"]),
            subject_id=asked.validated_data["subject_id"],
            reason=asked.validated_data["reason"],
        )
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class ExportView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN}
    personal: ClassVar = {"GET": ABOUT_SUBJECT}

    @extend_schema(responses=ExportSerializer, operation_id="privacy_exports_show")
    def get(self, request: Request, export_id: int) -> Response:
        """One copy that one has asked for; when it is ready with a link to fetch it."""
        export = queries.exports_for(person_of(request)).filter(pk=export_id).first()
        if export is None:
            raise Missing
        return Response(ExportSerializer(export).data)


class ErasuresView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "POST": SIGNED_IN}
    personal: ClassVar = {"GET": ABOUT_SUBJECT, "POST": ABOUT_SUBJECT}
    pagination_class = NewestFirst

    @extend_schema(responses=ErasureSerializer(many=True), operation_id="privacy_erasures_list")
    def get(self, request: Request) -> Response:
        """The erasures of the academy, for those who manage them; for everybody else what they asked for."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.erasures_for(person_of(request)), request, view=self)
        return paginator.get_paginated_response(ErasureSerializer(page, many=True).data)

    @extend_schema(
        request=NewErasureSerializer, responses={202: ErasureSerializer}, operation_id="privacy_erasures_ask"
    )
    def post(self, request: Request) -> Response:
        """Ask for the erasure of oneself or one's child; as a manager, schedule that of somebody else."""
        asked = NewErasureSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        note_reason(request._request, asked.validated_data["reason"])
        erasure = services.ask_for_erasure(
            by=person_of(request),
            kind=SubjectKind(asked.validated_data["subject_kind"]),
            subject_id=asked.validated_data["subject_id"],
            reason=asked.validated_data["reason"],
            grace_days=asked.validated_data["grace_days"],
        )
        return Response(ErasureSerializer(erasure).data, status=status.HTTP_202_ACCEPTED)


class ErasureView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "DELETE": SIGNED_IN}
    personal: ClassVar = {"GET": ABOUT_SUBJECT, "DELETE": ABOUT_SUBJECT}

    @extend_schema(responses=ErasureSerializer, operation_id="privacy_erasures_show")
    def get(self, request: Request, erasure_id: int) -> Response:
        """How far an erasure is; when it is done with its certificate."""
        erasure = queries.erasures_for(person_of(request)).filter(pk=erasure_id).first()
        if erasure is None:
            raise Missing
        return Response(ErasureSerializer(erasure).data)

    @extend_schema(responses={200: ErasureSerializer}, operation_id="privacy_erasures_withdraw")
    def delete(self, request: Request, erasure_id: int) -> Response:
        """Call an erasure off before it begins."""
        return Response(ErasureSerializer(services.withdraw_erasure(by=person_of(request), erasure_id=erasure_id)).data)


class ErasureApprovalView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_PRIVACY}
    personal: ClassVar = {"POST": ABOUT_SUBJECT}

    @extend_schema(request=ApprovalSerializer, responses=ErasureSerializer, operation_id="privacy_erasures_approve")
    def post(self, request: Request, erasure_id: int) -> Response:
        """Schedule what somebody asked for. They lose their access at once."""
        asked = ApprovalSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        erasure = services.approve_erasure(
            by=person_of(request), erasure_id=erasure_id, grace_days=asked.validated_data["grace_days"]
        )
        return Response(ErasureSerializer(erasure).data)
