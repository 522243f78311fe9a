"""Entries of the acting academy's trail."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from academy.trail.models import TrailEntry
from apps.accounts.models import User
from apps.students.models import Student


def make_trail_entry(
    actor: User | None, *students: Student, action: str = "students.viewed", **fields: Any
) -> TrailEntry:
    """That ``actor`` was shown the data of ``students``."""
    values: dict[str, Any] = {"request_id": uuid4(), "path": "/api/v1/students", "address": "203.0.113.7", **fields}
    values.setdefault("subjects", [f"student:{student.pk}" for student in students])
    if actor is not None:
        values |= {"actor_id": actor.pk, "actor_role": actor.role}
    entry = TrailEntry(action=action, **values)
    entry.save(force_insert=True)
    return entry
