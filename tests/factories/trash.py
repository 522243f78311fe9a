"""What somebody deleted."""

from __future__ import annotations

from apps.accounts.models import User
from apps.courses.deleting import COURSE
from apps.documents.deleting import DOCUMENT
from apps.students.models import Student
from apps.trash.models import Deletion
from apps.trash.services import delete
from tests.factories.courses import make_course
from tests.factories.documents import make_document


def make_deletions(*, by: User, student: Student) -> list[Deletion]:
    """A document of ``by``, who manages courses, and a course with the student in it; both deleted."""
    document = make_document(created_by=by, title="지난 유인물")
    course = make_course("지난 강좌", students=[student])
    return [delete(by=by, kind=DOCUMENT, row_id=document.pk), delete(by=by, kind=COURSE, row_id=course.pk)]
