"""Uploads over HTTP: ask here, then send the file straight to S3; films part by part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.storage import multipart
from academy.storage.models import Upload
from academy.storage.services import FORM_TYPES, VIDEO_TYPES, presign_upload

if TYPE_CHECKING:
    from apps.accounts.models import User


class NewUploadSerializer(serializers.Serializer[None]):
    file_name = serializers.CharField(max_length=255)
    content_type = serializers.ChoiceField(choices=FORM_TYPES)


class PresignedUploadSerializer(serializers.Serializer[Any]):
    """Send a multipart form to ``url``: all of ``fields`` first, the file last as ``file``."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField())  # type: ignore[assignment]
    max_bytes = serializers.IntegerField()


class NewMultipartUploadSerializer(serializers.Serializer[None]):
    file_name = serializers.CharField(max_length=255)
    content_type = serializers.ChoiceField(choices=VIDEO_TYPES)
    byte_count = serializers.IntegerField(min_value=0, max_value=2**53)
    modified_ms = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=-(2**53),
        max_value=2**53,
        help_text="When the file was changed last, in milliseconds since 1970. With it a film that broke off goes on.",
    )


class MultipartUploadSerializer(serializers.Serializer[Any]):
    """Part n of a film begins at ``(n - 1) * part_bytes``. Send those that have not ``arrived``, then complete it."""

    id = serializers.IntegerField()
    part_bytes = serializers.IntegerField()
    part_count = serializers.IntegerField()
    arrived = serializers.ListField(child=serializers.IntegerField())
    is_complete = serializers.BooleanField()


class PartNumbersSerializer(serializers.Serializer[None]):
    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10_000),
        allow_empty=False,
        max_length=multipart.PARTS_AT_ONCE,
    )


class PresignedPartSerializer(serializers.Serializer[Any]):
    """Send exactly ``byte_count`` bytes by PUT to ``url``."""

    number = serializers.IntegerField()
    url = serializers.CharField()
    byte_count = serializers.IntegerField()


class UploadsView(APIView):
    permissions: ClassVar = {"POST": "files.upload"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=NewUploadSerializer, responses={201: PresignedUploadSerializer}, operation_id="uploads_presign"
    )
    def post(self, request: Request) -> Response:
        """Permission to send one file, by one form, within 15 minutes. Films are sent in parts."""
        asked = NewUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        upload, form = presign_upload(created_by=cast("User", request.user), **asked.validated_data)
        return Response(
            {"id": upload.pk, "url": form.url, "fields": form.fields, "max_bytes": upload.max_bytes},
            status=status.HTTP_201_CREATED,
        )


class MultipartUploadsView(APIView):
    permissions: ClassVar = {"POST": "files.upload"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=NewMultipartUploadSerializer,
        responses={201: MultipartUploadSerializer},
        operation_id="multipart_uploads_begin",
    )
    def post(self, request: Request) -> Response:
        """Permission to send one film in parts, within two days. Asked again for the same film, it goes on."""
        asked = NewMultipartUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        sending = multipart.begin_multipart(created_by=cast("User", request.user), **asked.validated_data)
        return Response(_shown(sending.upload, sending.arrived), status=status.HTTP_201_CREATED)


class MultipartUploadView(APIView):
    permissions: ClassVar = {"DELETE": "files.upload"}
    personal: ClassVar = {"DELETE": NOT_PERSONAL}

    @extend_schema(responses={204: None}, operation_id="multipart_uploads_give_up")
    def delete(self, request: Request, upload_id: int) -> Response:
        """Give a film up that is not handed in. What has arrived of it is removed."""
        multipart.give_up_upload(upload_id=upload_id, by=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PartsView(APIView):
    permissions: ClassVar = {"POST": "files.upload"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=PartNumbersSerializer,
        responses=PresignedPartSerializer(many=True),
        operation_id="multipart_uploads_presign_parts",
    )
    def post(self, request: Request, upload_id: int) -> Response:
        """Links for some parts, good for 15 minutes."""
        asked = PartNumbersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        parts = multipart.presign_parts(
            upload_id=upload_id, numbers=asked.validated_data["numbers"], by=cast("User", request.user)
        )
        return Response(PresignedPartSerializer(parts, many=True).data)


class CompleteView(APIView):
    permissions: ClassVar = {"POST": "files.upload"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses=MultipartUploadSerializer, operation_id="multipart_uploads_complete")
    def post(self, request: Request, upload_id: int) -> Response:
        """Put the film together of the parts that have arrived, all of them. Again is no harm."""
        upload = multipart.complete_multipart(upload_id=upload_id, by=cast("User", request.user))
        return Response(_shown(upload, range(1, len(upload.part_sizes) + 1)))


def _shown(upload: Upload, arrived: Iterable[int]) -> dict[str, Any]:
    return {
        "id": upload.pk,
        "part_bytes": upload.part_bytes,
        "part_count": len(upload.part_sizes),
        "arrived": list(arrived),
        "is_complete": upload.completed_at is not None,
    }
