"""Jobs over HTTP: how far one is, and what changed since somebody last asked."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import Missing
from academy.jobs.changes import Person, jobs_visible_to, opening_for, shown
from academy.jobs.models import Job
from academy.jobs.reasons import text_of
from academy.jobs.requests import named_jobs, position_in


class JobSerializer(serializers.ModelSerializer[Job]):
    error_message = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "queue",
            "state",
            "attempt",
            "progress",
            "error_code",
            "error_message",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_error_message(self, job: Job) -> str:
        return text_of(job.error_code)


class SubjectSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="What it is: scan, batch.")
    id = serializers.IntegerField()


class ShownJobSerializer(serializers.Serializer[Any]):
    """A job as the stream of events shows it, too."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    progress = serializers.FloatField()
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    object = SubjectSerializer(allow_null=True)


class JobChangesSerializer(serializers.Serializer[Any]):
    results = ShownJobSerializer(many=True)
    since = serializers.CharField(help_text="For the next request.")
    is_resumed = serializers.BooleanField(help_text="Whether the results are all that changed since.")


class JobsView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(
        responses=JobChangesSerializer,
        operation_id="jobs_changes",
        parameters=[
            OpenApiParameter("ids", str, description="Only these jobs: up to 100 ids with commas between."),
            OpenApiParameter("since", str, description="As the answer before gave it: only what changed since."),
        ],
    )
    def get(self, request: Request) -> Response:
        """What changed since; without `since`, or after too long a time, what is not over yet."""
        opening = opening_for(
            cast(Person, request.user),
            named=named_jobs(request, "ids"),
            since=position_in(request.query_params.get("since", "")),
        )
        rows = [shown(row) for row in opening.rows]
        return Response({"results": rows, "since": str(opening.position), "is_resumed": opening.is_resumed})


class JobView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=JobSerializer, operation_id="jobs_show")
    def get(self, request: Request, job_id: int) -> Response:
        """The state of one job."""
        job = jobs_visible_to(cast(Person, request.user)).filter(pk=job_id).first()
        if job is None:
            raise Missing
        return Response(JobSerializer(job).data)
