"""What homework says about people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Model, Q

from academy.jobs.models import Job
from academy.jobs.personal import EMPTIED_JOB, EMPTIED_JOB_SHOWN
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.holdings import Fate, Holding, Subject
from apps.homework.models import (
    Assignee,
    Assignment,
    PageReading,
    Reminder,
    Submission,
    SubmittedFile,
    Worksheet,
    WorksheetPage,
)


def _submissions_of(subject: Subject) -> Q:
    return Q(student__in=subject.students)


def _pictures(page: PageReading) -> Iterable[str]:
    return [*([page.overlay_key] if page.overlay_key else []), *page.region_keys.values()]


HOLDINGS = (
    Holding(
        model=Upload,
        about=lambda subject: Q(
            pk__in=SubmittedFile.objects.filter(submission__student__in=subject.students).values("upload_id")
        ),
        fate=Fate.EMPTIED,
        emptied={"file_name": "", "state": UploadState.ERASED},
        shown=("id", "created_at", "content_type", "byte_count"),
        pictures=lambda upload: [upload.key],
        files=lambda upload: [upload.key],
    ),
    Holding(
        model=Job,
        about=lambda subject: Q(pk__in=Submission.objects.filter(_submissions_of(subject)).values("job_id")),
        fate=Fate.EMPTIED,
        emptied=EMPTIED_JOB,
        shown=EMPTIED_JOB_SHOWN,
    ),
    Holding(
        model=PageReading,
        about=lambda subject: Q(submission__student__in=subject.students),
        fate=Fate.DELETED,
        hidden=frozenset({"overlay_key", "region_keys", "corrected_by_id"}),
        pictures=_pictures,
    ),
    Holding(
        model=PageReading,
        about=lambda subject: Q(corrected_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"corrected_by": None},
        shown=("id", "corrected_at"),
    ),
    Holding(
        model=SubmittedFile,
        about=lambda subject: Q(submission__student__in=subject.students),
        fate=Fate.DELETED,
    ),
    # The folder with what every reading of it drew and cut out.
    Holding(
        model=Submission,
        about=_submissions_of,
        fate=Fate.DELETED,
        hidden=frozenset({"created_by_id"}),
        files=lambda submission: [s3.tenant_key("homework", str(submission.pk)) + "/"],
    ),
    Holding(
        model=Submission,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "assignment_id"),
    ),
    Holding(model=Assignee, about=_submissions_of, fate=Fate.DELETED),
    Holding(
        model=Reminder,
        about=lambda subject: Q(student__in=subject.students) | Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"created_by_id", "student_id", "user_id"}),
    ),
    Holding(
        model=Reminder,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "assignment_id", "day"),
    ),
    Holding(
        model=Assignment,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
    Holding(
        model=Worksheet,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    WorksheetPage: "a blank page and where its problems are",
}
