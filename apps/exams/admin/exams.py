"""Exams on the desk: made with their questions and key, looked at with progress and results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin import display, register
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.charts import bars
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_subjects
from academy.http.errors import DomainError
from apps.academies.queries import sheet_defaults
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, services
from apps.exams.admin.exam_form import ExamForm, at_key, key_wish
from apps.exams.admin.frame import Step, exam_of, standing_of, step_url, steps_of
from apps.exams.deleting import EXAM
from apps.exams.models import Exam
from apps.trash.admin import REMOVED, removal_page, remove_url

_MANAGED = Permission.MANAGE_EXAMS
_STEPS: Final = 10
"""Bars of the chart of results."""


@register(Exam, site=academy_desk)
class ExamAdmin(DeskAdmin):
    name: ClassVar = _("Exam")
    plural: ClassVar = _("Exams")
    field_names: ClassVar = {"title": _("Title")}
    permissions: ClassVar = {"view": Permission.VIEW_EXAMS, "add": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        _("Exams and sheets"), _("Exams"), "quiz", "exams_exam_changelist", Permission.VIEW_EXAMS, 20
    )
    add_title: ClassVar = _("Make an exam")
    list_display = ("title", "made", "pages", "state")
    search_fields = ("title",)
    search_help_text = _("Title of the exam")
    found_by = ("title",)
    found_beside = "course__name"

    def visible_to(self, person: User) -> QuerySet[Exam]:
        return queries.exams_visible_to(person)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exam]:
        rows: QuerySet[Exam] = super().get_queryset(request)
        return rows.only("title", "created_at", "tenant_id")

    def prepare(self, rows: Sequence[Exam]) -> None:
        progress = queries.progress_of_exams([exam.pk for exam in rows])
        for exam in rows:
            exam.progress = progress[exam.pk]  # type: ignore[attr-defined]  # for the columns below

    @display(description=_("Made"))
    def made(self, exam: Exam) -> str:
        return moment(exam.created_at)

    @display(description=_("Sheets"))
    def pages(self, exam: Any) -> str:
        return f"{exam.progress.read} / {exam.progress.page_count}" if exam.progress.page_count else "–"

    @display(description=_("State"))
    def state(self, exam: Any) -> SafeString:
        progress: queries.ExamProgress = exam.progress
        if not progress.page_count:
            return label(_("Nothing handed in yet"))
        if progress.waiting:
            return label(_("Reading"), "info")
        if progress.to_review:
            text = gettext("%(count)s to check")
            return label(text % {"count": progress.to_review}, "warning")
        return label(_("Done"), "success")

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)
        form = ExamForm(request.POST or None, by=by, initial=asdict(sheet_defaults()))
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic():  # an exam whose key cannot be read is not made
                    exam = services.create_exam(created_by=by, **form.wished)
                    wish = key_wish(exam, form.cleaned_data["key"])
                    if not wish.is_empty:
                        services.set_scoring(by=by, exam_id=exam.pk, wish=wish)
            except DomainError as error:
                show_error(request, form, at_key(error))
            else:
                messages.success(request, gettext("The exam is made. Print its answer sheets."))
                return HttpResponseRedirect(self.url("change", exam.pk))
        shown = {
            "title": self.add_title,
            "form": form,
            "back": self.url("changelist"),
            "others_url": reverse("admin:exams_blanksheet_changelist", current_app=self.admin_site.name),
        }
        return self.render(request, "exams/new_exam.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        user = person_of(request)
        exam = exam_of(user, object_id)
        standing = standing_of(exam)
        progress = standing.progress
        results = queries.results_of_exam(exam.pk)
        note_subjects(request, "student", [result.student_id for result in results])
        can_manage = user.may(_MANAGED)
        key = standing.key if can_manage else []
        scored = [
            (result.points, result.max_points) for result in results if result.points is not None and result.max_points
        ]
        shown = {
            "title": exam.title,
            "exam": exam,
            "standing": standing,
            "steps": steps_of(user, exam, standing),
            "progress": progress,
            "is_live": progress.waiting > 0,
            "results": results,
            "average": sum(points for points, _most in scored) / len(scored) if scored else None,
            "most": max((most for _points, most in scored), default=None),
            "chart": _chart(scored),
            "inbox_url": step_url(Step.CHECK, exam.pk) if user.may(Permission.REVIEW_SCANS) else "",
            "scans_url": reverse("admin:exams_scan_changelist", current_app=self.admin_site.name) + f"?exam={exam.pk}",
            "key": key,
            "has_key": any(question.accepted for question in key),
            "key_url": step_url(Step.KEY, exam.pk) if can_manage else "",
            "delete_url": remove_url(self, request, EXAM, exam),
        }
        return self.render(request, "exams/exam.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, EXAM, object_id)


def _chart(scored: Sequence[tuple[Decimal, Decimal]]) -> Any:
    """How many students reached which part of the points."""
    counts = [0] * _STEPS
    for points, most in scored:
        counts[min(int(points * _STEPS / most), _STEPS - 1)] += 1
    return bars([(f"{step * 100 // _STEPS}%", count) for step, count in enumerate(counts)])
