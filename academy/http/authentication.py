"""Who is asking: the session of this academy, and nothing else."""

from __future__ import annotations

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfSessionAuthentication(SessionAuthentication):
    """Session authentication that checks the CSRF token of anonymous requests too, so also of the log-in."""

    def authenticate(self, request: Request):  # type: ignore[no-untyped-def]  # the stubs' return type is private
        if request.method not in SAFE_METHODS:
            self.enforce_csrf(request)
        user = getattr(request._request, "user", None)
        if not user or not user.is_active:
            return None
        return (user, None)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  makes 401, not 403, for strangers
        return "Session"
