"""Lectures over HTTP: sent, published, watched, and how much of them was."""

from __future__ import annotations

from typing import ClassVar, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, OWN, RECORDED, about, in_answer
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.requests import browser_of, person_of
from apps.accounts.roles import Permission
from apps.lectures import playback, queries, services
from apps.lectures.deleting import LECTURE
from apps.lectures.models import Lecture, LectureRendition
from apps.lectures.playlists import CONTENT_TYPE, master_playlist, media_playlist
from apps.lectures.serializers import (
    HeartbeatSerializer,
    LectureChangeSerializer,
    LectureDetailSerializer,
    LectureFilterSerializer,
    LectureSerializer,
    NewLectureSerializer,
    NewPlaybackSerializer,
    OwnLectureDetailSerializer,
    OwnLectureSerializer,
    PlaybackSerializer,
    PlaybackSessionSerializer,
    WatchedSerializer,
    lecture_detail_json,
    lecture_json,
    own_lecture_detail_json,
    own_lecture_json,
    playback_json,
    session_json,
    watcher_json,
)
from apps.students.requests import student_asking, student_meant
from apps.trash.services import delete

_PLAYLIST: Final = {(200, CONTENT_TYPE): OpenApiTypes.STR}
_NOT_KEPT: Final = {"Cache-Control": "no-store"}


def _lecture(request: Request, lecture_id: int) -> Lecture:
    lecture = queries.lectures_with_job(person_of(request)).filter(pk=lecture_id).first()
    if lecture is None:
        raise Missing
    return lecture


class LecturesView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_LECTURES, "POST": Permission.MANAGE_LECTURES}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(
        responses=LectureSerializer(many=True), parameters=[LectureFilterSerializer], operation_id="lectures_list"
    )
    def get(self, request: Request) -> Response:
        """The lectures of the courses that one sees, newest first; ``?course=`` for those of one."""
        asked = LectureFilterSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        lectures = queries.lectures_with_job(person_of(request)).filter(
            **({"course_id": asked.validated_data["course"]} if "course" in asked.validated_data else {})
        )
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(lectures, request, view=self) or []
        return paginator.get_paginated_response([lecture_json(lecture) for lecture in page])

    @extend_schema(
        request=NewLectureSerializer,
        responses={202: LectureSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="lectures_add",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a sent video to a course, as its last lecture. It is made ready in the background, and not published."""
        asked = NewLectureSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        lecture = services.add_lecture(
            course_id=asked.validated_data["course"],
            title=asked.validated_data["title"],
            upload_id=asked.validated_data["upload"],
            created_by=person_of(request),
        )
        return Response(lecture_json(_lecture(request, lecture.pk)), status=status.HTTP_202_ACCEPTED)


class LectureView(APIView):
    permissions: ClassVar = {
        "GET": Permission.VIEW_LECTURES,
        "PATCH": Permission.MANAGE_LECTURES,
        "DELETE": Permission.MANAGE_LECTURES,
    }
    personal: ClassVar = {"GET": NOT_PERSONAL, "PATCH": NOT_PERSONAL, "DELETE": RECORDED}

    @extend_schema(responses=LectureDetailSerializer, operation_id="lectures_show")
    def get(self, request: Request, lecture_id: int) -> Response:
        """One lecture, with a link to watch it by."""
        return Response(lecture_detail_json(_lecture(request, lecture_id)))

    @extend_schema(request=LectureChangeSerializer, responses=LectureDetailSerializer, operation_id="lectures_change")
    def patch(self, request: Request, lecture_id: int) -> Response:
        """Rename it, move it, publish it or take it back, which ends whoever is watching."""
        asked = LectureChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        services.change_lecture(lecture_id=lecture_id, by=person_of(request), **asked.validated_data)
        return Response(lecture_detail_json(_lecture(request, lecture_id)))

    @extend_schema(responses={204: None}, operation_id="lectures_delete")
    def delete(self, request: Request, lecture_id: int) -> Response:
        """Delete it, and what was watched of it. It can be brought back for 30 days, at the desk."""
        delete(by=person_of(request), kind=LECTURE, row_id=lecture_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PrepareAgainView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_LECTURES}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses={202: LectureSerializer}, operation_id="lectures_prepare")
    def post(self, request: Request, lecture_id: int) -> Response:
        """Make a lecture ready once more, as after a failure."""
        services.prepare_again(lecture_id=lecture_id, by=person_of(request))
        return Response(lecture_json(_lecture(request, lecture_id)), status=status.HTTP_202_ACCEPTED)


class WatchersView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_LECTURES}
    personal: ClassVar = {"GET": about(student=in_answer("student"))}

    @extend_schema(responses=WatchedSerializer(many=True), operation_id="lectures_watchers")
    def get(self, request: Request, lecture_id: int) -> Response:
        """How much of it each student of the course has watched, by number."""
        lecture = _lecture(request, lecture_id)
        return Response([watcher_json(watcher, lecture.seconds) for watcher in queries.watchers_of(lecture)])


class PlaybackSessionsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_LECTURES}
    personal: ClassVar = {"GET": about(user=in_answer("user", "id"), student=in_answer("student", "id"))}

    @extend_schema(responses=PlaybackSessionSerializer(many=True), operation_id="lectures_sessions")
    def get(self, request: Request, lecture_id: int) -> Response:
        """Who is watching it now."""
        running = queries.running_sessions_visible_to(person_of(request)).filter(lecture=_lecture(request, lecture_id))
        return Response([session_json(session) for session in running.order_by("pk")[: queries.MAX_ROWS]])


class PlaybackSessionView(APIView):
    permissions: ClassVar = {"DELETE": Permission.MANAGE_LECTURES}
    personal: ClassVar = {"DELETE": about(is_recorded=True, user=in_answer("user", "id"))}

    @extend_schema(responses=PlaybackSessionSerializer, operation_id="playback_end")
    def delete(self, request: Request, session_id: int) -> Response:
        """End somebody's watching: their next heartbeat is refused."""
        return Response(session_json(services.end_playback(session_id=session_id, by=person_of(request))))


class OwnLecturesView(APIView):
    permissions: ClassVar = {"GET": Permission.WATCH_LECTURES}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=OwnLectureSerializer(many=True), operation_id="own_lectures_list")
    def get(self, request: Request) -> Response:
        """What oneself, or the chosen child, may watch: by course, in order, with how much was watched."""
        return Response([own_lecture_json(own) for own in queries.own_lectures(student_asking(request))])


class OwnLectureView(APIView):
    permissions: ClassVar = {"GET": Permission.WATCH_LECTURES}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=OwnLectureDetailSerializer, operation_id="own_lectures_show")
    def get(self, request: Request, lecture_id: int) -> Response:
        """One of them, with its small pictures. Watching it is opened by a POST to ``playback``."""
        student = student_asking(request)
        own = queries.own_lecture(student, lecture_id)
        if own is None:
            raise Missing
        return Response(own_lecture_detail_json(own, student.pk))


