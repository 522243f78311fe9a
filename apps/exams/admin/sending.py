"""Forms whose files the page sends to the bucket first; what arrives here is their names and ids."""

from __future__ import annotations

import json
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from apps.accounts.models import User
from apps.courses.queries import courses_visible_to

_MAX_ID: Final = 2**62
_MAX_FILES: Final = 20


class SentFiles(forms.CharField):
    """The hidden field that ``desk.js`` fills: (name, id of the upload) for each file."""

    def __init__(self, **kwargs: Any) -> None:
        errors = {"required": _("Choose the file first.")}
        super().__init__(max_length=20_000, widget=forms.HiddenInput, error_messages=errors, **kwargs)

    def clean(self, value: Any) -> list[tuple[str, int]]:
        text = super().clean(value)
        try:
            found = [(file["name"], file["id"]) for file in json.loads(text)]
        except (ValueError, TypeError, KeyError, RecursionError):
            found = []
        is_right = all(isinstance(name, str) and type(pk) is int and 0 < pk < _MAX_ID for name, pk in found)
        if not (is_right and 1 <= len(found) <= _MAX_FILES):
            raise forms.ValidationError(gettext("The files did not arrive. Choose them again."))
        return found


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
