"""The person who acts: bound to the transaction beside the academy, for the trail of changes.

Nobody is bound while a machine works: what a worker or a command writes by itself leaves no entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import orjson

from academy.tenancy.context import tenant_connection


@dataclass(frozen=True)
class Actor:
    """A person of the academy ``tenant_id``, and from where and by what they act.

    ``address`` is "" and ``session`` is ``None`` for what does not come over HTTP; ``request_id`` ties the entries of
    one request together.
    """

    tenant_id: int
    user_id: int
    role: str
    action: str
    request_id: UUID
    address: str = ""
    session: UUID | None = None
    path: str = ""

    @cached_property
    def setting(self) -> str:
        """What the trigger of the trail reads (academy/tenancy/postgres/changes.py)."""
        return orjson.dumps(
            {
                "id": self.user_id,
                "role": self.role,
                "action": self.action,
                "request_id": self.request_id,
                "address": self.address or None,
                "session": self.session,
                "path": self.path,
            }
        ).decode()


@contextmanager
def acting_as(actor: Actor | None) -> Iterator[None]:
    """Inside the block what is written is this person's doing, then whoever's it was before.

    Costs a round trip with the next statement. Counts only while the person's own academy acts.
    """
    bound = tenant_connection()
    before = bound.actor
    bound.actor = actor
    try:
        yield
    finally:
        bound.actor = before
