"""One request, one academy, one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from academy.http.errors import error_response
from academy.tenancy.context import acting_for
from academy.tenancy.hosts import tenant_of_host
from academy.tenancy.models import Tenant, TenantStatus

if TYPE_CHECKING:

    class TenantHttpRequest(HttpRequest):
        tenant: Tenant


# Asked by load balancers, on any host or none. They see no tenant.
UNTENANTED_PATHS: Final = frozenset({"/health", "/ready"})


def host_of(request: HttpRequest) -> str | None:
    """The request's host: lower case, without port or trailing dot; ``None`` when the header is malformed."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return None
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name.removesuffix(".").lower()


class TenantMiddleware:
    """Finds the academy by host, opens the request's transaction and acts for it until the response is made.

    A response of 500 or more rolls back, since by then the exception that caused it is a response already, and so
    does one with the attribute ``must_roll_back``. An unknown host and a suspended academy get the same 404.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in UNTENANTED_PATHS:
            return self.get_response(request)
        host = host_of(request)
        tenant = tenant_of_host(host) if host else None
        if tenant is None or tenant.status != TenantStatus.ACTIVE:
            return error_response(404, "academy_not_found", gettext("There is no academy at this address."))
        request.tenant = tenant  # type: ignore[attr-defined]
        if tenant.is_platform:
            request.urlconf = settings.PLATFORM_URLCONF  # type: ignore[attr-defined]  # Django reads it
        with acting_for(tenant), transaction.atomic():
            response = self.get_response(request)
            if response.status_code >= 500 or getattr(response, "must_roll_back", False):
                transaction.set_rollback(True)
        return response
