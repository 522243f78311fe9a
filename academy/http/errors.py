"""The one error envelope, and the domain errors that become it.

``{"type": "client_error", "errors": [{"code": "...", "detail": "...", "attr": null}]}``: the shape of
drf-standardized-errors, also for errors raised outside REST framework (unknown host, unknown URL).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext, gettext_lazy
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import APIException, NotFound, ParseError


class DomainError(Exception):
    """Something a person asked for that cannot be done. ``code`` is for programs, the message for people."""

    status_code: ClassVar[int] = 409
    code: ClassVar[str] = "conflict"

    def __init__(self, message: str, *, attr: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.attr = attr


class Refused(DomainError):
    """The request is understood and not allowed."""

    status_code = 403
    code = "refused"


class Invalid(DomainError):
    """A value does not fit."""

    status_code = 400
    code = "invalid"


class Missing(DomainError):
    """There is no such thing, or it is not this person's to know of: one answer for both."""

    status_code = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(gettext("Not found."))


class RequestTooLarge(APIException):
    """Files are sent to S3; what comes here is small."""

    status_code = 413
    default_code = "request_too_large"
    default_detail = gettext_lazy(
        "The request is too large. Files are sent to the address that an upload answers with."
    )


class EnvelopeExceptionHandler(ExceptionHandler):
    """Maps domain errors to responses, once."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, Missing):
            return NotFound()
        if isinstance(exc, DomainError):
            mapped = APIException(detail={exc.attr: [exc.message]} if exc.attr else exc.message, code=exc.code)
            mapped.status_code = exc.status_code
            mapped.wait = getattr(exc, "retry_after_seconds", None)  # type: ignore[attr-defined]  # becomes Retry-After
            return mapped
        if isinstance(exc, RequestDataTooBig):
            return RequestTooLarge()
        if isinstance(exc, SuspiciousOperation):
            return ParseError()
        converted: Exception = super().convert_known_exceptions(exc)
        return converted


def error_response(status: int, code: str, detail: str) -> JsonResponse:
    """The envelope for what fails outside REST framework."""
    kind = "server_error" if status >= 500 else "client_error"
    body: dict[str, Any] = {"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}
    return JsonResponse(body, status=status)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001  Django's signature
    return error_response(404, "not_found", gettext("Not found."))


def server_error(request: HttpRequest) -> JsonResponse:  # noqa: ARG001  Django's signature
    return error_response(500, "error", gettext("Something went wrong on our side. It has been reported."))


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    return error_response(400, "bad_request", gettext("The request could not be understood."))
