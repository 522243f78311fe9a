"""A request by names that we have made: the URL's name and a known method, never what a stranger wrote."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

NO_ROUTE: Final = "(none)"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(request: HttpRequest) -> str:
    """The name of the URL that answers, "(none)" where none does."""
    match = request.resolver_match
    return (match.view_name if match else "") or NO_ROUTE


def method_of(request: HttpRequest) -> str:
    return request.method if request.method in _METHODS else "(other)"
