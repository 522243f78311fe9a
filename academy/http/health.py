"""Liveness: asks nothing, knows no academy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse


def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return JsonResponse({"status": "ok"})
