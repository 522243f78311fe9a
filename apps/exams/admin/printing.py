"""Sheets for a class: ordered as one file, printed by a job, fetched from the bucket."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.labels import label, moment
from academy.desk.pages import Page, note_error
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_status, note_subjects
from academy.http.errors import DomainError, Missing
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, services
from apps.exams.admin.frame import Step, exam_of, render_step, step_url
from apps.exams.models import Exam, Maker, SheetSet
from sheets.layout import Layout

_SHOWN: Final = 20
"""Files that the page lists, the newest first."""
_MAX_CHOSEN: Final = 300
"""Names that the page lists to choose from. For more, whole classes are printed."""


class OrderForm(DeskForm):
    students = forms.TypedMultipleChoiceField(
        label=_("Only for"), required=False, coerce=int, empty_value=None, widget=forms.CheckboxSelectMultiple
    )
    has_versions = forms.BooleanField(label=_("Neighbours get different versions"), required=False)

    def __init__(self, *args: Any, exam: Exam, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sitting = queries.students_sitting(exam, by).order_by("number")
        found = list(sitting.values_list("pk", "name", "number")[: _MAX_CHOSEN + 1])
        self.student_ids = [pk for pk, _name, _number in found]
        self.is_many = len(found) > _MAX_CHOSEN
        chosen: Any = self.fields["students"]
        chosen.choices = [] if self.is_many else [(pk, f"{name} ({number})") for pk, name, number in found]
        if not _has_versions(exam):
            del self.fields["has_versions"]


def _has_versions(exam: Exam) -> bool:
    return exam.layout.maker == Maker.OWN and bool(Layout.from_json(exam.layout.definition).versions)


def sheets(request: HttpRequest, object_id: int) -> HttpResponse:
    """The files of sheets that were ordered, and the form that orders one."""
    by = person_of(request)
    exam = exam_of(by, object_id)
    if exam.layout.maker != Maker.OWN:
        raise Missing
    form = OrderForm(request.POST if request.method == "POST" else None, exam=exam, by=by)
    if request.method == "POST" and form.is_valid():
        try:
            wanted = services.order_sheet_set(
                exam_id=exam.pk,
                students=form.cleaned_data["students"] or None,
                has_versions=form.cleaned_data.get("has_versions", False),
                created_by=by,
            )
        except DomainError as error:
            note_error(request, error)
            messages.error(request, error.message)
        else:
            note_subjects(request, "student", wanted.students)
            messages.success(request, gettext("The sheets are being printed into a file. It appears below."))
        return HttpResponseRedirect(step_url(Step.PRINT, exam.pk))
    if request.method == "POST":
        note_status(request, 400)
        messages.error(request, gettext("Choose students from the list."))
    sets = list(queries.sheet_sets_with_job(by).filter(exam=exam).order_by("-pk")[:_SHOWN])
    for wanted in sets:
        if wanted.pdf_key:
            note_subjects(request, "student", wanted.students)
    note_subjects(request, "student", form.student_ids if not form.is_many else [])
    shown = {
        "form": form,
        "sitting": len(form.student_ids),
        "is_many": form.is_many,
        "sets": [_row(wanted) for wanted in sets],
        "is_live": any(is_unfinished(wanted.job) for wanted in sets),
        "sheet_url": reverse("exam-sheet", args=[exam.pk]),
        "upload_url": step_url(Step.HAND_IN, exam.pk),
    }
    return render_step(request, exam, Step.PRINT, "exams/sheets.html", shown)


def _row(wanted: SheetSet) -> dict[str, Any]:
    state = wanted.job.state if wanted.job is not None else JobState.FAILED
    if wanted.pdf_key:
        shown = label(_("Ready"), "success")
    elif is_unfinished(wanted.job):
        shown = label(_("Being printed"), "info")
    else:
        shown = label(_("Cancelled"), "warning") if state == JobState.CANCELLED else label(_("Not printed"), "danger")
    return {
        "count": len(wanted.students),
        "pages": wanted.page_count,
        "ordered": moment(wanted.created_at),
        "state": shown,
        "reason": text_of(wanted.job.error_code) if wanted.job is not None else "",
        "url": s3.presign_get(wanted.pdf_key) if wanted.pdf_key else "",
    }


_ABOUT = about()  # notes whom the files and the form name by itself

academy_desk.add_page(
    Page(
        "exams/exam/<int:object_id>/sheets/",
        "exams_exam_sheets",
        sheets,
        {"GET": Permission.SUBMIT_SCANS, "POST": Permission.SUBMIT_SCANS},
        {"GET": _ABOUT, "POST": _ABOUT},
    )
)
