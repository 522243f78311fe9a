"""What the forms that make an exam have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from apps.accounts.models import User
from apps.courses.queries import courses_visible_to


class CourseForm(DeskForm):
    """A form that says, among other things, of which course an exam is."""

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

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        courses = courses_visible_to(by).filter(is_archived=False).order_by("name", "pk").values_list("pk", "name")
        self.fields["course"].choices = [("", "–"), *courses]  # type: ignore[attr-defined]  # a ChoiceField
