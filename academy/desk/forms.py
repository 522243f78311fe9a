"""Forms in the dress of the desk."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES, SELECT_CLASSES, TEXTAREA_CLASSES

_MAX_ID: Final = 2**62
_MAX_FILES: Final = 20


class DeskForm(forms.Form):
    """A form whose fields look like the site's, with labels for screens and for screen readers."""

    required_css_class: ClassVar[str] = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    def dress(self) -> None:
        """Give every field its looks; to be called again by who adds fields later."""
        for field in self.fields.values():
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
                classes = CHECKBOX_CLASSES
            elif isinstance(widget, forms.Select):
                classes = SELECT_CLASSES
            elif isinstance(widget, forms.Textarea):
                classes = TEXTAREA_CLASSES
            else:
                classes = INPUT_CLASSES
            widget.attrs["class"] = f"{' '.join(classes)} {widget.attrs.get('class', '')}".strip()


class PhoneField(forms.CharField):
    """A phone as people write it: 010-1234-5678. The services judge whether it is one."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"inputmode": "tel", "autocomplete": "tel", "placeholder": "010-1234-5678", "data-phone": ""}
        kwargs.setdefault("max_length", 32)
        kwargs.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(**kwargs)


class CodeField(forms.CharField):
    """A code that is read from a telephone, or a recovery code."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"inputmode": "text", "autocomplete": "one-time-code", "autofocus": "", "class": "desk-code"}
        kwargs.setdefault("max_length", 16)
        kwargs.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(**kwargs)


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
