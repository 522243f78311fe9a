"""Refusals as pages: the same bytes for what is not there, another academy's, and not this person's to see."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from academy.http import errors
from academy.http.errors import error_response

PREFIX = "/admin/"


def is_desk(request: HttpRequest) -> bool:
    """Whether the request is for one of the admin sites, where people want a page and not JSON."""
    return request.path.startswith(PREFIX)


def refusal(status: int, title: str, text: str) -> HttpResponse:
    """A page of its own, without menu or token: nothing on it depends on who asks, or for what."""
    return HttpResponse(render_to_string("desk/refusal.html", {"title": title, "text": text}), status=status)


def missing() -> HttpResponse:
    return refusal(404, _("There is no such page"), _("It may have been moved or deleted."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return missing() if is_desk(request) else errors.not_found(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's signature
    if is_desk(request):
        return refusal(403, _("This is not yours to see"), _("Ask an owner or a manager if you need it."))
    return error_response(403, "permission_denied", _("You do not have permission to perform this action."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_desk(request):
        return refusal(400, _("This could not be understood"), _("Go back and try again."))
    return errors.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_desk(request):
        return refusal(500, _("Something went wrong on our side"), _("It has been reported. Try again in a moment."))
    return errors.server_error(request)


def overloaded(request: HttpRequest) -> HttpResponse:
    """To who has waited too long already (academy/http/shedding.py)."""
    if is_desk(request):
        return refusal(503, _("Many people are here just now"), _("Nothing was done. Try again in a moment."))
    return error_response(503, "overloaded", _("Many people are here just now. Try again in a moment."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  Django's signature
    if is_desk(request):
        return refusal(403, _("This page was open for too long"), _("Go back, load it anew and try again."))
    return error_response(403, "permission_denied", _("The CSRF token is missing or wrong."))
