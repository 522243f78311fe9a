"""Keyset pagination: the cost of a page does not grow with its number."""

from __future__ import annotations

import re
from typing import Final

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_ID: Final = re.compile(r"[0-9]{1,19}")


class NewestFirst(CursorPagination):
    """By id, newest first. ``?cursor=`` continues; ``?page_size=`` up to 200."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The place to go on from. Raises ``NotFound`` for a cursor that no answer of ours held."""
        cursor = super().decode_cursor(request)
        if cursor is not None and (cursor.offset or not _ID.fullmatch(str(cursor.position))):
            raise NotFound(self.invalid_cursor_message)
        return cursor
