"""The columns that a list can have: how people head them, and what a cell of each means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from django.utils import timezone

from apps.accounts.phones import parse_phone
from apps.students.models import NUMBER_PATTERN

MAX_HEADER_LINES: Final = 10
"""How far down the heading may stand: above it lists have a title and a date."""
_NOT_LETTERS: Final = re.compile(r"[\s\W_]+")
_SERIAL: Final = range(20_000, 60_000)
"""Days since 1899-12-30 as Excel counts them, of births from 1954 to 2064."""
_EPOCH: Final = date(1899, 12, 30)


class Field(StrEnum):
    NUMBER = "number"
    NAME = "name"
    BIRTH_YEAR = "birth_year"
    PHONE = "phone"
    GUARDIAN_NAME = "guardian_name"
    GUARDIAN_PHONE = "guardian_phone"
    COURSE = "course"


_HEADINGS: Final[Mapping[Field, str]] = {
    Field.NUMBER: "번호 학생번호 수험번호 원번 원생번호 학번 출석번호 number studentnumber studentno studentid no id",
    Field.NAME: "이름 성명 학생 학생명 학생이름 학생성명 원생명 원생이름 name student studentname fullname",
    Field.BIRTH_YEAR: "출생연도 출생년도 생년 생년월일 생일 birthyear yearofbirth birthday birthdate dateofbirth",
    Field.PHONE: "전화 전화번호 연락처 휴대폰 휴대전화 핸드폰 휴대폰번호 핸드폰번호 학생전화 학생전화번호 학생연락처 "
    "학생휴대폰 학생휴대폰번호 학생핸드폰 학생hp hp phone mobile phonenumber cellphone studentphone studentsphone",
    Field.GUARDIAN_NAME: "보호자 보호자명 보호자이름 보호자성명 학부모 학부모명 학부모이름 학부모성명 부모님 어머니 "
    "guardian guardianname guardiansname parent parentname",
    Field.GUARDIAN_PHONE: "학부모전화 학부모전화번호 학부모연락처 학부모휴대폰 학부모휴대폰번호 학부모핸드폰 학부모hp "
    "보호자전화 보호자전화번호 보호자연락처 보호자휴대폰 보호자휴대폰번호 보호자핸드폰 "
    "부모님전화 부모님전화번호 부모님연락처 "
    "부모연락처 부모전화 모연락처 부연락처 모전화 부전화 어머니전화 어머니연락처 아버지연락처 "
    "guardianphone guardiansphone parentphone parentsphone guardianmobile parentmobile",
    Field.COURSE: "반 반명 반이름 수업 수업명 수강반 강좌 강좌명 클래스 학급 class classname course coursename",
}
_KNOWN: Final[Mapping[str, Field]] = {
    heading: field for field, headings in _HEADINGS.items() for heading in headings.split()
}


def field_of(heading: str) -> Field | None:
    """The field that a column headed so holds: "학부모 전화 (필수)" is the guardian's phone."""
    plain = re.sub(r"[(\[（].*", "", heading)
    return _KNOWN.get(_NOT_LETTERS.sub("", plain).casefold())


def columns_of(header: Sequence[str]) -> list[str]:
    """The field of each column, each field once; "" where the heading says nothing that is known."""
    found: list[str] = []
    for heading in header:
        field = field_of(heading)
        found.append(field.value if field is not None and field.value not in found else "")
    return found


def header_line(rows: Sequence[tuple[int, Sequence[str]]]) -> int | None:
    """The place of the row that heads the others: the first with two known headings, or with one and nothing else."""
    for place, (_line, cells) in enumerate(rows[:MAX_HEADER_LINES]):
        known = sum(field_of(cell) is not None for cell in cells)
        filled = sum(bool(cell) for cell in cells)
        if known >= 2 or (known == 1 and filled == 1 and place == 0):
            return place
    return None


def number_in(text: str) -> str | None:
    """A student number as it is kept, ``None`` for what is none."""
    number = text.replace(" ", "").replace("-", "").upper()
    return number if re.match(NUMBER_PATTERN, number) else None


def phone_in(text: str) -> str | None:
    """E.164 of a phone, also of one whose leading zero a spreadsheet took away; ``None`` for what is none."""
    digits = re.sub(r"[\s.()-]", "", text)
    if re.fullmatch(r"1[016789][0-9]{7,8}", digits):
        digits = f"0{digits}"
    if re.fullmatch(r"010[2-46-9][0-9]{7}", digits):
        return f"+82{digits[1:]}"  # what nearly all are, without the cost of looking it up
    if digits.startswith("010") and len(digits) != 11:
        return None  # a digit is missing: no such number is given out any more
    return parse_phone(digits)


def birth_year_in(text: str) -> int | None:
    """The year of 2012, 2012-03-04, 20120304, 120304, 2012년생, or of a day as Excel counts; else ``None``."""
    this_year = timezone.localdate().year
    plain = text.strip().removesuffix("생").removesuffix("년").strip()
    if re.fullmatch(r"[0-9]{5}", plain) and int(plain) in _SERIAL:
        year = (_EPOCH + timedelta(days=int(plain))).year
    elif re.fullmatch(r"[0-9]{6}", plain):
        year = 2000 + int(plain[:2])
        year -= 100 if year > this_year else 0
    elif found := re.match(r"([0-9]{4})(?![0-9])|([0-9]{4})[0-9]{4}\Z", plain):
        year = int(found[1] or found[2])
    else:
        return None
    return year if 1900 <= year <= this_year else None
