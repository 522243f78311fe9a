"""Deleting and bringing back, on the desk: the page that says what will be lost, and the list of what was deleted."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import note_error, page
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import DomainError, Missing, Refused
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.trash import services
from apps.trash.kinds import Kind, kind_of
from apps.trash.models import KEPT_DAYS, Deletion
from apps.trash.queries import deletions_visible_to

USE: Final = Permission.USE_DESK
REMOVED: Final = about(is_recorded=True)
"""Of pages that delete: they note by themselves whom."""


def remove_url(admin: DeskAdmin, request: HttpRequest, kind: Kind, row: Any) -> str:
    """Where a thing that somebody sees is deleted, "" for who may not."""
    by = person_of(request)
    is_theirs = not kind.is_makers or by.sees_everything or row.created_by_id == by.pk
    url: str = admin.url("remove", row.pk) if is_theirs and by.may(kind.permission) else ""
    return url


def removal_page(admin: DeskAdmin, request: HttpRequest, kind: Kind, row_id: int) -> HttpResponse:
    """What would be lost, and the button that deletes it. Raises ``Missing``."""
    by = person_of(request)
    loss, refusal = None, ""
    try:
        if request.method == "POST":
            deletion = services.delete(by=by, kind=kind, row_id=row_id)
            _note(request, deletion)
            text = gettext("%(title)s is deleted. It can be restored for %(days)s days, in the trash.")
            messages.success(request, text % {"title": deletion.title, "days": KEPT_DAYS})
            return HttpResponseRedirect(admin.url("changelist"))
        loss = services.look_at(by=by, kind=kind, row_id=row_id)
    except Refused as error:
        note_error(request, error)
        refusal = error.message
    if loss is not None and kind.model.person_kind:
        note_subjects(request, kind.model.person_kind, [row_id])
    shown = {
        "title": gettext("Delete"),
        "name": loss.title if loss else "",
        "kind": kind.name,
        "refusal": refusal,
        "rows": [(words, loss.counts[model]) for model, words in kind.lost.items() if loss.counts.get(model)]
        if loss
        else [],
        "days": KEPT_DAYS,
        "back": admin.url("change", row_id),
    }
    return admin.render(request, "trash/remove.html", shown)


def _note(request: HttpRequest, deletion: Deletion) -> None:
    kind = kind_of(deletion.kind)
    if kind is not None and kind.model.person_kind:
        note_subjects(request, kind.model.person_kind, [deletion.row_id])


@register(Deletion, site=academy_desk)
class DeletionAdmin(DeskAdmin):
    name: ClassVar = _("Deleted thing")
    plural: ClassVar = _("Trash")
    field_names: ClassVar = {"title": _("Name")}
    permissions: ClassVar = {"view": USE}
    personal: ClassVar = {"list": about(), "detail": about()}  # they note students by themselves
    entry: ClassVar = MenuEntry(_("Academy"), _("Trash"), "delete", "trash_deletion_changelist", USE, 75)
    list_display = ("title", "kind_shown", "by", "when", "until")
    list_select_related = ("deleted_by",)
    search_fields = ("title",)
    search_help_text = _("Name of what was deleted")
    list_subtitle = _("What was deleted in the last 30 days. After that it is gone for good.")

    def visible_to(self, person: User) -> QuerySet[Deletion]:
        return deletions_visible_to(person)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deletion]:
        rows: QuerySet[Deletion] = super().get_queryset(request)
        return rows.select_related("deleted_by").defer("people", "places", "loose", "uploads")

    def prepare(self, rows: Any) -> None:
        for row in rows:
            row.known = kind_of(row.kind)

    def note(self, request: HttpRequest, rows: Any) -> None:
        for row in rows:
            _note(request, row)

    @display(description=_("What"))
    def kind_shown(self, deletion: Any) -> SafeString:
        kind = kind_of(deletion.kind)
        return label(kind.name if kind is not None else deletion.kind)

    @display(description=_("Deleted by"))
    def by(self, deletion: Deletion) -> str:
        return deletion.deleted_by.name if deletion.deleted_by else "–"

    @display(description=_("Deleted"))
    def when(self, deletion: Deletion) -> str:
        return moment(deletion.created_at)

    @display(description=_("Can be restored until"))
    def until(self, deletion: Deletion) -> str:
        return moment(deletion.ends_at)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        by = person_of(request)
        deletion = self.get_queryset(request).filter(pk=object_id).first()
        kind = kind_of(deletion.kind) if deletion is not None else None
        if deletion is None or kind is None:
            raise Missing
        _note(request, deletion)
        lost = {model._meta.label_lower: words for model, words in kind.lost.items()}
        shown = {
            "title": deletion.title,
            "kind": kind.name,
            "deletion": deletion,
            "by": self.by(deletion),
            "when": self.when(deletion),
            "until": self.until(deletion),
            "rows": [(words, deletion.counts[name]) for name, words in lost.items() if deletion.counts.get(name)],
            "restore_url": self.url("restore", deletion.pk) if by.may(kind.permission) else "",
        }
        return self.render(request, "trash/deletion.html", shown)

    @page("<int:object_id>/restore/", "restore", REMOVED, POST=USE)
    def restore(self, request: HttpRequest, object_id: int) -> HttpResponse:
        try:
            deletion, left_out = services.restore(by=person_of(request), deletion_id=object_id)
        except Missing:
            raise
        except DomainError as error:
            note_error(request, error)
            messages.error(request, error.message)
            return HttpResponseRedirect(self.url("change", object_id))
        _note(request, deletion)
        messages.success(request, gettext("%(title)s is back.") % {"title": deletion.title})
        if left_out:
            text = ngettext(
                "%(count)s part of it belonged to somebody or something that is gone for good, and is not back.",
                "%(count)s parts of it belonged to somebody or something that is gone for good, and are not back.",
                left_out,
            )
            messages.warning(request, text % {"count": left_out})
        admin = academy_desk._registry.get(apps.get_model(deletion.kind))
        is_page = admin is not None and "view" in admin.permissions
        return HttpResponseRedirect(admin.url("change", deletion.row_id) if is_page else self.url("changelist"))
