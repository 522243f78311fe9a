"""What a list would do to the academy, row by row, before anything is written. Pure: what is known is handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from django.utils.translation import gettext

from apps.accounts.phones import as_people_write_it
from apps.accounts.roles import Role
from apps.rosters.fields import Field, birth_year_in, number_in, phone_in
from apps.students.models import Student

MAX_NAME_CHARACTERS: Final = 80
_BETWEEN_COURSES: Final = re.compile(r"[,;/\n]")


class Verdict(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"


class Now(NamedTuple):
    """A student as they are; ``phone`` of their own account, "" without one."""

    id: int
    number: str
    name: str
    birth_year: int | None
    phone: str
    has_consent: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What the academy has of all that a list names."""

    students: Sequence[Now] = ()
    roles: Mapping[str, str] = field(default_factory=dict)  # phone -> role
    guardianships: frozenset[tuple[int, str]] = frozenset()  # student, phone
    courses: Mapping[str, Sequence[int]] = field(default_factory=dict)  # name -> running courses
    enrolments: frozenset[tuple[int, int]] = frozenset()  # student, course


@dataclass(slots=True)
class RowPlan:
    """What one line would do. ``problems`` keep it from being taken; ``notes`` say what of it will not be."""

    line: int
    cells: Mapping[str, str]
    student: Now | None = None
    number: str = ""
    name: str = ""
    birth_year: int | None = None
    phone: str = ""
    guardian_phone: str = ""
    guardian_name: str = ""
    course_ids: list[int] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        if self.problems:
            return Verdict.WRONG
        if self.student is None:
            return Verdict.NEW
        return Verdict.CHANGED if self.changes else Verdict.SAME


