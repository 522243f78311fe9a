"""``Idempotency-Key``: a request that is sent again, because its answer was lost, is answered again and not done again.

The key's row is written first, in the request's own transaction, under a unique constraint: a second request with the
key waits there until the first has committed, and then finds its answer; was the first rolled back, it goes ahead.
Kept are answers to what was done. What was refused left nothing behind, so it may be tried again with the same key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

import orjson
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.errors import DomainError, Invalid
from academy.jobs.models import AnsweredRequest

if TYPE_CHECKING:
    from apps.accounts.models import User

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEPT_FOR: Final = timedelta(hours=24)
MAX_KEY_CHARACTERS: Final = 255
SWEPT_AT_ONCE: Final = 20
"""Expired answers of the academy that each new one removes: more than one, so that they never pile up."""

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="Chosen by the client, e.g. a UUID. Sent again within 24 hours, the request is answered, not redone.",
)

_KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY_CHARACTERS}}}")
_LOCK_NOT_AVAILABLE: Final = "55P03"

View = TypeVar("View", bound=APIView)


class BadIdempotencyKey(Invalid):
    code: ClassVar[str] = "bad_idempotency_key"


class IdempotencyKeyReused(DomainError):
    """The key came with another request before."""

    status_code: ClassVar[int] = 422
    code: ClassVar[str] = "idempotency_key_reused"


class SameRequestRunning(DomainError):
    """The first request with this key takes longer than a second one may wait for it."""

    code: ClassVar[str] = "same_request_running"


def idempotent(handler: Callable[..., Response]) -> Callable[..., Response]:
    """For a view's method: what carries an ``Idempotency-Key`` is done once per person, endpoint and key.

    Raises ``BadIdempotencyKey``, ``IdempotencyKeyReused`` and ``SameRequestRunning``.
    """

    @wraps(handler)
    def answer_once(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not _KEY.fullmatch(key):
            raise BadIdempotencyKey(
                _("The key has 1 to {count} letters, digits and signs, no spaces.").format(count=MAX_KEY_CHARACTERS)
            )
        # What the handler raises undoes the key's row as well.
        with transaction.atomic():
            row = _take(request, key)
            if row.status is not None:
                return Response(orjson.loads(row.body), status=row.status, headers={REPLAYED_HEADER: "true"})
            response = handler(view, request, *args, **kwargs)
            row.status, row.body = response.status_code, orjson.dumps(response.data, default=str).decode()
            row.save(update_fields=["status", "body"])
        return response

    return answer_once


def forget_expired(*, at_most: int = SWEPT_AT_ONCE) -> int:
    """Delete the acting academy's answers that are no longer kept, the oldest first. Returns how many."""
    expired = AnsweredRequest.objects.filter(created_at__lt=_oldest_kept()).order_by("created_at")[:at_most]
    count, _by_model = AnsweredRequest.objects.filter(pk__in=list(expired.values_list("pk", flat=True))).delete()
    return count


def _take(request: Request, key: str) -> AnsweredRequest:
    """The key's row: a new one without an answer, or the answered one of an equal request."""
    forget_expired()
    match = request._request.resolver_match
    assert match is not None  # a view is running
    row = AnsweredRequest(
        person=cast("User", request.user),
        endpoint=f"{request.method} {match.view_name}"[:80],
        client_token=key,
        fingerprint=_fingerprint(request),
    )
    same = {"person": row.person, "endpoint": row.endpoint, "client_token": row.client_token}
    AnsweredRequest.objects.filter(**same, created_at__lt=_oldest_kept()).delete()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        answered = AnsweredRequest.objects.get(**same)
        if answered.fingerprint != row.fingerprint:
            raise IdempotencyKeyReused(
                _("This key was used for another request. Use a new key for a new request.")
            ) from None
        return answered
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise SameRequestRunning(_("The same request is still being worked on. Try again in a moment.")) from error
    return row


def _oldest_kept() -> datetime:
    return timezone.now() - KEPT_FOR


def _fingerprint(request: Request) -> str:
    """Equal for requests that ask for the same: path, query and what the body says, however it is written."""
    body = orjson.dumps(request.data, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return sha256(request._request.get_full_path().encode() + b"\n" + body).hexdigest()
