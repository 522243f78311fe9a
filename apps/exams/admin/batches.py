"""What was handed in: sent file by file from this page to the bucket, then followed until every page is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_subjects
from academy.http.errors import Missing
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries
from apps.exams.admin.frame import Step, exam_of, exam_url, standing_of, steps_of
from apps.exams.admin.scans import match_label
from apps.exams.models import Batch, Scan

# What a file of answer sheets may be.
_TYPES: Final = ("image/jpeg", "image/png", "image/heic", "image/heif", "application/pdf", "application/zip")

academy_desk.menu.append(
    MenuEntry(
        _("Exams and sheets"),
        _("Hand in sheets"),
        "upload_file",
        "exams_batch_add",
        Permission.SUBMIT_SCANS,
        21,
    )
)


@register(Batch, site=academy_desk)
class BatchAdmin(DeskAdmin):
    name: ClassVar = _("Handed-in file")
    plural: ClassVar = _("Handed in")
    permissions: ClassVar = {"view": Permission.VIEW_SCANS, "add": Permission.SUBMIT_SCANS}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        _("Exams and sheets"), _("Handed in"), "stacks", "exams_batch_changelist", Permission.VIEW_SCANS, 22
    )
    add_title: ClassVar = _("Hand in sheets")
    add_methods: ClassVar = ("GET",)
    is_live_list = True
    list_display = ("file", "exam_title", "sent", "pages", "state")
    list_select_related = ("exam", "upload", "job")

    def visible_to(self, person: User) -> QuerySet[Batch]:
        return queries.batches_visible_to(person)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        rows: QuerySet[Batch] = super().get_queryset(request)
        return rows.only(
            "page_count", "created_at", "tenant_id", "exam__title", "exam__tenant_id", "upload__file_name",
            "upload__tenant_id", "job__state", "job__tenant_id", "job__error_code",
        )  # fmt: skip

    def prepare(self, rows: Sequence[Batch]) -> None:
        progress = queries.progress_of_batches(rows)
        for batch in rows:
            batch.progress = progress[batch.pk]  # type: ignore[attr-defined]  # for the columns below

    @display(description=_("File"))
    def file(self, batch: Batch) -> str:
        return batch.upload.file_name

    @display(description=_("Exam"))
    def exam_title(self, batch: Batch) -> str:
        return batch.exam.title

    @display(description=_("Sent"))
    def sent(self, batch: Batch) -> str:
        return moment(batch.created_at)

    @display(description=_("Sheets"))
    def pages(self, batch: Any) -> str:
        progress: queries.BatchProgress = batch.progress
        return f"{progress.read} / {progress.page_count}" if progress.page_count is not None else "–"

    @display(description=_("State"))
    def state(self, batch: Any) -> SafeString:
        return state_of(batch.progress)

    def add(self, request: HttpRequest) -> HttpResponse:
        """The page that sends files. It writes nothing itself: its script uses the API, file by file."""
        person = person_of(request)
        exams = list(queries.titles_of_exams(person))
        wanted = request.GET.get("exam", "")
        is_id = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
        if is_id and int(wanted) not in dict(exams):
            exams += queries.exams_visible_to(person).filter(pk=int(wanted)).values_list("id", "title")
        shown = {
            "title": self.add_title,
            "exams": [(pk, title, str(pk) == wanted) for pk, title in exams],
            "is_chosen": any(str(pk) == wanted for pk, _title in exams),
            "accept": ",".join([*_TYPES, ".heic", ".heif", ".zip"]),
            "uploads_url": reverse("uploads"),
            "new_exam_url": reverse("admin:exams_exam_add", current_app=self.admin_site.name),
        }
        if shown["is_chosen"]:
            exam = exam_of(person, int(wanted))
            shown["steps"] = steps_of(person, exam, standing_of(exam), Step.HAND_IN)
            shown["crumbs"] = [(_("Exams"), reverse("admin:exams_exam_changelist")), (exam.title, exam_url(exam.pk))]
        return self.render(request, "exams/hand_in.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        person = person_of(request)
        found = self.visible_to(person).select_related("job", "upload", "exam")
        batch: Batch | None = found.filter(pk=object_id).first()
        if batch is None:
            raise Missing
        progress = queries.progress_of_batch(batch)
        scans = queries.scans_with_job_and_student(person).filter(batch_id=batch.pk).order_by("page_index")
        pages = list(scans.defer("reading")[:500])
        note_subjects(request, "student", [scan.student_id for scan in pages if scan.student_id is not None])
        current = self.admin_site.name
        shown = {
            "title": batch.upload.file_name,
            "batch": batch,
            "exam_url": reverse("admin:exams_exam_change", args=[batch.exam_id], current_app=current),
            "progress": progress,
            "percent": _percent(progress),
            "state": state_of(progress),
            "failures": queries.failures_of_batch(batch),
            "scans": [_row(scan, current) for scan in pages],
            "is_live": not progress.is_finished,
            "sent": moment(batch.created_at),
        }
        return self.render(request, "exams/batch.html", shown)


def state_of(progress: queries.BatchProgress) -> SafeString:
    """Where a handed-in file is, as a coloured word."""
    if not progress.is_finished:
        return label(_("Reading"), "info")
    if progress.failed:
        return label(_("Some could not be read"), "warning") if progress.read else label(_("Not readable"), "danger")
    return label(_("Cancelled"), "warning") if progress.cancelled else label(_("Done"), "success")


def _percent(progress: queries.BatchProgress) -> int:
    over = progress.read + progress.failed + progress.cancelled
    return round(100 * over / progress.page_count) if progress.page_count else 0


def _row(scan: Scan, current: str) -> dict[str, Any]:
    return {
        "scan": scan,
        "number": scan.page_index + 1,
        "match": match_label(scan),
        "url": reverse("admin:exams_scan_change", args=[scan.pk], current_app=current),
    }
