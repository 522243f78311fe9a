"""Telling students and their guardians that a result of theirs is out."""

from __future__ import annotations

from collections.abc import Collection

from apps.exams.models import Match, Publication, Scan
from apps.exams.results import holds_back
from apps.notices.models import NoticeKind
from apps.notices.queries import is_offered
from apps.notices.services import announce
from apps.students.models import Guardianship, Student


def announce_results(exam_id: int, student_ids: Collection[int] | None = None) -> None:
    """Tell whoever has a published result of the exam, or only those of these students. Each once, ever.

    Who is held back is not told: there is nothing to see yet.
    """
    published = Publication.objects.filter(exam_id=exam_id, withdrawn_at=None).first() if is_offered() else None
    if published is None:
        return
    theirs = Scan.objects.filter(exam_id=exam_id, match=Match.MATCHED, student_id__isnull=False)
    if student_ids is not None:
        theirs = theirs.filter(student_id__in=student_ids)
    held_back = theirs.filter(holds_back(published.created_at))
    shown = theirs.filter(points__isnull=False).exclude(student_id__in=held_back.values("student_id"))
    students = set(shown.values_list("student_id", flat=True))
    own = Student.objects.filter(pk__in=students, user__isnull=False).values_list("user_id", flat=True)
    guardians = Guardianship.objects.filter(student_id__in=students).values_list("user_id", flat=True)
    announce(NoticeKind.RESULT, about=exam_id, user_ids={*own, *guardians})
