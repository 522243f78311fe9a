"""A span for each request, by the name of its URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from academy.logs.naming import method_of, route_of
from academy.traces.spans import Role, is_recording, span

UNTRACED: Final = ("/health", "/ready", "/static/", "/assets/")
"""Load balancers ask the first all day; the others are files."""


class RequestTrace:
    """The first middleware where traces are recorded; otherwise none at all.

    Each request begins a trace: what a client says of one (``traceparent``) proves nothing and is not read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not is_recording():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(UNTRACED):
            return self.get_response(request)
        with span("request", role=Role.SERVER, follows="") as traced:
            response = self.get_response(request)
            method, route = method_of(request), route_of(request)
            traced.rename(f"{method} {route}")
            traced.note(method=method, route=route, status=response.status_code)
            tenant = getattr(request, "tenant", None)
            if tenant is not None:
                traced.note(tenant_id=tenant.pk)
            number = response.headers.get("X-Request-ID")
            if number is not None:
                traced.note(request_id=number)
            if response.status_code >= 500:
                traced.fail()
        return response
