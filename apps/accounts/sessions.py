"""Sessions in PostgreSQL, inside the walls: a session of another academy does not exist here."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from apps.accounts.models import Session

_KEY = re.compile(rf"[{VALID_KEY_CHARS}]{{32}}")


class SessionStore(DatabaseStore):
    def _validate_session_key(self, key: str) -> bool:
        # Django asks for eight characters of any kind; PostgreSQL has no NUL, and a cookie can hold one.
        return bool(key and _KEY.fullmatch(key))

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        user_id = data.get(SESSION_KEY)
        row.user_id = int(user_id) if user_id else None
        return row
