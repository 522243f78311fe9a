"""How an exam is scored: its key, rules for single questions, and the order of its versions; first seen, then saved."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page, show_error
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import DomainError, Invalid
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, services
from apps.exams.admin.exam_form import at_key, key_wish
from apps.exams.admin.frame import Step, exam_of, exam_url, render_step
from apps.exams.admin.key_text import KEY_HELP, answerable, key_as_text
from apps.exams.admin.version_text import read_version, version_as_text
from apps.exams.grading import Regrading
from apps.exams.kinds import Cancellation, QuestionKind
from apps.exams.models import Exam, Maker
from apps.exams.scoring import KeyedQuestion
from apps.exams.versions import FIRST_VERSION
from sheets.layout import Layout

_RANGE: Final = re.compile(r"(\d{1,4})\s*[-~]\s*(\d{1,4})")
_MAX_RANGE: Final = 1000
_YES_NO: Final = [("", _("as it is")), ("yes", _("yes")), ("no", _("no"))]
_CANCELLED: Final = {
    "all_right": Cancellation.ALL_RIGHT,
    "not_counted": Cancellation.NOT_COUNTED,
    "counted": Cancellation.NONE,
}
_CANCELLED_WORDS: Final = {
    Cancellation.ALL_RIGHT: _("everybody right"),
    Cancellation.NOT_COUNTED: _("not counted"),
}


def _points(label: Any, **more: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=999, decimal_places=2, required=False, **more)


class KeyForm(DeskForm):
    key = forms.CharField(
        label=_("Answer key"),
        required=False,
        max_length=20_000,
        help_text=KEY_HELP,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "placeholder": "3 1 4 2 5   1 1 3 2 4"}),
    )
    points = _points(_("Points for each question"), help_text=_("Left empty, the points stay as they are."))

    def __init__(self, data: Any, *, exam: Exam) -> None:
        super().__init__(data, initial={"key": key_as_text(answerable(queries.key_of_exam(exam.pk)))})
        self.exam = exam

    def wish(self) -> services.ScoringWish:
        return key_wish(self.exam, self.cleaned_data["key"], self.cleaned_data["points"])


class RulesForm(DeskForm):
    numbers = forms.CharField(
        label=_("Questions"),
        max_length=500,
        help_text=_("For instance 3, 7-9. Write * for all of them."),
        widget=forms.TextInput(attrs={"placeholder": "3, 7-9", "autocomplete": "off"}),
    )
    points = _points(_("Points"))
    penalty = _points(_("Points that a wrong answer costs"))
    cancelled = forms.ChoiceField(
        label=_("A faulty question"),
        required=False,
        choices=[
            ("", _("as it is")),
            ("all_right", _("everybody gets its points")),
            ("not_counted", _("it is not counted")),
            ("counted", _("it counts after all")),
        ],
    )
    partial = forms.ChoiceField(
        label=_("Part of the points for part of several right choices"), required=False, choices=_YES_NO
    )
    as_written = forms.ChoiceField(
        label=_("Numbers count only as they are written (0.50 is not 0.5)"), required=False, choices=_YES_NO
    )

    def __init__(self, data: Any, *, exam: Exam) -> None:
        super().__init__(data, auto_id="id_rules_%s")
        self.key = queries.key_of_exam(exam.pk)
        kinds = {question.kind for question in self.key}
        if QuestionKind.SEVERAL not in kinds:
            del self.fields["partial"]
        if QuestionKind.NUMERIC not in kinds:
            del self.fields["as_written"]

    def wish(self) -> services.ScoringWish:
        given = self.cleaned_data
        labels = _named(given["numbers"], [question.label for question in self.key])

        def each(value: Any, meant: Mapping[str, Any] | None = None) -> dict[str, Any]:
            if value in (None, ""):
                return {}
            return dict.fromkeys(labels, value if meant is None else meant[value])

        is_set = {"yes": True, "no": False}
        wish = services.ScoringWish(
            points=each(given["points"]),
            penalties=each(given["penalty"]),
            cancelled=each(given["cancelled"], _CANCELLED),
            partial=each(given.get("partial"), is_set),
            as_written=each(given.get("as_written"), is_set),
        )
        if wish.is_empty:
            raise Invalid(gettext("Say what is to change for these questions."), attr="numbers")
        return wish


class VersionsForm(DeskForm):
    """Two fields for each version but the first, which is the key's own order."""

    def __init__(self, data: Any, *, exam: Exam) -> None:
        is_own = exam.layout.maker == Maker.OWN
        layout = Layout.from_json(exam.layout.definition) if is_own else None
        self.letters = [letter for letter in layout.versions if letter != FIRST_VERSION] if layout else []
        self.questions = list(layout.questions) if layout else []
        self.stored = dict(exam.versions)
        super().__init__(data)
        for letter in self.letters:
            order, choices = version_as_text(self.stored.get(letter), self.questions)
            self.fields[f"order_{letter}"] = forms.CharField(
                label=_("Version {letter}: order of the questions").format(letter=letter),
                required=False,
                max_length=3_000,
                initial=order,
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": "7 3 1 2 5 4 6"}),
            )
            self.fields[f"choices_{letter}"] = forms.CharField(
                label=_("Version {letter}: order of the choices").format(letter=letter),
                required=False,
                max_length=10_000,
                initial=choices,
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": "1: 3 1 2 5 4"}),
            )
        self.dress()

    def wish(self) -> services.ScoringWish:
        given = self.cleaned_data
        versions = {
            letter: read_version(letter, given[f"order_{letter}"], given[f"choices_{letter}"], self.questions)
            for letter in self.letters
        }
        return services.ScoringWish(versions={**self.stored, **versions})


