"""Exams on the desk: made with their questions and key, looked at with progress and results."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.charts import bars
from academy.desk.forms import DeskForm
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_subjects
from academy.http.errors import DomainError, Invalid
from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.exams import queries, services
from apps.exams.admin.frame import Step, exam_of, render_step, standing_of, step_url, steps_of
from apps.exams.admin.key_text import KeyText, answerable, key_as_text, read_key
from apps.exams.admin.sending import CourseForm
from apps.exams.grading import Regrading
from apps.exams.models import Exam
from sheets.layout import Choices, Essays, Numbers

_MANAGED = Permission.MANAGE_EXAMS
_KEY_HELP: Final = _(
    "One answer after the other: 3 1 4 2 5. Where two count write 2/4; where none is known yet, write -. "
    "Columns of a spreadsheet can be pasted: the answers; or number, answer and points."
)
_STEPS: Final = 10
"""Bars of the chart of results."""


class KeyForm(DeskForm):
    key = forms.CharField(
        label=_("Answer key"),
        required=False,
        max_length=20_000,
        help_text=_KEY_HELP,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "placeholder": "3 1 4 2 5   1 1 3 2 4"}),
    )
    points = forms.DecimalField(
        label=_("Points for each question"),
        min_value=0,
        max_value=999,
        decimal_places=2,
        required=False,
        help_text=_("Left empty, the points stay as they are."),
    )


class ExamForm(CourseForm):
    question_count = forms.IntegerField(label=_("Questions with choices"), min_value=0, max_value=200, initial=20)
    choice_count = forms.IntegerField(label=_("Choices for each"), min_value=2, max_value=10, initial=5)
    numeric_count = forms.IntegerField(
        label=_("Questions answered by a number"),
        required=False,
        min_value=0,
        max_value=200,
        initial=0,
        help_text=_("Of up to three digits: 0 to 999."),
    )
    essay_count = forms.IntegerField(
        label=_("Boxes to write in"),
        required=False,
        min_value=0,
        max_value=40,
        initial=0,
        help_text=_("What is written there is cut out, and you give points for it."),
    )
    essay_points = forms.DecimalField(
        label=_("Points for each box"), required=False, min_value=0, max_value=999, decimal_places=2, initial=5
    )
    number_digits = forms.IntegerField(label=_("Digits of the student number"), min_value=4, max_value=12, initial=6)
    key = forms.CharField(
        label=_("Answer key"),
        required=False,
        max_length=20_000,
        help_text=_("It can be given later, too.") + " " + _KEY_HELP,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "3 1 4 2 5   1 1 3 2 4"}),
    )

    @property
    def wished(self) -> dict[str, Any]:
        """The arguments of ``services.create_exam``."""
        given = self.cleaned_data
        counts = [given["question_count"], given["numeric_count"] or 0, given["essay_count"] or 0]
        groups = (Choices(counts[0], given["choice_count"]), Numbers(counts[1]), Essays(counts[2]))
        first_essay = counts[0] + counts[1] + 1
        essays = [f"q{number}" for number in range(first_essay, first_essay + counts[2])]
        # Of choices alone there is the sheet that most exams share.
        is_plain = not any(counts[1:]) and counts[0] > 0
        sheet = (
            {"question_count": counts[0], "choice_count": given["choice_count"]}
            if is_plain
            else {"groups": tuple(group for group in groups if group.count)}
        )
        return {
            **sheet,
            "title": given["title"],
            "course": given["course"],
            "number_digits": given["number_digits"],
            "scoring": services.ScoringWish(
                points={label: given["essay_points"] for label in essays if given["essay_points"] is not None}
            ),
        }


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
        by = request.user
        assert isinstance(by, User)
        form = ExamForm(request.POST or None, by=by)
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic():  # an exam whose key cannot be read is not made
                    exam = services.create_exam(created_by=by, **form.wished)
                    wish = _wish(exam, form.cleaned_data["key"], None)
                    if not wish.is_empty:
                        services.set_scoring(by=by, exam_id=exam.pk, wish=wish)
            except DomainError as error:
                show_error(request, form, _at_key(error))
            else:
                messages.success(request, gettext("The exam is made. Print its answer sheets."))
                return HttpResponseRedirect(self.url("change", exam.pk))
        shown = {"title": self.add_title, "form": form, "submit": _("Make the exam"), "back": self.url("changelist")}
        return self.render(request, "exams/new_exam.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        user = request.user
        assert isinstance(user, User)
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
            "key_url": self.url("key", exam.pk) if can_manage else "",
        }
        return self.render(request, "exams/exam.html", shown)

    @page("<int:object_id>/key/", "key", about(), GET=_MANAGED, POST=_MANAGED)
    def edit_key(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The key, and before it is saved whose points it would change."""
        by = request.user
        assert isinstance(by, User)
        exam = exam_of(by, object_id)
        form = KeyForm(request.POST or None, initial={"key": key_as_text(answerable(queries.key_of_exam(exam.pk)))})
        preview: Regrading | None = None
        if request.method == "POST" and form.is_valid():
            try:
                wish = _wish(exam, form.cleaned_data["key"], form.cleaned_data["points"])
                if "_preview" in request.POST:
                    preview = services.preview_scoring(by=by, exam_id=exam.pk, wish=wish)
                    note_subjects(request, "student", [change.student_id for change in preview.changes])
                else:
                    return self._save_key(request, by, exam, wish)
            except DomainError as error:
                show_error(request, form, _at_key(error))
        key = queries.key_of_exam(exam.pk)
        shown = {
            "form": form,
            "preview": preview,
            "key": key,
            "has_key": any(question.accepted for question in key),
            "back": self.url("change", exam.pk),
        }
        return render_step(request, exam, Step.KEY, "exams/key.html", shown)

    def _save_key(self, request: HttpRequest, by: User, exam: Exam, wish: services.ScoringWish) -> HttpResponse:
        found = services.set_scoring(by=by, exam_id=exam.pk, wish=wish)
        note_subjects(request, "student", [change.student_id for change in found.changes])
        text = ngettext(
            "The key is saved, %(count)s sheet is scored anew.",
            "The key is saved, %(count)s sheets are scored anew.",
            found.page_count,
        )
        messages.success(request, text % {"count": found.page_count})
        return HttpResponseRedirect(self.url("change", exam.pk))


def _wish(exam: Exam, text: str, points: Decimal | None) -> services.ScoringWish:
    """The key that ``text`` says and the points of every question. Points in the text win. Raises ``Invalid``."""
    key = queries.key_of_exam(exam.pk)
    read = read_key(text, answerable(key)) if text.strip() else KeyText({})
    worth = {question.label: points for question in key} if points is not None else {}
    return services.ScoringWish(answers=read.answers, points={**worth, **read.points})


def _at_key(error: DomainError) -> DomainError:
    """The service names its own arguments; on this form all of them are the one field."""
    return Invalid(error.message, attr="key") if error.attr in ("answers", "points") else error


def _chart(scored: Sequence[tuple[Decimal, Decimal]]) -> Any:
    """How many students reached which part of the points."""
    counts = [0] * _STEPS
    for points, most in scored:
        counts[min(int(points * _STEPS / most), _STEPS - 1)] += 1
    return bars([(f"{step * 100 // _STEPS}%", count) for step, count in enumerate(counts)])
