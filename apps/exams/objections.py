"""Objections of students to what was read: what stands where, and the end of those that nobody has to decide any more.

Whoever calls these holds the exam's key (``grading.hold_key``), as whoever raises or decides one does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.exams.corrections import effective_reading
from apps.exams.models import Match, Objection, ObjectionState, Scan
from apps.notices.models import NoticeKind
from apps.notices.services import announce


def asked_objections() -> QuerySet[Objection]:
    """Those that nobody has decided."""
    return Objection.objects.filter(state=ObjectionState.ASKED)


def is_objected_to() -> Q:
    """Of scans: whether somebody says that something was read wrong, and nobody has decided."""
    return Q(pk__in=asked_objections().values("scan_id"))


def what_stands(scan: Scan, label: str) -> list[str]:
    """What holds at ``label`` of a page that was read: a field's values, an essay's points, at "" all there is."""
    reading = effective_reading(scan)
    stands = {field.label: list(field.values) for field in reading.fields}
    stands |= {crop.label: _points(scan, crop.label) for crop in reading.essays}
    if label:
        return stands.get(label, [])
    version = reading.version.values if reading.version is not None else ()
    return [" ".join((name, *values)) for name, values in stands.items()] + list(version)


def _points(scan: Scan, label: str) -> list[str]:
    points = scan.essay_points.get(label)
    return [] if points is None else [f"{Decimal(points).normalize():f}"]


def settle_objections(scans: Iterable[Scan], *, by: User | None = None) -> None:
    """End the objections to ``scans``, as they are now, with which there is nothing left to decide.

    What stands was changed, by a correction, by points or by reading again; or the page counts for that student no
    more. Then the page was what the objection was about, or the answer on it is no longer theirs to speak of.
    """
    by_id = {scan.pk: scan for scan in scans if scan.reading is not None}
    for objection in asked_objections().filter(scan_id__in=by_id):
        scan = by_id[objection.scan_id]
        is_theirs = scan.match == Match.MATCHED and scan.student_id == objection.student_id
        stands = what_stands(scan, objection.label)
        if is_theirs and stands == objection.read_as:
            continue
        is_changed = is_theirs or not objection.label
        state = ObjectionState.CHANGED if is_changed else ObjectionState.LAPSED
        end_objection(objection, state, stands=stands, by=by)


def confirm_answers(scan: Scan, answers: Mapping[str, Collection[str] | None], *, by: User) -> None:
    """End the objections to answers of which ``by`` has just said what stands, and that it is as it was.

    ``answers``: what was said by label, None where points were given. Who says what the student says agrees with them,
    although it was read so: the reading was not sure.
    """
    for objection in asked_objections().filter(scan=scan, label__in=answers):
        said = answers[objection.label]
        is_agreed = said is not None and list(said) == objection.values
        state = ObjectionState.CHANGED if is_agreed else ObjectionState.KEPT
        end_objection(objection, state, stands=what_stands(scan, objection.label), by=by)


def lapse_objections(exam_id: int, *, by: User) -> None:
    """End all objections to pages of the exam: students do not see them any more."""
    asked_objections().filter(scan__exam_id=exam_id).update(
        state=ObjectionState.LAPSED, decided_at=timezone.now(), decided_by=by
    )


def end_objection(
    objection: Objection, state: ObjectionState, *, stands: list[str], by: User | None, reply: str = ""
) -> bool:
    """Whether it was still to be decided. Who asked is told of an answer."""
    is_ended = bool(
        asked_objections()
        .filter(pk=objection.pk)
        .update(state=state, reply=reply, decided_as=stands, decided_at=timezone.now(), decided_by=by)
    )
    if is_ended and state != ObjectionState.LAPSED and objection.by_id is not None:
        announce(NoticeKind.OBJECTION, about=objection.pk, user_ids=[objection.by_id])
    return is_ended
