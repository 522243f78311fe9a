"""From a request to its entries: who acts in it, and what its answer leaves in the trail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from academy.http.addresses import client_address
from academy.http.disclosures import Personal, noted_reason, noted_subjects
from academy.logs.web import REQUEST_ID
from academy.tenancy import actors
from academy.tenancy.actors import Actor
from academy.tenancy.context import acting_tenant, tenant_connection
from academy.trail.models import MAX_PATH_CHARACTERS, Operation, Outcome, TrailEntry

# By hand: it is part of every request about people, and the ORM takes as long for it as for the rest of a short list.
_INSERT: Final = (
    "INSERT INTO trail_trailentry (tenant_id, created_at, actor_id, actor_role, session, address, request_id, action,"
    " path, outcome, subjects, reason, operation, table_name, row_id, column_names)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '', '', '', '{}')"
)
_VERBS: Final = {"POST": "posted", "PUT": "set", "PATCH": "changed", "DELETE": "deleted"}


class NoReason(RuntimeError):
    """A view that hands out a file has noted no reason for it: a bug, and the file does not leave."""


def action_of(request: HttpRequest) -> str:
    """The URL's name and what was done to it: ``students.viewed``, ``person-suspend.posted``."""
    match = request.resolver_match
    name = (match.url_name or match.route) if match else "unknown"
    return f"{name}.{_VERBS.get(request.method or '', 'viewed')}"[:80]


def request_id_of(request: HttpRequest) -> UUID:
    """One for all entries of a request and all lines of its log."""
    found: UUID = request.__dict__.setdefault(REQUEST_ID, uuid4())
    return found


def _address_of(request: HttpRequest) -> str | None:
    address = client_address(request)
    # A zone ("fe80::1%eth0") means something on this machine only, and PostgreSQL's inet has none.
    return str(address).partition("%")[0] if address else None


def actor_of(request: HttpRequest, user: Any) -> Actor:
    """``user``, a person of the acting academy, as who acts in this request."""
    return Actor(
        tenant_id=acting_tenant().pk,
        user_id=user.pk,
        role=str(user.role),
        action=action_of(request),
        request_id=request_id_of(request),
        address=_address_of(request) or "",
        session=getattr(getattr(request.session, "row", None), "handle", None),
        path=request.path[:MAX_PATH_CHARACTERS].replace("\x00", ""),
    )


@contextmanager
def acting_as(user: Any, *, action: str = "", request: HttpRequest | None = None) -> Iterator[None]:
    """What is written inside is the doing of ``user``, a person of the acting academy.

    For who becomes known in the middle of ``request``, and for tasks and commands that a person has caused: ``action``
    is then the kind of job, or the command.
    """
    if request is not None:
        actor = actor_of(request, user)
    else:
        actor = Actor(acting_tenant().pk, user.pk, str(user.role), action[:80], uuid4())
    with actors.acting_as(actor):
        yield


def record_change(row: Model, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """That the acting person changed columns of a shared row, which no trigger watches. A machine leaves no entry."""
    actor = tenant_connection().actor
    if actor is None:
        return
    TrailEntry(
        actor_id=actor.user_id,
        actor_role=actor.role,
        session=actor.session,
        address=actor.address or None,
        request_id=actor.request_id,
        action=actor.action,
        path=actor.path,
        operation=Operation.UPDATE,
        table_name=row._meta.db_table,
        row_id=str(row.pk),
        column_names=sorted(new),
        old_values=dict(old),
        new_values=dict(new),
    ).save(force_insert=True)


def subjects_of(request: HttpRequest, personal: Personal, data: Any) -> set[str]:
    """The people concerned: noted by the view, and those that its declaration finds in answer and path."""
    arguments = request.resolver_match.kwargs if request.resolver_match else {}
    found = set(noted_subjects(request))
    for kind, ids in personal.ids.items():
        found.update(f"{kind}:{pk}" for pk in ids(data, arguments))
    return found


def record_answer(request: HttpRequest, personal: Personal, actor: Actor | None, response: HttpResponse) -> None:
    """Record a request that succeeded. Who only looked at themselves leaves nothing.

    Raises ``NoReason`` when people's data would leave as a file without one, whether or not the view says that it does.
    """
    subjects = subjects_of(request, personal, getattr(response, "data", None))
    reason = noted_reason(request)
    is_file = response.headers.get("Content-Disposition", "").startswith("attachment")
    if (personal.is_export or (is_file and subjects)) and not reason:
        raise NoReason(action_of(request))
    is_theirs_alone = actor is not None and subjects <= {f"user:{actor.user_id}"}
    if personal.is_recorded or personal.is_export or not is_theirs_alone:
        record(request, actor, outcome=Outcome.DONE, subjects=subjects, reason=reason)


def record(
    request: HttpRequest, actor: Actor | None, *, outcome: Outcome, subjects: Iterable[str] = (), reason: str = ""
) -> None:
    """One entry of this request, in its transaction."""
    values: list[Any] = [
        acting_tenant().pk,
        timezone.now(),
        actor.user_id if actor else None,
        actor.role if actor else "",
        actor.session if actor else None,
        _address_of(request),
        request_id_of(request),
        action_of(request),
        request.path[:MAX_PATH_CHARACTERS].replace("\x00", ""),
        outcome.value,
        sorted(subjects),
        reason,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
