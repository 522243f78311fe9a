"""The wording of text messages, with what a telephone would show."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page
from academy.desk.site import academy_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED
from academy.http.errors import Invalid
from apps.academies import services
from apps.academies.admin.frame import SET_UP, Part, render_part, save_form
from apps.academies.queries import decided
from apps.accounts.services.texts import (
    MAX_BYTES,
    PLACEHOLDERS,
    USUAL,
    TextKind,
    byte_count,
    check_template,
    example_values,
    filled,
    template_of,
)

_WORDS: Final = {
    TextKind.CODE: _("A code to log in with"),
    TextKind.INVITATION: _("An invitation"),
    TextKind.PHONE_CHANGED: _("Their phone number was changed"),
    TextKind.REMINDER: _("Homework was not handed in"),
}
MAX_CHARACTERS: Final = 200


class TextsForm(DeskForm):
    """A field for each kind of message; left empty it is the usual wording again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, label in _WORDS.items():
            names = " ".join(f"{{{name}}}" for name in PLACEHOLDERS[kind])
            self.fields[kind.value] = forms.CharField(
                label=label,
                required=False,
                max_length=MAX_CHARACTERS,
                help_text=gettext("In it stand: %(names)s") % {"names": names},
                widget=forms.TextInput(attrs={"placeholder": USUAL[kind], "spellcheck": "false"}),
            )
        self.dress()


def texts(request: HttpRequest) -> HttpResponse:
    decided()
    initial = {kind.value: template_of(kind) for kind in TextKind}
    form = TextsForm(request.POST if request.method == "POST" else None, initial=initial)
    if "_preview" not in request.POST:
        done = save_form(
            request,
            form,
            Part.TEXTS,
            lambda given: services.set_texts({kind: given[kind.value] for kind in TextKind}),
        )
        if done is not None:
            return done
    elif form.is_valid():
        _point_out(form)
    shown = {"form": form, "rows": [_row(form, kind) for kind in TextKind], "most": MAX_BYTES}
    return render_part(request, Part.TEXTS, "academies/texts.html", shown)


def _point_out(form: TextsForm) -> None:
    """What is wrong with each wording, though nothing is saved."""
    for kind in TextKind:
        wording = form.cleaned_data[kind.value].strip()
        if wording and wording != USUAL[kind]:
            try:
                check_template(kind, wording)
            except Invalid as error:
                form.add_error(kind.value, error.message)


def _row(form: TextsForm, kind: TextKind) -> dict[str, Any]:
    wording = str(form[kind.value].value() or "").strip()[:MAX_CHARACTERS] or USUAL[kind]
    text = filled(wording, example_values())
    try:
        count: int | None = byte_count(text)
    except UnicodeEncodeError:
        count = None
    return {
        "field": form[kind.value],
        "text": text,
        "count": count,
        "is_usual": wording == USUAL[kind],
        "usual": USUAL[kind],
    }


academy_desk.add_page(
    Page(
        "settings/texts/",
        "settings-texts",
        texts,
        {"GET": SET_UP, "POST": SET_UP},
        {"GET": NOT_PERSONAL, "POST": RECORDED},
    )
)
