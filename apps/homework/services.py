"""Everything that people write to homework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.storage.models import Upload
from academy.storage.services import use_upload
from apps.accounts.models import User
from apps.courses.models import Enrolment
from apps.courses.queries import courses_visible_to
from apps.homework import tasks
from apps.homework.models import (
    Assignee,
    Assignment,
    PageReading,
    Submission,
    SubmittedFile,
    Worksheet,
    WorksheetPage,
)
from apps.homework.queries import assignments_visible_to, submissions_visible_to
from apps.homework.recording import count_submission
from apps.students.queries import students_visible_to
from sheets.homework import (
    MAX_LABEL_CHARACTERS,
    MAX_REGIONS,
    MIN_SIDE_MM,
    Fault,
    HomeworkReading,
    Misfit,
    Region,
    check_regions,
    regions_to_json,
)

MAX_ASSIGNEES: Final = 1000
MAX_FILES: Final = 20
"""Photos in one hand-in."""
PAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/heic", "image/heif", "application/pdf"})


class WorksheetNotReady(DomainError):
    """Homework is assigned on a worksheet whose pages are registered."""

    code: ClassVar[str] = "worksheet_not_ready"


class StillReading(DomainError):
    """What is being read already is not read a second time beside it."""

    code: ClassVar[str] = "still_reading"


def register_worksheet(*, title: str, upload_id: int, created_by: User) -> Worksheet:
    """Take a sent file as a blank worksheet and queue its registration.

    Raises ``Missing``, ``Invalid``, ``UploadMissing``, ``UploadUsed``, ``KindNotIncluded``, ``DailyLimitReached``.
    """
    with transaction.atomic():
        worksheet = Worksheet(title=title, upload=_take_file(upload_id, created_by), created_by=created_by)
        worksheet.save()
        worksheet.job_id = int(tasks.register_worksheet.enqueue(worksheet.pk).id)
        worksheet.save(update_fields=["job"])
    return worksheet


def _take_file(upload_id: int, by: User) -> Upload:
    """A file that ``by`` sent, taken into use: another's photo is not one's own homework."""
    sent = Upload.objects.filter(pk=upload_id, created_by=by).first()
    if sent is None:
        raise Missing
    if sent.content_type not in PAGE_TYPES:
        raise Invalid(gettext("This is neither a picture nor a PDF."), attr="upload")
    return use_upload(upload_id=upload_id, by=by)


def set_regions(*, worksheet_page_id: int, regions: Sequence[Region] | None) -> WorksheetPage:
    """Say where the problems of a page are; ``None`` goes back to what was proposed. Raises ``Missing``, ``Invalid``.

    Homework that was read before keeps its verdicts until it is read again.
    """
    with transaction.atomic():
        page = WorksheetPage.objects.select_for_update().filter(pk=worksheet_page_id).first()
        if page is None:
            raise Missing
        if regions is not None:
            try:
                check_regions(regions, (page.paper_width_mm, page.paper_height_mm))
            except Misfit as error:
                raise _misfit_error(error) from error
        page.regions = None if regions is None else regions_to_json(regions)
        page.save(update_fields=["regions"])
    return page


def _misfit_error(misfit: Misfit) -> Invalid:
    match misfit.fault:
        case Fault.TOO_MANY:
            return Invalid(
                gettext("A page has at most {count} problems.").format(count=MAX_REGIONS),
                attr="regions",
            )
        case Fault.LABEL:
            return Invalid(
                gettext("The name of a problem has 1 to {count} characters.").format(count=MAX_LABEL_CHARACTERS),
                attr="regions",
            )
        case Fault.TWICE:
            return Invalid(gettext('Two problems are called "{name}".').format(name=misfit.label), attr="regions")
        case Fault.TOO_SMALL:
            return Invalid(
                gettext('The box of problem "{name}" is too small: {size} mm at least.').format(
                    name=misfit.label, size=f"{MIN_SIDE_MM:g}"
                ),
                attr="regions",
            )
        case Fault.OUTSIDE:
            return Invalid(
                gettext('The box of problem "{name}" does not lie on the page.').format(name=misfit.label),
                attr="regions",
            )


def assign_homework(
    *,
    title: str,
    worksheet_id: int | None,
    due_at: datetime,
    students: Sequence[int] | None,
    created_by: User,
    course: int | None = None,
) -> Assignment:
    """Give homework to ``students``, or to everybody who is in its course now, or whom this person sees.

    Raises ``Missing`` also for a student that is not there, ``WorksheetNotReady``, ``Invalid`` for nobody or too many.
    """
    with transaction.atomic():
        if worksheet_id is not None:
            worksheet = Worksheet.objects.filter(pk=worksheet_id).first()
            if worksheet is None:
                raise Missing
            if worksheet.page_count is None:
                raise WorksheetNotReady(gettext("The worksheet's pages are not registered yet."), attr="worksheet")
        if course is not None and not courses_visible_to(created_by).filter(pk=course).exists():
            raise Missing
        seen = students_visible_to(created_by).order_by("pk")
        if course is not None and students is None:
            seen = seen.filter(pk__in=Enrolment.objects.filter(course_id=course, left_at=None).values("student_id"))
        known = seen.values_list("pk", flat=True)
        chosen = list(known[: MAX_ASSIGNEES + 1]) if students is None else list(dict.fromkeys(students))
        if not 1 <= len(chosen) <= MAX_ASSIGNEES:
            raise Invalid(
                gettext("Homework is given to 1 to {count} students at once.").format(count=MAX_ASSIGNEES),
                attr="students",
            )
        if students is not None and known.filter(pk__in=chosen).count() != len(chosen):
            raise Missing
        assignment = Assignment(
            title=title, worksheet_id=worksheet_id, course_id=course, due_at=due_at, created_by=created_by
        )
        assignment.save()
        Assignee.objects.bulk_create([Assignee(assignment=assignment, student_id=student) for student in chosen])
    return assignment


def submit_for_student(*, assignment_id: int, student_id: int, uploads: Sequence[int], created_by: User) -> Submission:
    """As ``submit_homework``, by staff. Raises ``Missing`` also for homework that they do not see."""
    if not assignments_visible_to(created_by).filter(pk=assignment_id).exists():
        raise Missing
    return submit_homework(assignment_id=assignment_id, student_id=student_id, uploads=uploads, created_by=created_by)


def submit_homework(*, assignment_id: int, student_id: int, uploads: Sequence[int], created_by: User) -> Submission:
    """Hand in sent files, in the order of their pages, and queue their reading. After the due date, too: late is seen.

    Raises ``Missing`` also for homework that the student does not have, and as ``register_worksheet``.
    """
    with transaction.atomic():
        if not Assignee.objects.filter(assignment_id=assignment_id, student_id=student_id).exists():
            raise Missing
        if not 1 <= len(uploads) <= MAX_FILES:
            raise Invalid(gettext("1 to {count} files are handed in at once.").format(count=MAX_FILES), attr="uploads")
        submission = Submission(assignment_id=assignment_id, student_id=student_id, created_by=created_by)
        submission.save()
        for position, upload_id in enumerate(uploads):
            upload = _take_file(upload_id, created_by)
            SubmittedFile(submission=submission, position=position, upload=upload).save()
        submission.job_id = int(tasks.read_homework.enqueue(submission.pk).id)
        submission.save(update_fields=["job"])
    return submission


def reread_submission(*, submission_id: int, by: User) -> Submission:
    """Read a submission again, as after its worksheet's regions changed. Raises ``Missing``, ``StillReading``."""
    with transaction.atomic():
        submission: Submission | None = (
            submissions_visible_to(by)
            .select_for_update(of=("self",))
            .select_related("job")
            .filter(pk=submission_id)
            .first()
        )
        if submission is None:
            raise Missing
        if is_unfinished(submission.job):
            raise StillReading(gettext("This homework is being read already."))
        submission.job_id = int(tasks.read_homework.enqueue(submission.pk).id)
        submission.save(update_fields=["job"])
    return submission


