"""Jobs over HTTP: how far one is, what changed, cancel it, run it again; how many the plan still allows today."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import Missing
from academy.jobs import services
from academy.jobs.changes import Person, opening_for, shown, visible_among
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from academy.jobs.models import Job
from academy.jobs.quotas import usage_today
from academy.jobs.reasons import text_of
from academy.jobs.requests import named_jobs, position_in


class JobSerializer(serializers.ModelSerializer[Job]):
    is_cancelling = serializers.BooleanField(
        read_only=True, help_text="It is to be cancelled, and runs for some seconds more."
    )
    error_message = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "queue",
            "state",
            "is_cancelling",
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


class UsageSerializer(serializers.Serializer[Any]):
    """What was queued of a kind of job today, by the academy's calendar."""

    kind = serializers.CharField()
    tier = serializers.CharField()
    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    left = serializers.IntegerField()
    resets_at = serializers.DateTimeField()


def _visible(request: Request, job_id: int) -> Job:
    """Raises ``Missing`` for a job that is not there, or not for this person to see."""
    job = visible_among(cast(Person, request.user), Job.objects.filter(pk=job_id)).first()
    if job is None:
        raise Missing
    return job


class JobView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=JobSerializer, operation_id="jobs_show")
    def get(self, request: Request, job_id: int) -> Response:
        """The state of one job."""
        return Response(JobSerializer(_visible(request, job_id)).data)


class CancelJobView(APIView):
    permissions: ClassVar = {"POST": "jobs.view"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses=JobSerializer, operation_id="jobs_cancel")
    def post(self, request: Request, job_id: int) -> Response:
        """End a job that is not over: at once if it waits, within seconds if it runs. Nothing it did appears."""
        services.check_may_cancel(cast(Person, request.user), _visible(request, job_id))
        return Response(JobSerializer(services.cancel_job(job_id=job_id)).data)


class RetryJobView(APIView):
    permissions: ClassVar = {"POST": "jobs.view"}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=None, responses={202: JobSerializer}, parameters=[IDEMPOTENCY_KEY], operation_id="jobs_retry"
    )
    @idempotent
    def post(self, request: Request, job_id: int) -> Response:
        """Run a failed or cancelled job again. It counts against the day's limit like a new one."""
        services.check_may_steer(cast(Person, request.user), _visible(request, job_id))
        job = services.retry_job(job_id=job_id)
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)


class UsageView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=UsageSerializer(many=True), operation_id="usage_show")
    def get(self, request: Request) -> Response:
        """How many jobs of each kind the plan allows today, and how many are left."""
        return Response(UsageSerializer(usage_today(), many=True).data)
