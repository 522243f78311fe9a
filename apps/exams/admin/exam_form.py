"""The form of a new exam: its questions by kind, how they are scored at first, and what the sheet is like."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from academy.http.errors import DomainError, Invalid
from apps.exams import queries, services
from apps.exams.admin.key_text import KEY_HELP, KeyText, answerable, read_key
from apps.exams.admin.sending import CourseForm
from apps.exams.models import Exam
from sheets.layout import Choices, Essays, Group, Numbers

_MORE: Final = (
    "several_count", "numeric_count", "numeric_digits", "numeric_decimals", "has_sign", "essay_count", "essay_points",
    "penalty", "version_count", "is_large_print", "number_digits",
)  # fmt: skip


class ExamForm(CourseForm):
    question_count = forms.IntegerField(label=_("Questions with choices"), min_value=0, max_value=200, initial=20)
    choice_count = forms.IntegerField(label=_("Choices for each"), min_value=2, max_value=10, initial=5)
    key = forms.CharField(
        label=_("Answer key"),
        required=False,
        max_length=20_000,
        help_text=_("It can be given later, too.") + " " + KEY_HELP,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "3 1 4 2 5   1 1 3 2 4"}),
    )
    several_count = forms.IntegerField(
        label=_("Questions with several right choices"),
        required=False,
        min_value=0,
        max_value=200,
        initial=0,
        help_text=_("They follow those with one. In the key, 1+3 means: both have to be marked."),
    )
    numeric_count = forms.IntegerField(
        label=_("Questions answered by a number"), required=False, min_value=0, max_value=200, initial=0
    )
    numeric_digits = forms.IntegerField(
        label=_("Digits of such a number"), required=False, min_value=1, max_value=8, initial=3
    )
    numeric_decimals = forms.IntegerField(
        label=_("Digits after the decimal point"), required=False, min_value=0, max_value=7, initial=0
    )
    has_sign = forms.BooleanField(label=_("Such a number may be below zero"), required=False)
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
    penalty = forms.DecimalField(
        label=_("Points that a wrong answer costs"),
        required=False,
        min_value=0,
        max_value=999,
        decimal_places=2,
        help_text=_("Blank answers cost nothing. It can be changed for single questions with the key."),
    )
    version_count = forms.TypedChoiceField(
        label=_("Versions of the exam"),
        required=False,
        coerce=int,
        empty_value="0",
        choices=[("", _("Only one")), (2, "A, B"), (3, "A, B, C"), (4, "A, B, C, D")],
        help_text=_(
            "The sheet gets a field for the version. In which order each has its questions, you say with the key."
        ),
    )
    is_large_print = forms.BooleanField(label=_("Large print, for younger children"), required=False)
    number_digits = forms.IntegerField(label=_("Digits of the student number"), min_value=4, max_value=12, initial=6)

    @property
    def main_fields(self) -> Iterator[forms.BoundField]:
        return (field for field in self if field.name not in _MORE)

    @property
    def more_fields(self) -> Iterator[forms.BoundField]:
        return (field for field in self if field.name in _MORE)

    @property
    def is_more_open(self) -> bool:
        """Whether something of the rarer fields is not as it comes."""
        return self.is_bound and any(name in self.errors or name in self.changed_data for name in _MORE)

    @property
    def wished(self) -> dict[str, Any]:
        """The arguments of ``services.create_exam``."""
        given = self.cleaned_data
        numbers = {"digits": given["numeric_digits"] or 3, "decimals": given["numeric_decimals"] or 0}
        groups: list[Group] = [
            Choices(given["question_count"], given["choice_count"]),
            Choices(given["several_count"] or 0, given["choice_count"], has_several=True),
            Numbers(given["numeric_count"] or 0, has_sign=given["has_sign"], **numbers),
            Essays(given["essay_count"] or 0),
        ]
        ends = list(accumulate(group.count for group in groups))
        essays = [f"q{number}" for number in range(ends[2] + 1, ends[3] + 1)]
        marked = [f"q{number}" for number in range(1, ends[2] + 1)]
        # Of choices alone there is the sheet that most exams share.
        is_plain = ends[0] > 0 and ends[0] == ends[3]
        sheet = (
            {"question_count": ends[0], "choice_count": given["choice_count"]}
            if is_plain
            else {"groups": tuple(group for group in groups if group.count)}
        )
        return {
            **sheet,
            "title": given["title"],
            "course": given["course"],
            "number_digits": given["number_digits"],
            "version_count": int(given["version_count"]),
            "is_large_print": given["is_large_print"],
            "scoring": services.ScoringWish(
                points={label: given["essay_points"] for label in essays if given["essay_points"] is not None},
                penalties={label: given["penalty"] for label in marked if given["penalty"]},
            ),
        }


def key_wish(exam: Exam, text: str, points: Any = None) -> services.ScoringWish:
    """The key that ``text`` says and the points of every question. Points in the text win. Raises ``Invalid``."""
    key = queries.key_of_exam(exam.pk)
    read = read_key(text, answerable(key)) if text.strip() else KeyText({})
    worth = {question.label: points for question in key} if points is not None else {}
    return services.ScoringWish(answers=read.answers, points={**worth, **read.points})


def at_key(error: DomainError) -> DomainError:
    """The service names its own arguments; on this form all of them are the one field."""
    return Invalid(error.message, attr="key") if error.attr in ("answers", "points") else error
