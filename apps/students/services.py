"""Everything that writes students."""

from __future__ import annotations

import re
from typing import ClassVar

from django.db import IntegrityError, transaction

from academy.http.errors import DomainError, Invalid
from apps.students.models import NUMBER_PATTERN, Student


class NumberTaken(DomainError):
    code: ClassVar[str] = "number_taken"


def create_student(*, number: str, name: str) -> Student:
    """A new student. Raises ``Invalid`` for a malformed number and ``NumberTaken`` when the academy has it."""
    if not re.match(NUMBER_PATTERN, number):
        raise Invalid("A student number is 1 to 20 digits or capital letters.", attr="number")
    student = Student(number=number, name=name)
    try:
        with transaction.atomic():
            student.save()
    except IntegrityError as error:
        raise NumberTaken("A student of this academy has this number already.", attr="number") from error
    return student
