"""Taking rows over: every write by the services that the API uses, a line that cannot be taken left as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from django.db import transaction
from django.utils import timezone

from academy.http.errors import DomainError
from apps.accounts.models import User
from apps.courses.services import enrol_students
from apps.rosters.models import Roster
from apps.rosters.planning import RowPlan, Verdict, named_in
from apps.rosters.queries import plan_of
from apps.students import services as students


def wrong_lines(roster: Roster) -> set[int]:
    """The lines that cannot be taken as they are."""
    return {row.line for row in plan_of(roster.rows, roster.columns, roster.named) if row.verdict is Verdict.WRONG}


def take_part(
    roster: Roster, rows: Sequence[tuple[int, Sequence[str]]], wrong: Container[int], *, by: User, following: int
) -> None:
    """Take these rows over in the current transaction, and note in the list that ``following`` is next.

    What they do is found anew: time has passed since somebody looked.
    """
    counts, left = Counter(roster.outcome.get("counts", {})), list(roster.outcome.get("left", []))
    enrolling: dict[int, list[int]] = {}
    for row in plan_of(rows, roster.columns, roster.named):
        verdict = Verdict.WRONG if row.line in wrong else row.verdict
        if verdict in (Verdict.NEW, Verdict.CHANGED):
            try:
                with transaction.atomic():
                    student_id = _take(row, by=by)
            except DomainError:
                verdict = Verdict.WRONG  # somebody wrote the same meanwhile; the next look says what
            else:
                for course_id in row.course_ids:
                    enrolling.setdefault(course_id, []).append(student_id)
        if verdict is Verdict.WRONG:
            left.append(row.line)
        counts[verdict.value] += 1
    for course_id, student_ids in enrolling.items():
        enrol_students(course_id=course_id, student_ids=list(dict.fromkeys(student_ids)))
    roster.outcome = {"next": following, "counts": counts, "left": left}
    roster.save(update_fields=["outcome"])


def _take(row: RowPlan, *, by: User) -> int:
    now = row.student
    if now is None:
        student_id = students.create_student(number=row.number, name=row.name, birth_year=row.birth_year).pk
    else:
        student_id = now.id
        if now.name != row.name:
            students.change_student(student_id=student_id, number=row.number, name=row.name)
        if now.birth_year != row.birth_year:
            students.set_birth_year(student_id=student_id, birth_year=row.birth_year)
    if row.guardian_phone:
        students.add_guardian(
            by=by, student_id=student_id, phone=row.guardian_phone, name=row.guardian_name, is_texted=False
        )
    if row.phone and (now is None or not now.phone):
        students.give_account(by=by, student_id=student_id, phone=row.phone, is_texted=False)
    return student_id


def finish_roster(roster: Roster) -> None:
    """Keep of the list what was left out, to be corrected and brought again."""
    lines = set(roster.outcome.get("left", []))
    counts = roster.outcome.get("counts", {})
    roster.rows = [row for row in roster.rows if row[0] in lines]
    roster.named = named_in(roster.rows)
    roster.outcome = {verdict.value: counts.get(verdict.value, 0) for verdict in Verdict}
    roster.taken_at = timezone.now()
    roster.save(update_fields=["rows", "named", "outcome", "taken_at"])