# The value of ``part`` that a form sends, the first where it sends none.
_FORMS: Final[Mapping[str, Callable[..., KeyForm | RulesForm | VersionsForm]]] = {
    "key": KeyForm,
    "rules": RulesForm,
    "versions": VersionsForm,
}


def _named(text: str, labels: list[str]) -> list[str]:
    """The questions that ``text`` names: ``3, 7-9``, or ``*``. Raises ``Invalid``."""
    text = unicodedata.normalize("NFKC", text).replace("번", "").strip()
    if text == "*":
        return labels
    found: list[str] = []
    for part in _RANGE.sub(_spelled_out, text).replace(",", " ").split():
        known = [label for label in (part, f"q{part}") if label in labels]
        if not known:
            raise Invalid(gettext('The exam has no question "{name}".').format(name=part[:20]), attr="numbers")
        found += known[:1]
    return list(dict.fromkeys(found))


def _spelled_out(match: re.Match[str]) -> str:
    first, last = int(match[1]), int(match[2])
    return " ".join(map(str, range(first, min(last, first + _MAX_RANGE) + 1))) if first <= last else match[0]


def edit_key(request: HttpRequest, object_id: int) -> HttpResponse:
    """The key and all that belongs to it, and before it is saved whose points it would change."""
    by = person_of(request)
    exam = exam_of(by, object_id)
    part = request.POST.get("part", "key") if request.POST.get("part", "key") in _FORMS else "key"
    shown_forms = {
        name: make(request.POST if request.method == "POST" and name == part else None, exam=exam)
        for name, make in _FORMS.items()
    }
    form, preview = shown_forms[part], None
    if request.method == "POST" and form.is_valid():
        try:
            wish = form.wish()
            if "_preview" not in request.POST:
                return _save(request, by, exam, wish)
            preview = services.preview_scoring(by=by, exam_id=exam.pk, wish=wish)
            note_subjects(request, "student", [change.student_id for change in preview.changes])
        except DomainError as error:
            show_error(request, form, at_key(error) if part == "key" else error)
    key = queries.key_of_exam(exam.pk)
    shown: dict[str, Any] = {
        "form": shown_forms["key"],
        "rules": shown_forms["rules"],
        "versions": shown_forms["versions"] if shown_forms["versions"].fields else None,
        "part": part,
        "preview": preview,
        "key": [_row(question) for question in key],
        "has_key": any(question.is_keyed for question in key),
        "back": exam_url(exam.pk),
    }
    return render_step(request, exam, Step.KEY, "exams/key.html", shown)


def _row(question: KeyedQuestion) -> dict[str, Any]:
    return {
        "label": question.label,
        "accepted": question.accepted,
        "points": question.points,
        "penalty": question.penalty,
        "note": _CANCELLED_WORDS.get(question.cancelled, ""),
    }


def _save(request: HttpRequest, by: User, exam: Exam, wish: services.ScoringWish) -> HttpResponse:
    found: Regrading = services.set_scoring(by=by, exam_id=exam.pk, wish=wish)
    note_subjects(request, "student", [change.student_id for change in found.changes])
    text = ngettext(
        "The key is saved, %(count)s sheet is scored anew.",
        "The key is saved, %(count)s sheets are scored anew.",
        found.page_count,
    )
    messages.success(request, text % {"count": found.page_count})
    return HttpResponseRedirect(exam_url(exam.pk))


academy_desk.add_page(
    Page(
        "exams/exam/<int:object_id>/key/",
        "exams_exam_key",
        edit_key,
        dict.fromkeys(("GET", "POST"), Permission.MANAGE_EXAMS),
        dict.fromkeys(("GET", "POST"), about()),
    )
)
