"""What the pages of settings have in common: the row of them above each, and the one form that most are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.pages import show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import note_status
from academy.http.errors import DomainError
from apps.accounts.roles import Permission

SET_UP: Final = Permission.SET_UP_ACADEMY


class Part(StrEnum):
    LOOKS = "looks"
    SHEETS = "sheets"
    TEXTS = "texts"
    RULES = "rules"
    PLAN = "plan"


_WORDS: Final[Mapping[Part, tuple[Promise, str]]] = {
    Part.LOOKS: (_("Name and looks"), "palette"),
    Part.SHEETS: (_("Answer sheets"), "description"),
    Part.TEXTS: (_("Text messages"), "sms"),
    Part.RULES: (_("Security"), "shield_lock"),
    Part.PLAN: (_("Plan and addresses"), "receipt_long"),
}


def part_url(part: Part) -> str:
    return reverse(f"admin:settings-{part.value}", current_app=academy_desk.name)


def render_part(request: HttpRequest, part: Part, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A page of settings, with the others above it."""
    steps = [
        {"title": title, "icon": icon, "url": part_url(other), "is_here": other is part}
        for other, (title, icon) in _WORDS.items()
    ]
    crumbs = [(_("Settings"), part_url(Part.LOOKS))]
    return academy_desk.render(
        request, template, {"title": _WORDS[part][0], "steps": steps, "crumbs": crumbs, **context}
    )


def save_form(
    request: HttpRequest, form: Form, part: Part, save: Callable[[dict[str, Any]], object]
) -> HttpResponse | None:
    """Back to the page when what was sent is saved; ``None`` where the form is to be shown (again)."""
    if request.method != "POST":
        return None
    if form.is_valid():
        try:
            save(form.cleaned_data)
        except DomainError as error:
            show_error(request, form, error)
            return None
        messages.success(request, gettext("Saved. It is seen everywhere within half a minute."))
        return HttpResponseRedirect(part_url(part))
    note_status(request, 400)
    return None


academy_desk.menu.append(MenuEntry(_("Academy"), _("Settings"), "settings", f"settings-{Part.LOOKS.value}", SET_UP, 80))
