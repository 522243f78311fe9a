"""Pages of the desk: of each method its permission and whose data it is about. What is not declared is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.views.decorators.cache import never_cache

from academy.desk.errors import PREFIX
from academy.http.disclosures import Personal, declared_personal, note_status
from academy.http.errors import DomainError, Missing
from academy.http.permissions import PUBLIC, SIGNING_IN

View: TypeAlias = Callable[..., HttpResponse]
Method = TypeVar("Method", bound=Callable[..., HttpResponse])

DECLARED: Final = "desk_permissions"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a site: its path below ``/admin/``, the name of its URL, method -> permission, method -> whose data."""

    path: str
    name: str
    view: View
    permissions: Mapping[str, str]
    personal: Mapping[str, Personal]


def page(path: str, name: str, personal: Personal, **permissions: str) -> Callable[[Method], Method]:
    """Make a method of a ``DeskAdmin`` a page below its list: ``@page("<int:object_id>/end/", "end", OWN, POST=...)``.

    The name of its URL is ``<app>_<model>_<name>``.
    """

    def declare(method: Method) -> Method:
        setattr(method, DECLARED, Page(path, name, method, permissions, dict.fromkeys(permissions, personal)))
        return method

    return declare


def guarded(page: Page, *, entry: str, log_in_url: Callable[[HttpRequest], str]) -> View:
    """The view of ``page`` for those who may: strangers are sent to ``log_in_url``, who has no ``entry`` finds nothing.

    Refusals come before any object is looked at, so that they say nothing about it.
    """
    permissions = page.permissions

    def log_in_first(request: HttpRequest) -> HttpResponse:
        note_status(request, 401)
        return HttpResponseRedirect(log_in_url(request))

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user: Any = request.user
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = permissions.get(method)
        if needed != PUBLIC:
            if not user.is_authenticated:
                return log_in_first(request)
            if not user.may(entry):
                raise Http404
            if needed != SIGNING_IN and user.second_factor_due(request.session) is not None:
                return log_in_first(request)
        if needed is None or declared_personal(page, method) is None:
            return HttpResponseNotAllowed(permissions)
        if needed not in (PUBLIC, SIGNING_IN) and not user.may(needed):
            raise PermissionDenied
        try:
            return page.view(request, *args, **kwargs)
        except Missing as error:
            raise Http404 from error

    found = never_cache(answer)
    found.permissions = permissions  # type: ignore[attr-defined]  # what the walk over the pages reads
    found.personal = page.personal  # type: ignore[attr-defined]  # and the trail
    return found


def note_error(request: HttpRequest, error: DomainError) -> None:
    """That a service refused, so that the trail does not take the page that says so for a thing done."""
    note_status(request, error.status_code)


def show_error(request: HttpRequest, form: Form, error: DomainError) -> None:
    """Put what a service refused where it belongs: ``people.0.phone`` at the field ``phone``."""
    note_error(request, error)
    field = (error.attr or "").rsplit(".", 1)[-1]
    form.add_error(field if field in form.fields else None, error.message)


def carry_out(request: HttpRequest, call: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do what a button says, and go ``back`` with a notice of how it went. Raises ``Missing``."""
    try:
        call()
    except Missing:
        raise
    except DomainError as error:
        note_error(request, error)
        messages.error(request, error.message)
    else:
        session = request.session
        if session.session_key and not session.exists(session.session_key):
            logout(request)  # it was their own session that they ended: there is none to keep a notice in
        else:
            messages.success(request, done)
    return HttpResponseRedirect(back)


def is_inside(url: str) -> bool:
    """Whether ``url`` is a path of this site and of no other host, so that a log-in may lead there."""
    return url.startswith(PREFIX) and "\\" not in url and not any(ord(character) < 32 for character in url)
