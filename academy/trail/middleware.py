"""Every request of a person: what it writes is bound to them, what it shows or is refused is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from academy.http.authentication import SAFE_METHODS
from academy.http.disclosures import Personal, declared_personal, noted_status, noted_subjects
from academy.tenancy import actors
from academy.tenancy.actors import Actor
from academy.tenancy.context import tenant_connection
from academy.trail.models import Outcome
from academy.trail.recording import actor_of, record, record_answer

_PERSONAL: Final = "_academy_personal"


class TrailMiddleware:
    """Stands behind authentication and inside the request's transaction: an answer and its entry are kept together.

    A request that only reads binds nobody and so costs nothing but its entry, if it has one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with actors.acting_as(None):
            response = self.get_response(request)
            personal: Personal | None = getattr(request, _PERSONAL, None)
            if personal is not None:
                _record(request, response, personal)
            return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        # A page of the desk declares it on the function itself.
        declared = declared_personal(getattr(view, "cls", view), request.method or "")
        if declared is None:
            return
        setattr(request, _PERSONAL, declared)
        # Who logs in is not yet who they are about to be.
        if request.method not in SAFE_METHODS and not declared.is_log_in and request.user.is_authenticated:
            tenant_connection().actor = actor_of(request, request.user)


def _record(request: HttpRequest, response: HttpResponse, personal: Personal) -> None:
    status = noted_status(request) or response.status_code
    actor = tenant_connection().actor or _known_person(request)
    if status < 400:
        if personal.is_log_in:
            actor = actor_of(request, request.user)
        record_answer(request, personal, actor, response)
    elif status == 403 and actor is not None:
        record(request, actor, outcome=Outcome.REFUSED)
    elif status == 401 and personal.is_log_in:
        # Whose door it was is noted where the phone is looked up.
        record(request, actor, outcome=Outcome.FAILED, subjects=noted_subjects(request))


def _known_person(request: HttpRequest) -> Actor | None:
    """Who was asked for already; nobody is looked up here for the sake of it."""
    user = getattr(request, "_cached_user", None)
    return actor_of(request, user) if user is not None and user.is_authenticated else None