def cells_of(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of one row by field."""
    return {name: " ".join(cell.split()) for name, cell in zip(columns, cells, strict=False) if name}


def named_in(rows: Sequence[tuple[int, Sequence[str]]]) -> list[str]:
    """Whatever in these rows may be a phone (E.164) or a student number, in whichever column."""
    found: set[str] = set()
    for _line, cells in rows:
        for cell in cells:
            if any(letter.isdigit() for letter in cell):
                found.update(filter(None, (phone_in(cell), number_in(cell))))
    return sorted(found)


def plan_rows(rows: Sequence[tuple[int, Sequence[str]]], columns: Sequence[str], known: Known) -> list[RowPlan]:
    """What each row would do, in their order."""
    planner = _Planner(known)
    return [planner.plan(line, cells_of(columns, cells)) for line, cells in rows]


class _Planner:
    """Goes through the rows once; remembers in which line a number or phone stood first."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.by_number = {student.number: student for student in known.students}
        self.by_phone = {student.phone: student for student in known.students if student.phone}
        self.lines: dict[str, int] = {}
        self.guardians: dict[str, int] = {}

    def plan(self, line: int, cells: Mapping[str, str]) -> RowPlan:
        row = RowPlan(line, cells)
        row.phone = self._phone(row, Field.PHONE)
        row.guardian_phone = self._phone(row, Field.GUARDIAN_PHONE)
        self._whose(row)
        self._name(row)
        self._birth_year(row)
        self._own_phone(row)
        self._guardian(row)
        self._courses(row)
        return row

    def _phone(self, row: RowPlan, name: Field) -> str:
        text = row.cells.get(name, "")
        phone = phone_in(text) if text else ""
        if phone is None:
            words = gettext("The guardian's phone") if name is Field.GUARDIAN_PHONE else gettext("The phone")
            row.problems.append(gettext("{what} is not a phone number: {text}").format(what=words, text=text[:40]))
        return phone or ""

    def _once(self, row: RowPlan, value: str, words: str) -> None:
        first = self.lines.setdefault(value, row.line)
        if first != row.line:
            row.problems.append(gettext("{what} stands in line {line} already.").format(what=words, line=first))

    def _whose(self, row: RowPlan) -> None:
        text = row.cells.get(Field.NUMBER, "")
        if text:
            number = number_in(text)
            if number is None:
                row.problems.append(gettext("A student number is 1 to 20 digits or capital letters."))
                return
            row.number, row.student = number, self.by_number.get(number)
        elif row.phone in self.by_phone:
            row.student = self.by_phone[row.phone]
            row.number = row.student.number
        else:
            row.problems.append(gettext("The student number is missing."))
            return
        self._once(row, row.number, gettext("This student number"))

    def _name(self, row: RowPlan) -> None:
        now, text = row.student, row.cells.get(Field.NAME, "")
        if not text and now is not None:
            row.name = now.name
        elif not text:
            row.problems.append(gettext("The name is missing."))
        elif len(text) > MAX_NAME_CHARACTERS:
            row.problems.append(gettext("The name is too long."))
        else:
            row.name = text
            if now is not None and now.name != text:
                row.changes.append(gettext("Name: {before} → {after}").format(before=now.name, after=text))

    def _birth_year(self, row: RowPlan) -> None:
        now, text = row.student, row.cells.get(Field.BIRTH_YEAR, "")
        row.birth_year = now.birth_year if now is not None else None
        if not text:
            return
        year = birth_year_in(text)
        if year is None:
            row.problems.append(gettext("This is not a year of birth: {text}").format(text=text[:40]))
        elif now is not None and now.birth_year != year:
            row.changes.append(
                gettext("Year of birth: {before} → {after}").format(before=now.birth_year or "–", after=year)
            )
        row.birth_year = year or row.birth_year

    def _own_phone(self, row: RowPlan) -> None:
        phone, now = row.phone, row.student
        if not phone:
            return
        if phone == row.guardian_phone:
            row.problems.append(gettext("Student and guardian have the same phone. Leave one of them empty."))
            return
        is_anothers = self.by_phone.get(phone, now) != now or phone in self.guardians
        if is_anothers or self.known.roles.get(phone, Role.STUDENT) != Role.STUDENT:
            row.problems.append(gettext("The student's phone belongs to somebody else here."))
            return
        self._once(row, phone, gettext("This phone"))
        if now is not None and now.phone == phone:
            return
        if now is not None and now.phone:
            row.notes.append(gettext("The student keeps the phone they have; they change it by themselves."))
            row.phone = ""
        elif self._needs_consent(row):
            row.notes.append(
                gettext("No account yet: the student may be under 14, and a guardian has to consent first.")
            )
            row.phone = ""
        else:
            row.changes.append(gettext("Account: {phone}").format(phone=as_people_write_it(phone)))

    @staticmethod
    def _needs_consent(row: RowPlan) -> bool:
        if row.student is not None and row.student.has_consent:
            return False
        return Student(birth_year=row.birth_year).needs_consent

    def _guardian(self, row: RowPlan) -> None:
        phone = row.guardian_phone
        row.guardian_name = row.cells.get(Field.GUARDIAN_NAME, "")[:MAX_NAME_CHARACTERS]
        if not phone:
            return
        if not row.guardian_name:
            row.guardian_name = gettext("Guardian of {name}").format(name=row.name)[:MAX_NAME_CHARACTERS]
        if self.known.roles.get(phone, Role.GUARDIAN) != Role.GUARDIAN or phone in self.lines:
            row.problems.append(gettext("The guardian's phone belongs to somebody who is not a guardian here."))
            return
        self.guardians.setdefault(phone, row.line)
        if row.student is None or (row.student.id, phone) not in self.known.guardianships:
            row.changes.append(gettext("Guardian: {phone}").format(phone=as_people_write_it(phone)))

    def _courses(self, row: RowPlan) -> None:
        text = row.cells.get(Field.COURSE, "")
        if not text:
            return
        names = [text] if text in self.known.courses else [part.strip() for part in _BETWEEN_COURSES.split(text)]
        for name in filter(None, names):
            found = self.known.courses.get(name, ())
            if len(found) != 1:
                told = (
                    gettext("More than one course is called {name}.")
                    if found
                    else gettext("There is no course {name}.")
                )
                row.problems.append(told.format(name=name[:40]))
            elif row.student is None or (row.student.id, found[0]) not in self.known.enrolments:
                row.course_ids.append(found[0])
                row.changes.append(gettext("Course: {name}").format(name=name))
