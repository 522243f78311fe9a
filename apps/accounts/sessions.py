"""Sessions in PostgreSQL, inside the walls: a session of another academy does not exist here."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from apps.accounts.models import Session

_KEY = re.compile(rf"[{VALID_KEY_CHARS}]{{32}}")

# In the session: what its row shows of the browser that began it.
BROWSER_KEY: Final = "browser"


class SessionStore(DatabaseStore):
    # The row that this session was read from.
    row: Session | None = None

    def _validate_session_key(self, key: str) -> bool:
        # Django asks for eight characters of any kind; PostgreSQL has no NUL, and a cookie can hold one.
        return bool(key and _KEY.fullmatch(key))

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        row: Session | None = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
        self.row = row
        return self.decode(row.session_data) if row else {}

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        user_id = data.get(SESSION_KEY)
        row.user_id = int(user_id) if user_id else None
        browser = data.get(BROWSER_KEY, {})
        row.user_agent, row.address = browser.get("user_agent", ""), browser.get("address", "")
        return row
