"""Sheets of other makers at the desk: a template drawn over a blank sheet, or brought along as a file."""

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
from academy.desk.pages import note_error, page
from academy.desk.sending import PAGES, FileKinds, at_files, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import other_makers, queries
from apps.exams.admin.frame import exam_url
from apps.exams.admin.sending import CourseForm
from apps.exams.drawing import MAX_BLOCKS
from apps.exams.models import BlankSheet, Exam

_MANAGED: Final = Permission.MANAGE_EXAMS
_MAX_DRAWN_CHARACTERS: Final = 400 * MAX_BLOCKS
_TEMPLATE_FILES: Final = FileKinds(
    ".json,.jpg,.jpeg,.png,application/json,image/jpeg,image/png",
    "json jpg jpeg png",
    _("Only JSON, JPEG and PNG files belong to a template."),
)


class BlankSheetForm(DeskForm):
    title = forms.CharField(
        label=_("Name of the sheet"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Mock test sheet, 45 questions")}),
    )
    uploads = SentFiles()


class DrawingForm(CourseForm):
    blocks = forms.CharField(
        max_length=_MAX_DRAWN_CHARACTERS, widget=forms.HiddenInput(attrs={"data-drawn": ""}), required=False
    )


class TemplateForm(CourseForm):
    number_label = forms.CharField(
        label=_("Field of the student number"),
        required=False,
        max_length=80,
        help_text=_("As it is called in the template, for instance Roll. Left empty, sheets are matched by hand."),
    )
    uploads = SentFiles()


@register(BlankSheet, site=academy_desk)
class BlankSheetAdmin(DeskAdmin):
    name: ClassVar = _("Sheet of another maker")
    plural: ClassVar = _("Sheets of other makers")
    permissions: ClassVar = {"view": _MANAGED, "add": _MANAGED, "change": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": NOT_PERSONAL, "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        _("Exams and sheets"), _("Sheets of other makers"), "draw", "exams_blanksheet_changelist", _MANAGED, 24
    )
    add_title: ClassVar = _("Add a blank sheet")
    list_subtitle: ClassVar = _(
        "Printed sheets that you have in stock: draw once where their bubbles are, then make exams on them."
    )
    is_live_list = True
    list_display = ("title", "made", "state")
    list_select_related = ("job",)
    search_fields = ("title",)
    search_help_text = _("Name of the sheet")
    field_names: ClassVar = {"title": _("Name of the sheet")}

    def visible_to(self, person: User) -> QuerySet[BlankSheet]:
        return queries.blank_sheets_visible_to(person)

    @display(description=_("Made"))
    def made(self, blank: BlankSheet) -> str:
        return moment(blank.created_at)

    @display(description=_("State"))
    def state(self, blank: BlankSheet) -> SafeString:
        if not blank.picture_key:
            return label(_("Reading"), "info") if is_unfinished(blank.job) else label(_("Not readable"), "danger")
        return label(_("Ready"), "success") if blank.blocks else label(_("To be drawn"), "warning")

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            blank = other_makers.add_blank_sheet(title=given["title"], upload_id=upload_id, created_by=by)
            return self.url("change", blank.pk)

        return send_first(
            self,
            request,
            BlankSheetForm(request.POST or None),
            take,
            PAGES,
            title=self.add_title,
            submit=_("Send"),
            lead=_("Scan or photograph one empty sheet from straight above, all four edges in the picture."),
            drop=_("Drop the blank sheet here"),
            other_url=self.url("template"),
            other=_("I have a template file already"),
        )

    @page("template/", "template", NOT_PERSONAL, GET=_MANAGED, POST=_MANAGED)
    def bring_template(self, request: HttpRequest) -> HttpResponse:
        """An exam on a ``template.json`` that somebody has, with the pictures that it names."""
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            exam = _exam_on_template(by, given)
            messages.success(request, gettext("The exam is made. Hand in its sheets when they are filled in."))
            return exam_url(exam.pk)

        return send_first(
            self,
            request,
            TemplateForm(request.POST or None, by=by),
            take,
            _TEMPLATE_FILES,
            _at_files,
            title=_("Exam on a template file"),
            submit=_("Make the exam"),
            is_multiple=True,
            lead=_(
                "The template.json of OMRChecker, together with the pictures of the marks that it names and, "
                "if there is one, its evaluation.json: that is the key."
            ),
            drop=_("Drop template.json and its pictures here"),
        )

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The sheet's picture with the boxes that are drawn over it; sending them makes an exam."""
        by = person_of(request)
        blank: BlankSheet | None = self.visible_to(by).select_related("job").filter(pk=object_id).first()
        if blank is None:
            raise Missing
        drawn = json.dumps(blank.blocks)
        form = DrawingForm(request.POST or None, by=by, initial={"blocks": drawn})
        if request.method == "POST" and form.is_valid():
            try:
                exam = _exam_on_drawing(by, blank, form.cleaned_data)
            except DomainError as error:
                if isinstance(error, Missing) and error.attr is None and not blank.picture_key:
                    raise
                note_error(request, error)
                form.add_error(error.attr if error.attr in form.fields else None, error.message)
            else:
                messages.success(request, gettext("The exam is made. Hand in its sheets when they are filled in."))
                return HttpResponseRedirect(exam_url(exam.pk))
        shown = {
            "title": blank.title,
            "blank": blank,
            "form": form,
            "found": json.dumps(blank.bubbles),
            "picture_url": s3.presign_get(blank.picture_key) if blank.picture_key else "",
            "is_live": not blank.picture_key and is_unfinished(blank.job),
            "reason": text_of(blank.job.error_code) if blank.job is not None and blank.job.error_code else "",
            "add_url": self.url("add"),
            "scripts": [static("desk/desk.js"), static("desk/drawing.js"), static("desk/blank-sheet.js")],
        }
        response = self.render(request, "exams/blank_sheet.html", shown)
        if blank.picture_key and request.headers.get("HX-Request"):
            response.headers["HX-Refresh"] = "true"  # the page that waited for the picture
        return response


def _exam_on_drawing(by: User, blank: BlankSheet, given: dict[str, Any]) -> Exam:
    try:
        blocks = json.loads(given["blocks"] or "[]")
    except (ValueError, RecursionError):
        blocks = None
    return other_makers.create_exam_on_drawing(
        blank_sheet_id=blank.pk, title=given["title"], course=given["course"], blocks=blocks, created_by=by
    )


def _exam_on_template(by: User, given: dict[str, Any]) -> Exam:
    pictures = {name: pk for name, pk in given["uploads"] if not name.lower().endswith(".json")}
    evaluations = [pk for name, pk in given["uploads"] if name.lower() == "evaluation.json"]
    templates = [pk for name, pk in given["uploads"] if pk not in {*pictures.values(), *evaluations}]
    if len(templates) != 1 or len(evaluations) > 1:
        raise Invalid(gettext("Exactly one of the files is the template: template.json."), attr="uploads")
    return other_makers.create_exam_on_template(
        title=given["title"],
        course=given["course"],
        template_upload=templates[0],
        asset_uploads=pictures,
        number_label=given["number_label"],
        evaluation_upload=evaluations[0] if evaluations else None,
        created_by=by,
    )


def _at_files(error: DomainError) -> DomainError:
    return error if error.attr in ("number_label", "course", "title") else at_files(error)
