"""Uploads over HTTP: ask here, then send the file straight to S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.storage.services import MAX_BYTES_BY_TYPE, presign_upload

if TYPE_CHECKING:
    from apps.accounts.models import User


class NewUploadSerializer(serializers.Serializer[None]):
    file_name = serializers.CharField(max_length=255)
    content_type = serializers.ChoiceField(choices=sorted(MAX_BYTES_BY_TYPE))


class PresignedUploadSerializer(serializers.Serializer[Any]):
    """Send a multipart form to ``url``: all of ``fields`` first, the file last as ``file``."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField())  # type: ignore[assignment]
    max_bytes = serializers.IntegerField()


class UploadsView(APIView):
    permissions: ClassVar = {"POST": "files.upload"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=NewUploadSerializer, responses={201: PresignedUploadSerializer}, operation_id="uploads_presign"
    )
    def post(self, request: Request) -> Response:
        """Permission to send one file within 15 minutes."""
        asked = NewUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        upload, form = presign_upload(created_by=cast("User", request.user), **asked.validated_data)
        return Response(
            {"id": upload.pk, "url": form.url, "fields": form.fields, "max_bytes": upload.max_bytes},
            status=status.HTTP_201_CREATED,
        )
