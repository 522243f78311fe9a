"""What the QR code of a printed page says: which sheet, which page, which layout; if known, which version and copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PAYLOAD_PREFIX: Final = "AS1"
"""Answer sheet, payload version 1. Upper case keeps a numeric sheet id in QR's dense alphanumeric mode."""
COPY_PREFIX: Final = "AS2"
"""With the version and the copy's token: two more fields, either of which may be empty."""

TOKEN_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # noqa: S105  the letters, not a secret
TOKEN_LENGTH: Final = 16
"""80 bits: nobody guesses the token of another student's copy."""

_SHEET_ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PAGE = re.compile(r"[1-9][0-9]?", re.ASCII)
_VERSION = re.compile(r"[A-D]?", re.ASCII)
_TOKEN = re.compile(rf"(?:[{TOKEN_ALPHABET}]{{{TOKEN_LENGTH}}})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PagePayload:
    """The parsed code. ``fingerprint`` is the layout's, 16 lower-case hex digits; ``page`` counts from 1.

    ``version`` is the letter that the sheet was printed for, ``token`` names one student's copy; "" where neither is.
    """

    sheet_id: str
    page: int
    fingerprint: str
    version: str = ""
    token: str = ""


def page_payload(sheet_id: str, page: int, fingerprint: str, *, version: str = "", token: str = "") -> str:
    """The text of one page's code: ``AS1:<sheet id>:<page>:<FINGERPRINT>``, for a version or a copy
    ``AS2:<sheet id>:<page>:<FINGERPRINT>:<version>:<token>``.

    ``sheet_id`` is 1-40 letters, digits, ``-`` or ``_``; ``page`` 1-99; ``version`` A-D; ``token`` 16 letters of
    ``TOKEN_ALPHABET``. Raises ``ValueError`` otherwise.
    """
    if not _SHEET_ID.fullmatch(sheet_id):
        raise ValueError(f"sheet id {sheet_id!r} is not 1-40 letters, digits, '-' or '_'")
    if not 1 <= page <= 99:
        raise ValueError(f"page {page} is not in 1-99")
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(f"fingerprint {fingerprint!r} is not 16 lower-case hex digits")
    if not _VERSION.fullmatch(version):
        raise ValueError(f"version {version!r} is not A-D")
    if not _TOKEN.fullmatch(token):
        raise ValueError("the token is not 16 letters of its alphabet")
    if version or token:
        return f"{COPY_PREFIX}:{sheet_id}:{page}:{fingerprint.upper()}:{version}:{token}"
    return f"{PAYLOAD_PREFIX}:{sheet_id}:{page}:{fingerprint.upper()}"


def parse_payload(text: str) -> PagePayload:
    """The inverse of :func:`page_payload`. Raises ``ValueError`` for any other text."""
    prefix, *parts = text.split(":")
    if (prefix, len(parts)) == (PAYLOAD_PREFIX, 3):
        parts += ["", ""]
    elif (prefix, len(parts)) != (COPY_PREFIX, 5) or not (parts[3] or parts[4]):
        raise ValueError("not the code of an answer sheet")
    sheet_id, page, fingerprint, version, token = parts
    fingerprint = fingerprint.lower()
    is_sheet = _SHEET_ID.fullmatch(sheet_id) and _PAGE.fullmatch(page) and _FINGERPRINT.fullmatch(fingerprint)
    if not (is_sheet and _VERSION.fullmatch(version) and _TOKEN.fullmatch(token)):
        raise ValueError("a malformed code of an answer sheet")
    return PagePayload(sheet_id=sheet_id, page=int(page), fingerprint=fingerprint, version=version, token=token)
