"""Phone numbers: taken as people write them, kept as E.164."""

from __future__ import annotations

import phonenumbers

DEFAULT_REGION = "KR"


def parse_phone(text: str) -> str | None:
    """E.164 of ``text`` (``010-1234-5678``, ``+82 10 1234 5678``), or ``None`` when it is no valid number."""
    try:
        number = phonenumbers.parse(text, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
