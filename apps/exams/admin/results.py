"""What an exam brought, at the desk: shown to families, analysed, taken along as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.charts import BarChart, bars
from academy.desk.forms import DeskForm
from academy.desk.labels import label, moment
from academy.desk.pages import Page, carry_out, show_error
from academy.desk.site import academy_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED, about, note_reason, note_status, note_subjects
from academy.http.errors import DomainError
from academy.http.exports import MAX_REASON_CHARACTERS
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, results, workbook
from apps.exams.admin.frame import Step, exam_of, render_step, step_url
from apps.exams.analysis import HISTOGRAM_BINS, Analysis, ItemAnalysis
from apps.exams.publishing import publication_of, publish_results, withdraw_results

MIN_REASON_CHARACTERS: Final = 2
# Ebel and Frisbie (1991), table 13.4: what a question's discrimination is worth.
_VERY_GOOD, _GOOD, _FAIR = 0.4, 0.3, 0.2


class PublishForm(DeskForm):
    shows_sheet = forms.BooleanField(label=_("Their own sheet, as it was read"), required=False, initial=True)
    shows_answers = forms.BooleanField(label=_("The right answers"), required=False)
    shows_rank = forms.BooleanField(label=_("Their rank"), required=False)
    waived_reason = forms.CharField(
        label=_("Why publish before everything is checked?"),
        required=False,
        min_length=MIN_REASON_CHARACTERS,
        max_length=MAX_REASON_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reason is kept. What is open stays in the inbox."),
    )


class ExportForm(DeskForm):
    reason = forms.CharField(
        label=_("What is the file for?"),
        min_length=MIN_REASON_CHARACTERS,
        max_length=MAX_REASON_CHARACTERS,
        widget=forms.TextInput(attrs={"placeholder": _("Talks with parents")}),
        help_text=_("The reason is kept with the record of who took which data along."),
    )


def publish(request: HttpRequest, object_id: int) -> HttpResponse:
    """Whether families see the results and what of them, and the form that shows them."""
    by = person_of(request)
    exam = exam_of(by, object_id)
    stands = publication_of(exam.pk)
    initial = {}
    if stands is not None:
        initial = {name: getattr(stands, name) for name in ("shows_sheet", "shows_answers", "shows_rank")}
    form = PublishForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST":
        if form.is_valid():
            try:
                publish_results(exam_id=exam.pk, by=by, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("The results are published."))
                return HttpResponseRedirect(step_url(Step.PUBLISH, exam.pk))
        else:
            note_status(request, 400)
    found = queries.results_of_exam(exam.pk)
    shown = {
        "form": form,
        "publication": stands,
        "published": moment(stands.created_at) if stands is not None else "",
        "result_count": len(found),
        "needs_reason": form.has_error("waived_reason") or bool(form["waived_reason"].value()),
        "inbox_url": step_url(Step.CHECK, exam.pk),
        "key_url": step_url(Step.KEY, exam.pk),
        "withdraw_url": reverse("admin:exams_exam_withdraw", args=[exam.pk], current_app=academy_desk.name),
    }
    return render_step(request, exam, Step.PUBLISH, "exams/publish.html", shown)


def withdraw(request: HttpRequest, object_id: int) -> HttpResponse:
    """Show the results no more."""
    by = person_of(request)

    def act() -> None:
        withdraw_results(exam_id=object_id, by=by)

    done = gettext("Students and guardians do not see the results any more.")
    return carry_out(request, act, done=done, back=step_url(Step.PUBLISH, object_id))


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A question of the analysis as people read it. Shares are whole percent."""

    number: str
    difficulty: int | None
    discrimination: float | None
    worth: str
    answers: tuple[tuple[str, bool, int, int], ...]  # answer, is it right, how many, percent
    blank: int
    multiple: int
    unsure: int


def analysis(request: HttpRequest, object_id: int) -> HttpResponse:
    """How hard and how telling each question was, and how the points lie."""
    person = person_of(request)
    exam = exam_of(person, object_id)
    found = results.analysis_of_exam(exam)
    shown = {
        "analysis": found,
        "chart": _histogram(found),
        "items": [_item_row(item, found.people) for item in found.items],
        "key_url": step_url(Step.KEY, exam.pk) if person.may(Permission.MANAGE_EXAMS) else "",
        "form": ExportForm() if person.may(Permission.MANAGE_EXAMS) else None,
        "export_url": reverse("admin:exams_exam_export", args=[exam.pk], current_app=academy_desk.name),
    }
    return render_step(request, exam, Step.ANALYSE, "exams/analysis.html", shown)


def _histogram(found: Analysis) -> BarChart:
    step = found.max_points / HISTOGRAM_BINS
    return bars([(f"{index * step:g}", count) for index, count in enumerate(found.histogram)])


def _item_row(item: ItemAnalysis, people: int) -> ItemRow:
    text, kind = _worth(item.discrimination)
    return ItemRow(
        number=item.label.removeprefix("q"),
        difficulty=round(100 * item.difficulty) if item.difficulty is not None else None,
        discrimination=item.discrimination,
        worth=label(text, kind) if text else "",
        answers=tuple(
            (row.answer, row.is_accepted, row.count, round(100 * row.count / people) if people else 0)
            for row in item.answers
        ),
        blank=item.blank,
        multiple=item.multiple,
        unsure=item.unsure,
    )


def _worth(discrimination: float | None) -> tuple[str | Promise, str]:
    if discrimination is None:
        return "", ""
    if discrimination < 0:
        return _("Look at the key"), "danger"
    if discrimination < _FAIR:
        return _("Says little"), "warning"
    if discrimination < _GOOD:
        return _("Fair"), ""
    return (_("Good"), "info") if discrimination < _VERY_GOOD else (_("Very good"), "success")


def export(request: HttpRequest, object_id: int) -> HttpResponse:
    """Results and analysis as an Excel file, for a reason that is itself recorded."""
    by = person_of(request)
    exam = exam_of(by, object_id)
    form = ExportForm(request.POST)
    if not form.is_valid():
        note_status(request, 400)
        messages.error(request, gettext("Say what the file is for."))
        return HttpResponseRedirect(step_url(Step.ANALYSE, exam.pk))
    found, rows = results.analysis_of_exam(exam), queries.results_of_exam(exam.pk)
    note_reason(request, form.cleaned_data["reason"])
    note_subjects(request, "student", [row.student_id for row in rows])
    name = f"results-{exam.pk}-{timezone.localdate():%Y%m%d}.xlsx"
    return HttpResponse(
        workbook.results_workbook(rows, found),
        content_type=workbook.CONTENT_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


_MANAGED: Final = Permission.MANAGE_EXAMS

for _page in (
    Page(
        "exams/exam/<int:object_id>/publish/",
        "exams_exam_publish",
        publish,
        {"GET": _MANAGED, "POST": _MANAGED},
        {"GET": NOT_PERSONAL, "POST": RECORDED},
    ),
    Page(
        "exams/exam/<int:object_id>/withdraw/", "exams_exam_withdraw", withdraw, {"POST": _MANAGED}, {"POST": RECORDED}
    ),
    Page(
        "exams/exam/<int:object_id>/analysis/",
        "exams_exam_analysis",
        analysis,
        {"GET": Permission.VIEW_SCANS},
        {"GET": NOT_PERSONAL},
    ),
    Page(
        "exams/exam/<int:object_id>/export/",
        "exams_exam_export",
        export,
        {"POST": _MANAGED},
        {"POST": about(is_export=True)},  # notes whose results are in it by itself
    ),
):
    academy_desk.add_page(_page)
