"""Videos over HTTP: hand one in, see how far it is, and the pages that were found."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import OWN, about, in_answer
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.videos import queries, services
from apps.videos.serializers import NewVideoSerializer, VideoDetailSerializer, VideoSerializer

BY_WHOM = about(user=in_answer("created_by", "id"))


class VideosView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_VIDEOS, "POST": Permission.SUBMIT_VIDEOS}
    personal: ClassVar = {"GET": BY_WHOM, "POST": OWN}
    pagination_class = NewestFirst

    @extend_schema(responses=VideoSerializer(many=True), operation_id="videos_list")
    def get(self, request: Request) -> Response:
        """The academy's videos, newest first; students see their own."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.videos_visible_to(person_of(request)), request, view=self)
        return paginator.get_paginated_response(VideoSerializer(page, many=True).data)

    @extend_schema(
        request=NewVideoSerializer,
        responses={202: VideoSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="videos_submit",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Hand in a sent video. Its pages are found in the background."""
        asked = NewVideoSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        video = services.submit_video(
            title=asked.validated_data["title"],
            upload_id=asked.validated_data["upload"],
            created_by=person_of(request),
        )
        return Response(VideoSerializer(video).data, status=status.HTTP_202_ACCEPTED)


class VideoView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_VIDEOS}
    personal: ClassVar = {"GET": BY_WHOM}

    @extend_schema(responses=VideoDetailSerializer, operation_id="videos_show")
    def get(self, request: Request, video_id: int) -> Response:
        """One video with its pages; students see their own."""
        video = queries.video_with_pages(person_of(request), video_id)
        if video is None:
            raise Missing
        return Response(VideoDetailSerializer(video).data)
