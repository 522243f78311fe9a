"""The trail over HTTP: who saw and changed what, for those who answer for the academy's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import orjson
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import about, note_reason, noted_subjects
from academy.http.exports import ReasonSerializer, csv_response
from academy.http.pagination import NewestFirst
from academy.http.rendering import AnyAccept
from academy.tenancy.context import acting_tenant
from academy.tenancy.models import Tenant
from academy.trail import queries
from academy.trail.models import Operation, Outcome, TrailEntry
from academy.trail.queries import ACTOR_KIND, EVERYBODY, Filter

VIEW_TRAIL: Final = "trail.view"
COLUMNS: Final = (
    "time",
    "person",
    "person id",
    "role",
    "address",
    "action",
    "path",
    "outcome",
    "whose data",
    "operation",
    "table",
    "row",
    "columns",
    "old values",
    "new values",
    "reason",
    "request",
)


class TrailFilterSerializer(serializers.Serializer[Any]):
    """Times are ISO 8601; ``until`` itself is not included."""

    actor = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    subject = serializers.RegexField(r"^[a-z_]{1,16}:[0-9]{1,18}\Z", required=False)
    action = serializers.CharField(max_length=80, required=False)
    outcome = serializers.ChoiceField(choices=Outcome.choices, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    def to_filter(self) -> Filter:
        given = self.validated_data
        return Filter(**{name: given[name] for name in Filter.__dataclass_fields__ if name in given})


class TrailExportSerializer(TrailFilterSerializer, ReasonSerializer):
    pass


class TrailPersonSerializer(serializers.Serializer[Any]):
    """``name`` is null for who is no more."""

    kind = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True)


class TrailChangeSerializer(serializers.Serializer[Any]):
    """``columns`` are those that an update changed. Values are kept of a few columns only, never of personal ones."""

    operation = serializers.ChoiceField(choices=Operation.choices)
    table = serializers.CharField()
    row = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    old = serializers.DictField(allow_null=True)
    new = serializers.DictField(allow_null=True)


class TrailEntrySerializer(serializers.Serializer[Any]):
    """``actor`` is null for who did not get in; ``subjects`` are the people whose data it was."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = TrailPersonSerializer(allow_null=True)
    role = serializers.CharField()
    address = serializers.CharField(allow_null=True)
    session = serializers.UUIDField(allow_null=True)
    request_id = serializers.UUIDField()
    action = serializers.CharField()
    path = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    subjects = TrailPersonSerializer(many=True)
    is_about_everybody = serializers.BooleanField()
    change = TrailChangeSerializer(allow_null=True)
    reason = serializers.CharField()


def _person(subject: str, names: dict[str, str]) -> dict[str, object]:
    kind, _, pk = subject.partition(":")
    return {"kind": kind, "id": int(pk), "name": names.get(subject)}


def _entry_json(entry: TrailEntry, names: dict[str, str]) -> dict[str, object]:
    change = None
    if entry.operation:
        change = {
            "operation": entry.operation,
            "table": entry.table_name,
            "row": entry.row_id,
            "columns": entry.column_names,
            "old": entry.old_values,
            "new": entry.new_values,
        }
    return {
        "id": entry.pk,
        "at": entry.created_at,
        "actor": None if entry.actor_id is None else _person(f"{ACTOR_KIND}:{entry.actor_id}", names),
        "role": entry.actor_role,
        "address": entry.address,
        "session": entry.session,
        "request_id": entry.request_id,
        "action": entry.action,
        "path": entry.path,
        "outcome": entry.outcome,
        "subjects": [_person(subject, names) for subject in entry.subjects if subject != EVERYBODY],
        "is_about_everybody": EVERYBODY in entry.subjects,
        "change": change,
        "reason": entry.reason,
    }


class TrailView(APIView):
    permissions: ClassVar = {"GET": VIEW_TRAIL}
    personal: ClassVar = {"GET": about()}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[TrailFilterSerializer], responses=TrailEntrySerializer(many=True), operation_id="trail_list"
    )
    def get(self, request: Request) -> Response:
        """Who saw and changed what, newest first."""
        asked = TrailFilterSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.entries(asked.to_filter()), request, view=self) or []
        people = queries.people_of(page)
        noted_subjects(request._request).update(people)
        names = queries.names_of(people)
        return paginator.get_paginated_response([_entry_json(entry, names) for entry in page])


class TrailExportView(APIView):
    permissions: ClassVar = {"POST": VIEW_TRAIL}
    personal: ClassVar = {"POST": about(is_export=True)}
    content_negotiation_class = AnyAccept

    @extend_schema(
        request=TrailExportSerializer, responses={(200, "text/csv"): OpenApiTypes.BINARY}, operation_id="trail_export"
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        """The trail as a CSV file, newest first, for a reason that is itself recorded."""
        asked = TrailExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.to_filter()
        note_reason(request._request, asked.validated_data["reason"])
        noted_subjects(request._request).add(wanted.subject or EVERYBODY)
        rows = _csv_rows(acting_tenant(), wanted)
        return csv_response(f"trail-{timezone.localdate():%Y%m%d}.csv", COLUMNS, rows)


def _csv_rows(tenant: Tenant, wanted: Filter) -> Iterator[tuple[object, ...]]:
    for entries, names in queries.chunks_of(tenant, wanted):
        for entry in entries:
            yield _csv_row(entry, names)


def _csv_row(entry: TrailEntry, names: dict[str, str]) -> tuple[object, ...]:
    return (
        timezone.localtime(entry.created_at).isoformat(),
        names.get(f"{ACTOR_KIND}:{entry.actor_id}"),
        entry.actor_id,
        entry.actor_role,
        entry.address,
        entry.action,
        entry.path,
        entry.outcome,
        ", ".join(f"{subject} {names[subject]}" if subject in names else subject for subject in entry.subjects),
        entry.operation,
        entry.table_name,
        entry.row_id,
        ", ".join(entry.column_names),
        _json_text(entry.old_values),
        _json_text(entry.new_values),
        entry.reason,
        entry.request_id,
    )


def _json_text(values: dict[str, object] | None) -> str:
    return "" if values is None else orjson.dumps(values).decode()
