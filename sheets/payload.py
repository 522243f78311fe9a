"""What the QR code of a printed page says: which sheet, which page, which layout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PAYLOAD_PREFIX: Final = "AS1"
"""Answer sheet, payload version 1. Upper case keeps a numeric sheet id in QR's dense alphanumeric mode."""

_SHEET_ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PAGE = re.compile(r"[1-9][0-9]?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PagePayload:
    """The parsed code. ``fingerprint`` is the layout's, 16 lower-case hex digits; ``page`` counts from 1."""

    sheet_id: str
    page: int
    fingerprint: str


def page_payload(sheet_id: str, page: int, fingerprint: str) -> str:
    """The text of one page's code: ``AS1:<sheet id>:<page>:<FINGERPRINT>``.

    ``sheet_id`` is 1-40 letters, digits, ``-`` or ``_``; ``page`` 1-99. Raises ``ValueError`` otherwise.
    """
    if not _SHEET_ID.fullmatch(sheet_id):
        raise ValueError(f"sheet id {sheet_id!r} is not 1-40 letters, digits, '-' or '_'")
    if not 1 <= page <= 99:
        raise ValueError(f"page {page} is not in 1-99")
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(f"fingerprint {fingerprint!r} is not 16 lower-case hex digits")
    return f"{PAYLOAD_PREFIX}:{sheet_id}:{page}:{fingerprint.upper()}"


def parse_payload(text: str) -> PagePayload:
    """The inverse of :func:`page_payload`. Raises ``ValueError`` for any other text."""
    parts = text.split(":")
    if len(parts) != 4 or parts[0] != PAYLOAD_PREFIX:
        raise ValueError("not the code of an answer sheet")
    _, sheet_id, page, fingerprint = parts
    fingerprint = fingerprint.lower()
    if not (_SHEET_ID.fullmatch(sheet_id) and _PAGE.fullmatch(page) and _FINGERPRINT.fullmatch(fingerprint)):
        raise ValueError("a malformed code of an answer sheet")
    return PagePayload(sheet_id=sheet_id, page=int(page), fingerprint=fingerprint)