def correct_page(*, page_reading_id: int, verdicts: Mapping[str, str | None], by: User) -> PageReading:
    """Say what is true of problems of a page; ``None`` takes it back. It survives every re-read.

    Raises ``Missing``, and ``Invalid`` for a label that the page does not have.
    """
    with transaction.atomic():
        submission_id = PageReading.objects.filter(pk=page_reading_id).values_list("submission_id", flat=True).first()
        # The submission first, as the job that reads it does: two who write at once count one after the other.
        locked = submissions_visible_to(by).select_for_update(of=("self",)).select_related("assignment")
        submission = locked.filter(pk=submission_id).first() if submission_id is not None else None
        if submission is None:
            raise Missing
        page = PageReading.objects.select_for_update().get(pk=page_reading_id)
        labels = {region.label for region in HomeworkReading.from_json(page.reading).regions}
        corrections: dict[str, Any] = dict(page.corrections)
        for label, verdict in verdicts.items():
            if label not in labels and label not in corrections:
                raise Invalid(gettext('The page has no problem "{name}".').format(name=label), attr="verdicts")
            if verdict is None:
                corrections.pop(label, None)
            else:
                corrections[label] = verdict
        page.corrections, page.corrected_by, page.corrected_at = corrections, by, timezone.now()
        page.save(update_fields=["corrections", "corrected_by", "corrected_at"])
        count_submission(submission)
    return page
