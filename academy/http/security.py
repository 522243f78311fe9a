"""What browsers may do with our answers: nothing, unless a page says what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from django.http import HttpRequest, HttpResponse

HEADER: Final = "Content-Security-Policy"

# For data, which no browser should ever run or frame.
NOTHING: Final[Mapping[str, Sequence[str]]] = {
    "default-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'none'"],
}


def policy(**sources: Sequence[str]) -> str:
    """The header's value: nothing is allowed but ``sources``, e.g. ``policy(script_src=["'self'"])``."""
    directives = {**NOTHING, **{name.replace("_", "-"): value for name, value in sources.items()}}
    return "; ".join(f"{name} {' '.join(value)}" for name, value in directives.items())


STRICTEST: Final = policy()


class ContentSecurityPolicyMiddleware:
    """Gives the strictest policy to every answer that brings none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, STRICTEST)
        return response
