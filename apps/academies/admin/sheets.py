"""What the sheets of new exams are like at first."""

from __future__ import annotations

from dataclasses import asdict

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page
from academy.desk.site import academy_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED
from apps.academies import services
from apps.academies.admin.frame import SET_UP, Part, render_part, save_form
from apps.academies.queries import SheetDefaults, decided, sheet_defaults
from sheets.fields import MAX_CHOICES, MAX_NUMBER_DIGITS, MIN_CHOICES, MIN_NUMBER_DIGITS


class SheetsForm(DeskForm):
    choice_count = forms.IntegerField(label=_("Choices for each"), min_value=MIN_CHOICES, max_value=MAX_CHOICES)
    number_digits = forms.IntegerField(
        label=_("Digits of the student number"), min_value=MIN_NUMBER_DIGITS, max_value=MAX_NUMBER_DIGITS
    )
    is_large_print = forms.BooleanField(label=_("Large print, for younger children"), required=False)


def sheets(request: HttpRequest) -> HttpResponse:
    decided()
    form = SheetsForm(request.POST if request.method == "POST" else None, initial=asdict(sheet_defaults()))
    done = save_form(request, form, Part.SHEETS, lambda given: services.set_sheet_defaults(SheetDefaults(**given)))
    if done is not None:
        return done
    return render_part(request, Part.SHEETS, "academies/sheets.html", {"form": form})


academy_desk.add_page(
    Page(
        "settings/sheets/",
        "settings-sheets",
        sheets,
        {"GET": SET_UP, "POST": SET_UP},
        {"GET": NOT_PERSONAL, "POST": RECORDED},
    )
)
