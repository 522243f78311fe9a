"""Who is asking, as a person of this academy."""

from __future__ import annotations

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from apps.accounts.models import User


def person_of(request: Request) -> User:
    """The signed-in person. Raises ``NotAuthenticated``; behind a declared permission there always is one."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
