"""Opening a stream of events: one more request behind the same walls as every other."""

from __future__ import annotations

import secrets
from typing import ClassVar, Final, cast

from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.rendering import AnyAccept
from academy.jobs.changes import opening_for
from academy.jobs.requests import named_jobs, position_in
from academy.streams.framing import hello, job_event, position_mark
from academy.streams.seats import Account, EventStream, Seat, standing_of
from academy.tenancy.context import acting_tenant

# Not all at once when a service starts anew.
RETRY_MILLISECONDS: Final = (2_000, 4_000)


class EventsView(APIView):
    permissions: ClassVar = {"GET": "jobs.view"}
    personal: ClassVar = {"GET": NOT_PERSONAL}
    http_method_names: ClassVar = ["get"]  # type: ignore[misc]  # HEAD of what does not end has no answer
    content_negotiation_class = AnyAccept

    @extend_schema(
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
        operation_id="events",
        parameters=[
            OpenApiParameter("jobs", str, description="Only these jobs: up to 100 ids with commas between."),
            OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="What browsers send again."),
        ],
    )
    def get(self, request: Request) -> EventStream:
        """Server-sent events: `hello`, then `job` for each job that changes, and `end` when the rights do.

        A job is shown as by `GET /jobs`. Where `hello` says `is_resumed: false`, the events begin with what is not
        over yet, and what else is shown should be asked for again.
        """
        account = cast(Account, request.user)
        named = named_jobs(request, "jobs")
        opening = opening_for(account, named=named, since=position_in(request.headers.get("Last-Event-ID", "")))
        first, last = RETRY_MILLISECONDS
        content = [
            hello(retry_milliseconds=first + secrets.randbelow(last - first), is_resumed=opening.is_resumed),
            *(job_event(row) for row in opening.rows),
            position_mark(opening.position),
        ]
        tenant = acting_tenant()
        seat = Seat(
            tenant_id=tenant.pk,
            user_id=account.pk,
            session_key=str(request._request.session.session_key),
            standing=standing_of(account, is_second_factor_required=tenant.mfa_required_for_staff),
            language=get_language(),
            named=named,
        )
        return EventStream(b"".join(content), seat=seat, position=opening.position)
