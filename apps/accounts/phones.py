"""Phone numbers: taken as people write them, kept as E.164."""

from __future__ import annotations

import phonenumbers

DEFAULT_REGION = "KR"
HOME_CODE, HOME_MOBILE_DIGITS = 82, 10


def parse_phone(text: str) -> str | None:
    """E.164 of ``text`` (``010-1234-5678``, ``+82 10 1234 5678``), or ``None`` when it is no valid number."""
    try:
        number = phonenumbers.parse(text, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or _lacks_a_digit(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _lacks_a_digit(number: phonenumbers.PhoneNumber) -> bool:
    """010 has eight digits after it; the library's plan has the seven of older prefixes for it too."""
    digits = str(number.national_number)
    return number.country_code == HOME_CODE and digits.startswith("10") and len(digits) < HOME_MOBILE_DIGITS


def as_people_write_it(number: str) -> str:
    """``010-1234-5678`` for a number of this country, the international form for another's."""
    try:
        parsed = phonenumbers.parse(number, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return number
    is_home = phonenumbers.region_code_for_number(parsed) == DEFAULT_REGION
    form = phonenumbers.PhoneNumberFormat.NATIONAL if is_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def digits_to_search(text: str) -> str:
    """The digits by which ``text``, part of a phone number, is found among E.164 numbers; "" when it is none."""
    digits = text.replace("-", "").replace(" ", "").removeprefix("+")
    return digits.removeprefix("0") if len(digits) >= 3 and digits.isascii() and digits.isdigit() else ""
