"""A list of students from a spreadsheet: sent or pasted, its columns named, each row looked at, then taken over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_reason, note_subjects
from academy.http.errors import DomainError, Missing
from academy.http.exports import csv_file
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.rosters import queries, services
from apps.rosters.fields import Field
from apps.rosters.models import KEPT_DAYS, Roster
from apps.rosters.planning import RowPlan, Verdict

_MANAGED = Permission.MANAGE_STUDENTS
_ROWS_SHOWN: Final = 100
_SAMPLES: Final = 3
_FIELDS: Final[Mapping[Field, Promise]] = {
    Field.NUMBER: _("Student number"),
    Field.NAME: _("Name"),
    Field.BIRTH_YEAR: _("Year of birth"),
    Field.PHONE: _("Student's phone"),
    Field.GUARDIAN_NAME: _("Guardian's name"),
    Field.GUARDIAN_PHONE: _("Guardian's phone"),
    Field.COURSE: _("Course"),
}
_VERDICTS: Final[Mapping[Verdict, tuple[Promise, str]]] = {
    Verdict.WRONG: (_("To correct"), "danger"),
    Verdict.NEW: (_("New"), "success"),
    Verdict.CHANGED: (_("Changed"), "warning"),
    Verdict.SAME: (_("As it is"), ""),
}
_TEMPLATE: Final = ("240101", "김하나", "2012", "010-1234-0001", "김엄마", "010-1234-0002", "중2 심화반")


class BringForm(DeskForm):
    upload = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    pasted = forms.CharField(
        label=_("Rows copied from Excel"),
        required=False,
        max_length=services.MAX_PASTED_CHARACTERS,
        help_text=_("With the line that names the columns."),
        widget=forms.Textarea(
            attrs={
                "rows": 8,
                "spellcheck": "false",
                "placeholder": "번호\t이름\t학부모 전화\n240101\t김하나\t010-1234-5678",
            }
        ),
    )


@register(Roster, site=academy_desk)
class RosterAdmin(DeskAdmin):
    name: ClassVar = _("List of students")
    plural: ClassVar = _("Bring a list")
    field_names: ClassVar = {"file_name": _("File")}
    permissions: ClassVar = {"view": _MANAGED, "add": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        _("Academy"), _("Bring a list"), "upload_file", "rosters_roster_changelist", _MANAGED, 52
    )
    add_title: ClassVar = _("Bring a list of students")
    list_subtitle: ClassVar = _("Students, guardians and courses from Excel. Nothing is written before you agree.")
    list_display = ("shown_name", "brought", "row_count", "state")

    @display(description=_("File"))
    def shown_name(self, roster: Roster) -> str:
        return roster.file_name or gettext("Pasted rows")

    @display(description=_("Brought"))
    def brought(self, roster: Roster) -> str:
        return moment(roster.created_at)

    @display(description=_("Rows"))
    def row_count(self, roster: Roster) -> int | str:
        return roster.length if roster.read_at is not None else "–"  # type: ignore[attr-defined]  # of visible_to

    @display(description=_("State"))
    def state(self, roster: Roster) -> SafeString:
        if is_unfinished(roster.job):
            return label(_("Being read") if roster.read_at is None else _("Being taken over"), "info")
        if roster.taken_at is not None:
            return label(_("Taken over"), "success")
        if roster.job is not None and roster.job.state != JobState.SUCCEEDED:
            return label(_("Failed"), "danger")
        return label(_("To look at"), "warning")

    def visible_to(self, person: User) -> QuerySet[Roster]:
        return queries.listed_rosters(person)

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        form = BringForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                roster = services.bring_roster(
                    by=person_of(request), upload_id=form.cleaned_data["upload"], pasted=form.cleaned_data["pasted"]
                )
            except Missing:
                raise
            except DomainError as error:
                show_error(request, form, error)
            else:
                return HttpResponseRedirect(self.url("change", roster.pk))
        shown = {
            "title": self.add_title,
            "form": form,
            "uploads_url": reverse("uploads"),
            "template_url": self.url("template"),
            "fields": _FIELDS.values(),
            "days": KEPT_DAYS,
        }
        return self.render(request, "rosters/bring.html", shown)

    @page("template/", "template", NOT_PERSONAL, GET=_MANAGED)
    def template(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002  the same for everybody
        """A file to fill in, with one line that shows how."""
        return csv_file("students.csv", [str(words) for words in _FIELDS.values()], [_TEMPLATE])

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        roster = self._roster(request, object_id)
        job = roster.job
        is_live = is_unfinished(job)
        shown = {
            "title": self.shown_name(roster),
            "roster": roster,
            "state": self.state(roster),
            "is_live": is_live,
            "progress": round(100 * job.progress) if job is not None and job.progress else 0,
            "failure": text_of(job.error_code) if job is not None and not is_live else "",
            "again_url": self.url("add"),
            "days": KEPT_DAYS,
        }
        if roster.read_at is not None and not is_live:
            shown |= self._preview(request, roster)
        return self.render(request, "rosters/roster.html", shown)

    def _roster(self, request: HttpRequest, object_id: int) -> Roster:
        roster = queries.rosters_visible_to(person_of(request)).select_related("job").filter(pk=object_id).first()
        if roster is None:
            raise Missing
        return roster

    def _preview(self, request: HttpRequest, roster: Roster) -> dict[str, Any]:
        plans = queries.plan_of(roster.rows, roster.columns, roster.named)
        counts = Counter(row.verdict for row in plans)
        wanted, after = request.GET.get("show", ""), request.GET.get("after", "")
        if wanted in list(Verdict):
            plans = [row for row in plans if row.verdict == wanted]
        first = int(after) if after.isdecimal() and len(after) < 9 else 0
        following = [row for row in plans if row.line > first]
        page_rows = following[:_ROWS_SHOWN]
        note_subjects(request, "student", [row.student.id for row in page_rows if row.student is not None])
        columns = [name for name in _FIELDS if name.value in roster.columns]
        show = f"show={wanted}&" if wanted else ""
        return {
            "mapping": _mapping(roster),
            "fields": [(name.value, words) for name, words in _FIELDS.items()],
            "columns": [_FIELDS[name] for name in columns],
            "rows": [_shown(row, columns) for row in page_rows],
            "total": sum(counts.values()),
            "ready": counts[Verdict.NEW] + counts[Verdict.CHANGED],
            "tabs": [
                (verdict.value, words, kind, counts[verdict], wanted == verdict)
                for verdict, (words, kind) in _VERDICTS.items()
            ],
            "is_all": wanted not in list(Verdict),
            "wrong": counts[Verdict.WRONG],
            "next": f"?{show}after={page_rows[-1].line}" if len(following) > _ROWS_SHOWN else "",
            "outcome": [
                (words, kind, roster.outcome.get(verdict.value, 0)) for verdict, (words, kind) in _VERDICTS.items()
            ]
            if roster.taken_at is not None
            else [],
            "urls": {name: self.url(name, roster.pk) for name in ("columns", "take", "left")},
        }

    @page("<int:object_id>/columns/", "columns", NOT_PERSONAL, POST=_MANAGED)
    def set_columns(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act() -> None:
            columns = request.POST.getlist("columns")
            services.set_columns(by=person_of(request), roster_id=object_id, columns=columns)

        return carry_out(request, act, done=gettext("Saved."), back=self.url("change", object_id))

    @page("<int:object_id>/take/", "take", about(is_recorded=True), POST=_MANAGED)
    def take(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act() -> None:
            services.take_over(by=person_of(request), roster_id=object_id)

        return carry_out(request, act, done=gettext("The list is taken over."), back=self.url("change", object_id))

    @page("<int:object_id>/left/", "left", about(is_recorded=True, is_export=True), POST=_MANAGED)
    def left(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The lines that cannot be taken, as a file with what is wrong with each: to correct and to bring again."""
        roster = self._roster(request, object_id)
        plans = queries.plan_of(roster.rows, roster.columns, roster.named)
        wrong = {row.line: row for row in plans if row.verdict is Verdict.WRONG}
        note_reason(request, gettext("To correct the lines of a list"))
        note_subjects(request, "student", [row.student.id for row in wrong.values() if row.student is not None])
        width = max((len(cells) for _line, cells in roster.rows), default=0)
        header = [*roster.header, *[""] * (width - len(roster.header))]
        rows = [
            [*cells, *[""] * (len(header) - len(cells)), line, " ".join(wrong[line].problems)]
            for line, cells in roster.rows
            if line in wrong
        ]
        return csv_file(f"to-correct-{roster.pk}.csv", [*header, gettext("Line"), gettext("To correct")], rows)


def _mapping(roster: Roster) -> list[dict[str, Any]]:
    """The columns as they stand in the file: heading, some cells, and which field they are taken for."""
    width = max([len(roster.header), *(len(cells) for _line, cells in roster.rows[:_ROWS_SHOWN])], default=0)
    columns = [*roster.columns, *[""] * (width - len(roster.columns))]
    return [
        {
            "heading": roster.header[place] if place < len(roster.header) else "",
            "samples": [cells[place] for _line, cells in roster.rows[:_SAMPLES] if "".join(cells[place:][:1])],
            "field": columns[place],
        }
        for place in range(width)
    ]


def _shown(row: RowPlan, columns: Sequence[Field]) -> dict[str, Any]:
    words, kind = _VERDICTS[row.verdict]
    return {
        "line": row.line,
        "cells": [row.cells.get(name, "") for name in columns],
        "verdict": label(words, kind),
        "changes": row.changes if row.verdict is not Verdict.WRONG else [],
        "notes": row.notes,
        "problems": row.problems,
    }
