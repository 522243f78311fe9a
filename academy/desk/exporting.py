"""A list as a file: for a reason, which the trail keeps, and as the list is filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import show_error
from academy.http.disclosures import note_reason, note_status
from academy.http.errors import Invalid
from academy.http.exports import MAX_REASON_CHARACTERS, csv_file

if TYPE_CHECKING:
    from academy.desk.options import DeskAdmin

MAX_ROWS: Final = 20_000


class ReasonForm(DeskForm):
    reason = forms.CharField(
        label=_("What is the file for?"),
        min_length=2,
        max_length=MAX_REASON_CHARACTERS,
        help_text=_("It is kept in the trail with your name: the file holds personal data."),
        widget=forms.TextInput(attrs={"placeholder": _("Register for the spring term")}),
    )


def export_list(admin: DeskAdmin, request: HttpRequest) -> HttpResponse:
    """Ask what the file is for, then give the rows of the list, filtered and searched as the address says."""
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if form.is_valid():
            rows = list(admin.get_changelist_instance(request).queryset.order_by(admin.keyset)[: MAX_ROWS + 1])
            if len(rows) <= MAX_ROWS:
                note_reason(request, form.cleaned_data["reason"])
                admin.note(request, rows)
                name = f"{admin.opts.model_name}-{timezone.localdate():%Y%m%d}.csv"
                return csv_file(name, [str(words) for words in admin.export_header], admin.export_rows(rows))
            error = Invalid(
                gettext("The list has more than {count} rows. Search or filter it first.").format(count=MAX_ROWS)
            )
            show_error(request, form, error)
        else:
            note_status(request, 400)
    query = request.META.get("QUERY_STRING", "")
    shown = {
        "title": gettext("Save %(what)s as a file") % {"what": admin.opts.verbose_name_plural},
        "form": form,
        "submit": _("Save as a file (CSV for Excel)"),
        "back": admin.url("changelist") + (f"?{query}" if query else ""),
    }
    return admin.render(request, "desk/form.html", shown)
