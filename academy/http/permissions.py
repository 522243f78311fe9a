"""Deny by default: a view names, per HTTP method, the permission it needs and whose data it is about.

What is not named is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from academy.http.disclosures import declared_personal

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself imports this module, through its settings

# Declared by views that anybody may call, e.g. to log in.
PUBLIC: Final = "public"
# Declared by views that any signed-in person may call about themselves.
SIGNED_IN: Final = "signed_in"
# Declared by views that complete the log-in or end it: a person whose second factor is due may call these only.
SIGNING_IN: Final = "signing_in"


class SecondFactorDue(PermissionDenied):
    """Who asks has given a password or a code, and not yet the second factor that they have or must have."""

    default_code = "second_factor_due"
    default_detail = gettext_lazy("Confirm with your second factor first.")


def declared_permission(view: type[APIView] | APIView, method: str) -> str | None:
    """The permission that ``view`` declares for ``method``, ``None`` when it declares none."""
    declared: Mapping[str, str] = getattr(view, "permissions", {})
    return declared.get("GET" if method == "HEAD" else method)


class DeclaredPermission(BasePermission):
    """Grants what the view declares for the method and the person's role has; refuses everything else.

    Raises ``MethodNotAllowed`` for a method that the view does not have at all, and ``SecondFactorDue``.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = declared_permission(view, request.method or "")
        if needed is None or declared_personal(view, request.method or "") is None:
            if not hasattr(view, (request.method or "").lower()):
                raise MethodNotAllowed(request.method or "")
            return False
        if needed == PUBLIC:
            return True
        if not request.user.is_authenticated:
            return False
        if needed == SIGNING_IN:
            return True
        if request.user.second_factor_due(request._request.session) is not None:
            raise SecondFactorDue
        return needed == SIGNED_IN or bool(request.user.may(needed))
