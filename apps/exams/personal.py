"""What exams say about people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Model, Q

from academy.jobs.models import UNFINISHED_STATES, Job
from academy.jobs.personal import EMPTIED_JOB, EMPTIED_JOB_SHOWN
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.holdings import Fate, Holding, Subject
from apps.exams.models import (
    Batch,
    BlankSheet,
    Correction,
    Exam,
    Objection,
    Publication,
    Question,
    Scan,
    SheetLayout,
    SheetSet,
    StudentSheet,
)


def _scans_of(subject: Subject) -> Q:
    return Q(student__in=subject.students)


def _is_being_opened(subject: Subject) -> bool:
    """Whether a file with a page of theirs is still being split: the others' pages come out of it yet."""
    return Batch.objects.filter(
        scans__student__in=subject.students, page_count=None, job__state__in=UNFINISHED_STATES
    ).exists()


def _pictures(scan: Scan) -> Iterable[str]:
    return [scan.source_key, *([scan.overlay_key] if scan.overlay_key else []), *scan.essay_keys.values()]


def _files(scan: Scan) -> Iterable[str]:
    # Whole folders: every attempt at reading the page wrote an overlay and essays of its own.
    return [scan.source_key, *(s3.tenant_key(folder, str(scan.pk)) + "/" for folder in ("overlays", "essays"))]


def _sheet_sets_with(subject: Subject) -> Q:
    """Orders that name one of their student records; the file shows name and number."""
    named = Q(pk__in=[])
    for student in subject.students:
        named |= Q(students__contains=[student])
    return named


def _is_being_printed(subject: Subject) -> bool:
    return SheetSet.objects.filter(_sheet_sets_with(subject), job__state__in=UNFINISHED_STATES).exists()


HOLDINGS = (
    # A file of many pages goes as a whole: it shows theirs, and everybody else's were split off when it was opened.
    Holding(
        model=Upload,
        about=lambda subject: Q(pk__in=Batch.objects.filter(scans__student__in=subject.students).values("upload_id")),
        fate=Fate.EMPTIED,
        emptied={"file_name": "", "state": UploadState.ERASED},
        shown=("id", "created_at", "content_type", "byte_count"),
        files=lambda upload: [upload.key],
        is_busy=_is_being_opened,
    ),
    Holding(
        model=Job,
        about=lambda subject: Q(pk__in=Scan.objects.filter(_scans_of(subject)).values("job_id")),
        fate=Fate.EMPTIED,
        emptied=EMPTIED_JOB,
        shown=EMPTIED_JOB_SHOWN,
    ),
    Holding(
        model=Correction,
        about=lambda subject: Q(scan__student__in=subject.students) | Q(student__in=subject.students),
        fate=Fate.DELETED,
        shown=("id", "created_at", "scan_id", "kind", "label", "values", "undone_at"),
    ),
    Holding(
        model=Correction,
        about=lambda subject: Q(by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"by": None},
        shown=("id", "created_at", "kind", "label"),
    ),
    Holding(
        model=Correction,
        about=lambda subject: Q(undone_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"undone_by": None},
        shown=("id", "created_at", "kind", "label", "undone_at"),
    ),
    # The student's words go with them; a guardian's note with the guardian, but not what they ask.
    Holding(
        model=Objection,
        about=_scans_of,
        fate=Fate.DELETED,
        shown=(
            "id",
            "created_at",
            "scan_id",
            "label",
            "values",
            "note",
            "read_as",
            "state",
            "reply",
            "decided_at",
        ),
    ),
    Holding(
        model=Objection,
        about=lambda subject: Q(by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"by": None, "note": ""},
        shown=("id", "created_at", "label", "values", "note"),
    ),
    Holding(
        model=Objection,
        about=lambda subject: Q(decided_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"decided_by": None},
        shown=("id", "decided_at", "label", "state", "reply"),
    ),
    Holding(
        model=Publication,
        about=lambda subject: Q(by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"by": None},
        shown=("id", "created_at", "exam_id", "waived_reason"),
    ),
    Holding(
        model=Publication,
        about=lambda subject: Q(withdrawn_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"withdrawn_by": None},
        shown=("id", "created_at", "exam_id", "withdrawn_at"),
    ),
    Holding(
        model=Scan,
        about=_scans_of,
        fate=Fate.DELETED,
        hidden=frozenset({"source_key", "overlay_key", "essay_keys"}),
        pictures=_pictures,
        files=_files,
    ),
    Holding(
        model=StudentSheet,
        about=_scans_of,
        fate=Fate.DELETED,
        hidden=frozenset({"token"}),
    ),
    # A class's file goes as a whole, for it shows their sheet; it can be ordered again without them.
    Holding(
        model=SheetSet,
        about=_sheet_sets_with,
        fate=Fate.DELETED,
        shown=("id", "created_at", "exam_id", "page_count"),
        files=lambda wanted: [s3.tenant_key("sheet-sets", str(wanted.pk)) + "/"],
        is_busy=_is_being_printed,
    ),
    Holding(
        model=SheetSet,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "exam_id", "page_count"),
    ),
    Holding(
        model=Batch,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "exam_id", "page_count"),
    ),
    Holding(
        model=BlankSheet,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
    Holding(
        model=Exam,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    SheetLayout: "where things are on a sheet",
    Question: "an exam's questions and their key",
}