class OwnPlaybackView(APIView):
    permissions: ClassVar = {"POST": Permission.WATCH_LECTURES}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=NewPlaybackSerializer, responses={201: PlaybackSerializer}, operation_id="playback_open")
    def post(self, request: Request, lecture_id: int) -> Response:
        """Begin to watch: what comes back is good for this person in this browser, until heartbeats stop."""
        asked = NewPlaybackSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student_id = asked.validated_data["student"]
        student = student_asking(request) if student_id is None else student_meant(request, student_id)
        opened = playback.open_playback(
            lecture_id=lecture_id, student=student, by=person_of(request), browser=browser_of(request)
        )
        return Response(playback_json(opened), status=status.HTTP_201_CREATED)


class HeartbeatView(APIView):
    permissions: ClassVar = {"POST": Permission.WATCH_LECTURES}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=HeartbeatSerializer, responses=PlaybackSerializer, operation_id="playback_heartbeat")
    def post(self, request: Request, session_id: int) -> Response:
        """Say what was watched and go on; ``is_last`` closes it. 403 ``playback_ended``: no more is to be watched."""
        asked = HeartbeatSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        heard = playback.hear(
            session_id=session_id, by=person_of(request), browser=browser_of(request), **asked.validated_data
        )
        return Response(playback_json(heard))


class MasterPlaylistView(APIView):
    permissions: ClassVar = {"GET": Permission.WATCH_LECTURES}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=_PLAYLIST, operation_id="playback_playlist")
    def get(self, request: Request, session_id: int) -> HttpResponseBase:
        """What a player of HLS begins with: the qualities there are. 403 ``playback_ended`` once it has ended."""
        found = playback.renditions_of(session_id=session_id, by=person_of(request), browser=browser_of(request))
        return _playlist(master_playlist(found))


class MediaPlaylistView(APIView):
    permissions: ClassVar = {"GET": Permission.WATCH_LECTURES}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=_PLAYLIST, operation_id="playback_rendition_playlist")
    def get(self, request: Request, session_id: int, name: str) -> HttpResponseBase:
        """The segments of one quality, "high" or "low"."""
        return _playlist(media_playlist(_rendition(request, session_id, name)))


class RenditionView(APIView):
    permissions: ClassVar = {"GET": Permission.WATCH_LECTURES}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses={302: None}, operation_id="playback_rendition_file")
    def get(self, request: Request, session_id: int, name: str) -> HttpResponseBase:
        """Leads to the file of one quality, by a link that is good for two minutes."""
        url = playback.rendition_url(_rendition(request, session_id, name))
        return HttpResponse(status=status.HTTP_302_FOUND, headers={"Location": url, **_NOT_KEPT})


def _rendition(request: Request, session_id: int, name: str) -> LectureRendition:
    return playback.rendition_of(session_id=session_id, name=name, by=person_of(request), browser=browser_of(request))


def _playlist(text: str) -> HttpResponse:
    return HttpResponse(text, content_type=CONTENT_TYPE, headers=_NOT_KEPT)
