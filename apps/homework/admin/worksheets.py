"""Blank worksheets: registered from a file, with the places of their problems drawn over each page."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, SentFiles
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import page, show_error
from academy.desk.sending import PAGES, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission, Sight
from apps.homework import queries, services
from apps.homework.admin.frame import GROUP, url_of
from apps.homework.deleting import WORKSHEET
from apps.homework.models import Worksheet, WorksheetPage
from apps.homework.serializers import RegionsSerializer
from apps.trash.admin import REMOVED, removal_page, remove_url
from sheets.homework import MAX_LABEL_CHARACTERS, MAX_REGIONS, MIN_SIDE_MM, Region

_MANAGED: Final = Permission.MANAGE_HOMEWORK
_MAX_DRAWN_CHARACTERS: Final = 200 * MAX_REGIONS


class WorksheetForm(DeskForm):
    title = forms.CharField(
        label=_("Name of the worksheet"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Chapter 3, exercises")}),
    )
    uploads = SentFiles()


class RegionsForm(DeskForm):
    regions = forms.CharField(
        max_length=_MAX_DRAWN_CHARACTERS, widget=forms.HiddenInput(attrs={"data-drawn": ""}), required=False
    )


@register(Worksheet, site=academy_desk)
class WorksheetAdmin(DeskAdmin):
    name: ClassVar = _("Worksheet")
    plural: ClassVar = _("Worksheets")
    permissions: ClassVar = {"view": Permission.VIEW_HOMEWORK, "add": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": NOT_PERSONAL, "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        GROUP, _("Worksheets"), "description", "homework_worksheet_changelist", Permission.VIEW_HOMEWORK, 32
    )
    add_title: ClassVar = _("Register a worksheet")
    list_subtitle: ClassVar = _(
        "Send the blank worksheet once: what is handed in is compared with it, problem by problem."
    )
    is_live_list = True
    list_display = ("title", "made", "pages_shown", "state")
    list_select_related = ("job",)
    search_fields = ("title",)
    search_help_text = _("Name of the worksheet")
    found_by = ("title",)
    field_names: ClassVar = {"title": _("Name of the worksheet")}

    def visible_to(self, person: User) -> QuerySet[Worksheet]:
        """Worksheets are nobody's data: all staff share them."""
        shared = person.sight in (Sight.EVERYTHING, Sight.TAUGHT)
        return queries.worksheets_with_job() if shared else Worksheet.objects.none()

    @display(description=_("Made"))
    def made(self, worksheet: Worksheet) -> str:
        return moment(worksheet.created_at)

    @display(description=_("Pages"))
    def pages_shown(self, worksheet: Worksheet) -> str:
        return str(worksheet.page_count) if worksheet.page_count is not None else "–"

    @display(description=_("State"))
    def state(self, worksheet: Worksheet) -> SafeString:
        if worksheet.page_count is not None:
            return label(_("Ready"), "success")
        return label(_("Reading"), "info") if is_unfinished(worksheet.job) else label(_("Not readable"), "danger")

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            worksheet = services.register_worksheet(
                title=given["title"], upload_id=upload_id, created_by=person_of(request)
            )
            return self.url("change", worksheet.pk)

        return send_first(
            self,
            request,
            WorksheetForm(request.POST or None),
            take,
            PAGES,
            title=self.add_title,
            submit=_("Register"),
            lead=_("The PDF that it is printed from is best; a scan or a photo of the blank sheet does as well."),
            drop=_("Drop the blank worksheet here"),
        )

    def _worksheet(self, request: HttpRequest, worksheet_id: int) -> Worksheet:
        worksheet: Worksheet | None = self.visible_to(person_of(request)).filter(pk=worksheet_id).first()
        if worksheet is None:
            raise Missing
        return worksheet

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The first page, or what there is to wait for."""
        worksheet = self._worksheet(request, object_id)
        pages = list(queries.pages_of_worksheet(worksheet.pk)) if worksheet.page_count is not None else []
        if pages:
            response = self._show(request, worksheet, pages, pages[0])
            if request.headers.get("HX-Request"):
                response.headers["HX-Refresh"] = "true"  # the page that waited for the pictures
            return response
        shown = {
            "delete_url": remove_url(self, request, WORKSHEET, worksheet),
            "title": worksheet.title,
            "is_live": is_unfinished(worksheet.job),
            "reason": text_of(worksheet.job.error_code) if worksheet.job is not None else "",
            "add_url": self.url("add"),
        }
        return self.render(request, "homework/worksheet.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, WORKSHEET, object_id)

    @page("<int:object_id>/pages/<int:page_id>/", "page", NOT_PERSONAL, GET=Permission.VIEW_HOMEWORK, POST=_MANAGED)
    def one_page(self, request: HttpRequest, object_id: int, page_id: int) -> HttpResponse:
        """One page with its problems; sending them is what the worksheet has from then on."""
        worksheet = self._worksheet(request, object_id)
        pages = list(queries.pages_of_worksheet(worksheet.pk))
        here = next((one for one in pages if one.pk == page_id), None)
        if here is None:
            raise Missing
        if request.method != "POST":
            return self._show(request, worksheet, pages, here)
        form = RegionsForm(request.POST)
        if form.is_valid():
            try:
                regions = None if "as_proposed" in request.POST else _drawn(form.cleaned_data["regions"])
                services.set_regions(worksheet_page_id=here.pk, regions=regions)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(
                    request, gettext("Saved. What was handed in before keeps its result until it is read again.")
                )
                following = next((one for one in pages if one.page_index > here.page_index), here)
                return HttpResponseRedirect(self.url("page", worksheet.pk, following.pk))
        return self._show(request, worksheet, pages, here, form)

    def _show(
        self,
        request: HttpRequest,
        worksheet: Worksheet,
        pages: list[WorksheetPage],
        here: WorksheetPage,
        form: RegionsForm | None = None,
    ) -> HttpResponse:
        others = {str(region["label"]) for one in pages if one.pk != here.pk for region in one.current_regions}
        assign_url = url_of("assignment", "add") + f"?worksheet={worksheet.pk}"
        can_manage = person_of(request).may(_MANAGED)
        shown = {
            "delete_url": remove_url(self, request, WORKSHEET, worksheet),
            "title": worksheet.title,
            "worksheet": worksheet,
            "page": here,
            "number": here.page_index + 1,
            "picture_url": s3.presign_get(here.picture_key),
            "form": (form or RegionsForm(initial={"regions": json.dumps(here.current_regions)}))
            if can_manage
            else None,
            "regions": here.current_regions,
            "others": json.dumps(sorted(others)),
            "most": MAX_REGIONS,
            "least_mm": MIN_SIDE_MM,
            "label_characters": MAX_LABEL_CHARACTERS,
            "pages": [
                {
                    "number": one.page_index + 1,
                    "url": self.url("page", worksheet.pk, one.pk),
                    "picture_url": s3.presign_get(one.picture_key),
                    "count": len(one.current_regions),
                    "is_edited": one.regions is not None,
                    "is_here": one.pk == here.pk,
                }
                for one in pages
            ],
            "is_last": here.pk == pages[-1].pk,
            "page_url": self.url("page", worksheet.pk, here.pk),
            "assign_url": assign_url if can_manage else "",
            "scripts": [static("desk/desk.js"), static("desk/drawing.js"), static("desk/regions.js")],
        }
        return self.render(request, "homework/worksheet.html", shown)


def _drawn(text: str) -> list[Region]:
    """What the script sent, by the rules of the API. Raises ``Invalid``."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        found = None
    asked = RegionsSerializer(data={"regions": found})
    if found is None or not asked.is_valid():
        raise Invalid(gettext("The boxes did not arrive as they were drawn. Draw them again."), attr="regions")
    return [Region.from_json(region) for region in asked.validated_data["regions"]]
