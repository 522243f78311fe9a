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
from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.courses.queries import courses_visible_to
from apps.exams import queries, services
from apps.exams.admin.key_text import key_as_text, read_key
from apps.exams.kinds import QuestionKind
from apps.exams.models import Exam, Maker
from apps.exams.scoring import KeyedQuestion

_MANAGED = Permission.MANAGE_EXAMS
_KEY_HELP: Final = _(
    "One answer after the other: 3 1 4 2 5. Where two count write 2/4; where none is known yet, write -."
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


class ExamForm(DeskForm):
    title = forms.CharField(
        label=_("Title"), max_length=120, widget=forms.TextInput(attrs={"placeholder": _("November test, grade 8")})
    )
    course = forms.TypedChoiceField(
        label=_("Course"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("Its teachers see the exam. Without a course only you and the managers do."),
    )
    question_count = forms.IntegerField(label=_("Questions"), min_value=1, max_value=200, initial=20)
    choice_count = forms.IntegerField(label=_("Choices for each"), min_value=2, max_value=10, initial=5)
    number_digits = forms.IntegerField(label=_("Digits of the student number"), min_value=4, max_value=12, initial=6)
    key = forms.CharField(
        label=_("Answer key"),
        required=False,
        max_length=20_000,
        help_text=_("It can be given later, too.") + " " + _KEY_HELP,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "3 1 4 2 5   1 1 3 2 4"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        courses = courses_visible_to(by).filter(is_archived=False).order_by("name", "pk").values_list("pk", "name")
        self.fields["course"].choices = [("", "–"), *courses]  # type: ignore[attr-defined]  # a ChoiceField


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
            sheet = {
                name: form.cleaned_data[name] for name in ("question_count", "choice_count", "number_digits", "course")
            }
            try:
                with transaction.atomic():  # an exam whose key cannot be read is not made
                    exam = services.create_exam(title=form.cleaned_data["title"], created_by=by, **sheet)
                    _set_key(by, exam, form.cleaned_data["key"], None)
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
        exam = _exam(user, object_id)
        progress = queries.progress_of_exams([exam.pk])[exam.pk]
        results = queries.results_of_exam(exam.pk)
        note_subjects(request, "student", [result.student_id for result in results])
        can_manage = user.may(_MANAGED)
        key = queries.key_of_exam(exam.pk) if can_manage else []
        scored = [
            (result.points, result.max_points) for result in results if result.points is not None and result.max_points
        ]
        shown = {
            "title": exam.title,
            "exam": exam,
            "progress": progress,
            "is_live": progress.waiting > 0,
            "results": results,
            "average": sum(points for points, _most in scored) / len(scored) if scored else None,
            "most": max((most for _points, most in scored), default=None),
            "chart": _chart(scored),
            "is_own_sheet": exam.layout.maker == Maker.OWN,
            "sheet_url": reverse("exam-sheet", args=[exam.pk]),
            "upload_url": reverse("admin:exams_batch_add", current_app=self.admin_site.name) + f"?exam={exam.pk}",
            "scans_url": reverse("admin:exams_scan_changelist", current_app=self.admin_site.name) + f"?exam={exam.pk}",
            "key": key,
            "has_key": any(question.accepted for question in key),
            "key_url": self.url("key", exam.pk) if can_manage else "",
            "can_submit": user.may(Permission.SUBMIT_SCANS),
            "made": moment(exam.created_at),
        }
        return self.render(request, "exams/exam.html", shown)

    @page("<int:object_id>/key/", "key", NOT_PERSONAL, GET=_MANAGED, POST=_MANAGED)
    def edit_key(self, request: HttpRequest, object_id: int) -> HttpResponse:
        by = request.user
        assert isinstance(by, User)
        exam = _exam(by, object_id)
        key = queries.key_of_exam(exam.pk)
        form = KeyForm(request.POST or None, initial={"key": key_as_text(_chosen(key))})
        if request.method == "POST" and form.is_valid():
            try:
                regraded = _set_key(by, exam, form.cleaned_data["key"], form.cleaned_data["points"])
            except DomainError as error:
                show_error(request, form, _at_key(error))
            else:
                text = ngettext(
                    "The key is saved, %(count)s sheet is scored anew.",
                    "The key is saved, %(count)s sheets are scored anew.",
                    regraded,
                )
                messages.success(request, text % {"count": regraded})
                return HttpResponseRedirect(self.url("change", exam.pk))
        shown = {
            "title": _("Answer key"),
            "form": form,
            "submit": _("Save and score"),
            "back": self.url("change", exam.pk),
            "crumbs": [
                (self.opts.verbose_name_plural, self.url("changelist")),
                (exam.title, self.url("change", exam.pk)),
            ],
        }
        return self.render(request, "desk/form.html", shown)


def _exam(person: User, exam_id: int) -> Exam:
    exam: Exam | None = queries.exams_visible_to(person).select_related("layout").filter(pk=exam_id).first()
    if exam is None:
        raise Missing
    return exam


def _chosen(key: Sequence[KeyedQuestion]) -> list[KeyedQuestion]:
    """Those with choices: numbers and essays have a key that one line of answers does not hold, and keep theirs."""
    return [question for question in key if question.kind in (QuestionKind.SINGLE, QuestionKind.SEVERAL)]


def _set_key(by: User, exam: Exam, text: str, points: Decimal | None) -> int:
    """Set the key that ``text`` says and the points of every question. Returns how many pages are scored anew."""
    key = queries.key_of_exam(exam.pk)
    answers = read_key(text, [question.label for question in _chosen(key)]) if text.strip() else {}
    worth = {question.label: points for question in key} if points is not None else {}
    if not answers and not worth:
        return 0
    return services.set_answer_key(by=by, exam_id=exam.pk, answers=answers, points=worth)


def _at_key(error: DomainError) -> DomainError:
    """The service names its own arguments; on this form all of them are the one field."""
    return Invalid(error.message, attr="key") if error.attr in ("answers", "points") else error


def _chart(scored: Sequence[tuple[Decimal, Decimal]]) -> Any:
    """How many students reached which part of the points."""
    counts = [0] * _STEPS
    for points, most in scored:
        counts[min(int(points * _STEPS / most), _STEPS - 1)] += 1
    return bars([(f"{step * 100 // _STEPS}%", count) for step, count in enumerate(counts)])
