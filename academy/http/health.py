"""Liveness asks nothing; readiness asks the database. Neither knows an academy."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext

from academy.http.errors import error_response


def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return error_response(503, "database_unreachable", gettext("The database does not answer."))
    return JsonResponse({"status": "ok"})
