"""Jobs over HTTP: how far one is."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.errors import Missing
from academy.jobs.models import Job
from academy.jobs.reasons import text_of


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


class JobView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}

    @extend_schema(responses=JobSerializer, operation_id="jobs_show")
    def get(self, request: Request, job_id: int) -> Response:
        """The state of one job."""
        job = Job.objects.filter(pk=job_id).first()
        if job is None:
            raise Missing
        return Response(JobSerializer(job).data)
