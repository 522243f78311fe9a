"""Copies of a sheet for the students of a class, each with a code of its own."""

from __future__ import annotations

import secrets

from apps.exams.models import SheetSet, StudentSheet
from apps.students.models import Student
from sheets.layout import VERSIONS, Layout
from sheets.payload import TOKEN_ALPHABET, TOKEN_LENGTH
from sheets.pdf import Prefill


def copies_of_students(wanted: SheetSet, layout: Layout) -> list[Prefill]:
    """What is printed for each student that is still there, in the order asked for.

    A student keeps token and version when sheets are printed again, so that every print of them is read alike. With
    versions, neighbours have different ones. A number that the sheet has no room for is left to the student.
    """
    students = Student.objects.in_bulk(wanted.students)
    present = [students[student_id] for student_id in wanted.students if student_id in students]
    letters = layout.versions or (VERSIONS[:2] if wanted.has_versions else ())
    StudentSheet.objects.bulk_create(
        (
            StudentSheet(
                exam_id=wanted.exam_id,
                student=student,
                token=_new_token(),
                version=letters[index % len(letters)] if wanted.has_versions else "",
            )
            for index, student in enumerate(present)
        ),
        ignore_conflicts=True,
    )
    sheets = StudentSheet.objects.filter(exam_id=wanted.exam_id, student__in=present)
    by_student = {sheet.student_id: sheet for sheet in sheets}
    return [
        Prefill(
            name=student.name,
            number=student.number if _fits(student.number, layout) else "",
            token=by_student[student.pk].token,
            version=by_student[student.pk].version if wanted.has_versions else "",
        )
        for student in present
    ]


def _fits(number: str, layout: Layout) -> bool:
    return len(number) == layout.number_digits and number.isascii() and number.isdigit()


def _new_token() -> str:
    return "".join(secrets.choice(TOKEN_ALPHABET) for _ in range(TOKEN_LENGTH))
