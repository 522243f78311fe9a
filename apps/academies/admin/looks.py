"""Name, colour and logo of the academy."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, SentFiles
from academy.desk.options import DeskAdmin
from academy.desk.pages import Page, carry_out, page
from academy.desk.sending import FileKinds, send_first
from academy.desk.site import academy_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED
from academy.jobs.models import is_unfinished
from academy.jobs.reasons import text_of
from apps.academies import queries, services
from apps.academies.admin.frame import SET_UP, Part, part_url, render_part, save_form
from apps.academies.models import Logo
from apps.accounts.models import User
from apps.accounts.requests import person_of

PICTURES: Final = FileKinds(
    ".jpg,.jpeg,.png,.heic,.heif,image/jpeg,image/png,image/heic",
    "jpg jpeg png heic heif",
    _("A logo is a PNG, JPEG or HEIC picture."),
)
USUAL_COLOUR: Final = "#24476b"
"""What the product prints in, and what the chooser shows until somebody chooses."""


class LooksForm(DeskForm):
    name = forms.CharField(
        label=_("Name of the academy"),
        max_length=services.MAX_NAME,
        help_text=_("It is on the log-in page, on every sheet and in text messages."),
    )
    has_colour = forms.BooleanField(label=_("Use a colour of our own"), required=False)
    colour = forms.CharField(
        label=_("Colour"),
        required=False,
        max_length=7,
        help_text=_("Buttons, headings and sheets are in it. It has to be dark enough for white text."),
        widget=forms.TextInput(attrs={"type": "color"}),
    )


class LogoForm(DeskForm):
    uploads = SentFiles()


def looks(request: HttpRequest) -> HttpResponse:
    tenant = queries.decided()
    initial = {"name": tenant.name, "has_colour": bool(tenant.colour), "colour": tenant.colour or USUAL_COLOUR}
    form = LooksForm(request.POST if request.method == "POST" else None, initial=initial)

    def save(given: dict[str, Any]) -> None:
        services.set_looks(name=given["name"], colour=given["colour"] if given["has_colour"] else "")

    done = save_form(request, form, Part.LOOKS, save)
    if done is not None:
        return done
    newest = queries.newest_logo()
    is_drawing = newest is not None and not newest.logo_key and is_unfinished(newest.job)
    failure = ""
    if newest is not None and newest.job is not None and not newest.logo_key and not is_drawing:
        failure = text_of(newest.job.error_code)
    shown = {
        "form": form,
        "logo_url": tenant.picture_url("logo"),
        "is_drawing": is_drawing,
        "failure": failure,
        "colour": tenant.colour or USUAL_COLOUR,
        "add_url": academy_desk._registry[Logo].url("add"),
        "remove_url": academy_desk._registry[Logo].url("remove"),
    }
    return render_part(request, Part.LOOKS, "academies/looks.html", shown)


@register(Logo, site=academy_desk)
class LogoAdmin(DeskAdmin):
    name: ClassVar = _("Logo")
    plural: ClassVar = _("Logo")
    permissions: ClassVar = {"add": SET_UP}
    personal: ClassVar = {"add": RECORDED}
    add_title: ClassVar = _("Send a logo")

    def visible_to(self, person: User) -> QuerySet[Logo]:
        return Logo.objects.all() if person.may(SET_UP) else Logo.objects.none()

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            services.send_logo(upload_id=upload_id, by=by)
            messages.success(request, gettext("The logo is being drawn. It appears in a moment."))
            return part_url(Part.LOOKS)

        return send_first(
            self,
            request,
            LogoForm(request.POST or None),
            take,
            PICTURES,
            title=self.add_title,
            submit=_("Send"),
            lead=_(
                "A picture on white or transparent ground, as large as you have it. We draw it anew, without margins."
            ),
            drop=_("Drop the logo here"),
            back=part_url(Part.LOOKS),
            crumbs=[(_("Settings"), part_url(Part.LOOKS))],
        )

    @page("remove/", "remove", RECORDED, POST=SET_UP)
    def remove(self, request: HttpRequest) -> HttpResponse:
        done = gettext("There is no logo any more. New sheets are printed without it.")
        return carry_out(request, services.remove_logo, done=done, back=part_url(Part.LOOKS))


academy_desk.add_page(
    Page(
        "settings/",
        "settings-looks",
        looks,
        {"GET": SET_UP, "POST": SET_UP},
        {"GET": NOT_PERSONAL, "POST": RECORDED},
    )
)
