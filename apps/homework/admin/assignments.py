"""Homework given to a course: the list, a new one, and who did which problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, SentFiles
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import page, show_error
from academy.desk.sending import PAGES, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, in_path, note_subjects
from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.courses.queries import courses_visible_to
from apps.homework import queries, services
from apps.homework.admin.frame import (
    GROUP,
    cell_of,
    submission_label,
    url_of,
)
from apps.homework.deleting import ASSIGNMENT
from apps.homework.models import Assignment
from apps.students.models import Student
from apps.trash.admin import REMOVED, removal_page, remove_url

_MANAGED: Final = Permission.MANAGE_HOMEWORK
_AFTER: Final = "after"
ROWS_OF_GRID: Final = 50
_OFFERED: Final = 200
"""Worksheets to choose from, the newest."""


class AssignmentForm(DeskForm):
    title = forms.CharField(
        label=_("Name of the homework"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Weekend homework, chapter 3")}),
    )
    course = forms.TypedChoiceField(
        label=_("Course"), coerce=int, help_text=_("Everybody who is in the course now has to do it.")
    )
    worksheet = forms.TypedChoiceField(
        label=_("Worksheet"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("Without a worksheet any paper is taken, and problems are not told apart."),
    )
    due_at = forms.DateTimeField(
        label=_("Due"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        courses = courses_visible_to(by).filter(is_archived=False).order_by("name", "pk").values_list("pk", "name")
        sheets = queries.worksheets_with_job().exclude(page_count=None).order_by("-pk").values_list("pk", "title")
        self.fields["course"].choices = [("", _("Choose a course")), *courses]  # type: ignore[attr-defined]
        self.fields["worksheet"].choices = [("", "–"), *sheets[:_OFFERED]]  # type: ignore[attr-defined]


class HandInForm(DeskForm):
    uploads = SentFiles()


@register(Assignment, site=academy_desk)
class AssignmentAdmin(DeskAdmin):
    name: ClassVar = _("Homework")
    plural: ClassVar = _("Homework")
    permissions: ClassVar = {"view": Permission.VIEW_HOMEWORK, "add": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        GROUP, _("Homework"), "assignment", "homework_assignment_changelist", Permission.VIEW_HOMEWORK, 30
    )
    add_title: ClassVar = _("Give homework")
    list_display = ("shown_title", "course_name", "due", "handed_in", "missing")
    list_select_related = ("course",)
    search_fields = ("title", "course__name")
    search_help_text = _("Title or course")
    found_by = ("title",)
    found_beside = "course__name"

    def visible_to(self, person: User) -> QuerySet[Assignment]:
        return queries.assignments_visible_to(person)

    def prepare(self, rows: Sequence[Assignment]) -> None:
        counts = queries.counts_of_assignments([row.pk for row in rows])
        for row in rows:
            row.counts = counts[row.pk]  # type: ignore[attr-defined]  # for the columns below

    @display(description=_("Name of the homework"))
    def shown_title(self, assignment: Assignment) -> str:
        return assignment.title

    @display(description=_("Course"))
    def course_name(self, assignment: Assignment) -> str:
        return assignment.course.name if assignment.course is not None else "–"

    @display(description=_("Due"))
    def due(self, assignment: Assignment) -> str:
        return moment(assignment.due_at)

    @display(description=_("Submitted"))
    def handed_in(self, assignment: Any) -> str:
        assigned, submitted = assignment.counts
        return f"{submitted} / {assigned}"

    @display(description=_("Not handed in"))
    def missing(self, assignment: Any) -> SafeString:
        assigned, submitted = assignment.counts
        return missing_label(assignment, assigned - submitted)

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)
        form = AssignmentForm(request.POST or None, by=by, initial=_wished(request))
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                assignment = services.assign_homework(
                    title=given["title"],
                    worksheet_id=given["worksheet"],
                    course=given["course"],
                    due_at=given["due_at"],
                    students=None,
                    created_by=by,
                )
            except DomainError as error:
                show_error(request, form, _at_course(error))
            else:
                messages.success(request, gettext("The homework is given. Students see it in their app."))
                return HttpResponseRedirect(self.url("change", assignment.pk))
        shown = {"title": self.add_title, "form": form, "submit": _("Give homework"), "back": self.url("changelist")}
        return self.render(request, "desk/form.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        assignment = self._assignment(request, object_id)
        after = request.GET.get(_AFTER, "")[:20].replace("\x00", "")
        grid = queries.grid_of(assignment, after=after, size=ROWS_OF_GRID)
        missing = list(queries.students_missing(assignment.pk).only("name", "number", "tenant_id"))
        shown_students = {row.standing.student.pk for row in grid.rows} | {student.pk for student in missing}
        note_subjects(request, "student", sorted(shown_students))
        assigned = assignment.assignees.count()
        can_submit = person_of(request).may(Permission.SUBMIT_HOMEWORK)
        shown = {
            "delete_url": remove_url(self, request, ASSIGNMENT, assignment),
            "title": assignment.title,
            "assignment": assignment,
            "due": moment(assignment.due_at),
            "missing": missing,
            "missing_state": missing_label(assignment, len(missing)),
            "remind_url": self._remind_url(request, assignment) if missing else "",
            "missing_text": "\n".join(f"{student.number} {student.name}" for student in missing),
            "assigned": assigned,
            "submitted": assigned - len(missing),
            "heads": _heads(grid),
            "rows": [self._row(row, grid, can_submit=can_submit) for row in grid.rows],
            "next_url": f"?{_AFTER}={grid.after}" if grid.after else "",
            "first_url": self.url("change", assignment.pk) if after else "",
            "is_live": any(row.standing.submission and is_unfinished(row.standing.submission.job) for row in grid.rows),
            "worksheet_url": url_of("worksheet", "change", assignment.worksheet_id) if assignment.worksheet_id else "",
        }
        return self.render(request, "homework/assignment.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, ASSIGNMENT, object_id)

    def _remind_url(self, request: HttpRequest, assignment: Assignment) -> str:
        return self.url("remind", assignment.pk) if person_of(request).may(_MANAGED) else ""

    def _assignment(self, request: HttpRequest, assignment_id: int) -> Assignment:
        found = self.visible_to(person_of(request)).select_related("course", "worksheet")
        assignment: Assignment | None = found.filter(pk=assignment_id).first()
        if assignment is None:
            raise Missing
        return assignment

    def _row(self, row: queries.GridRow, grid: queries.Grid, *, can_submit: bool) -> dict[str, Any]:
        standing, submission = row.standing, row.standing.submission
        hand_in = self.url("hand-in", standing.assignment.pk, standing.student.pk) if can_submit else ""
        return {
            "student": standing.student,
            "submission": submission,
            "state": submission_label(submission) if submission is not None else "",
            "is_late": standing.is_late,
            "sent": moment(submission.created_at) if submission is not None else "",
            "url": url_of("submission", "change", submission.pk) if submission is not None else "",
            "hand_in_url": hand_in,
            "cells": [cell_of(row.problems.get(key)) for key in grid.columns],
            "pictures": [
                {"url": s3.presign_get(read.overlay_key), "anchor": f"page-{read.pk}"}
                for read in row.pages
                if read.overlay_key
            ],
        }

    @page(
        "<int:object_id>/students/<int:student_id>/hand-in/",
        "hand-in",
        about(student=in_path("student_id")),
        GET=Permission.SUBMIT_HOMEWORK,
        POST=Permission.SUBMIT_HOMEWORK,
    )
    def hand_in(self, request: HttpRequest, object_id: int, student_id: int) -> HttpResponse:
        """Hand in photos for a student, as those who bring paper to the desk."""
        assignment = self._assignment(request, object_id)
        student = Student.objects.filter(pk=student_id, pk__in=assignment.assignees.values("student_id")).first()
        if student is None:
            raise Missing

        def take(given: dict[str, Any]) -> str:
            submission = services.submit_for_student(
                assignment_id=assignment.pk,
                student_id=student.pk,
                uploads=[pk for _name, pk in given["uploads"]],
                created_by=person_of(request),
            )
            messages.success(request, gettext("The homework of %(name)s is being read.") % {"name": student.name})
            return url_of("submission", "change", submission.pk)

        return send_first(
            self,
            request,
            HandInForm(request.POST or None),
            take,
            PAGES,
            title=gettext("Hand in for %(name)s") % {"name": student.name},
            crumbs=[(_("Homework"), self.url("changelist")), (assignment.title, self.url("change", assignment.pk))],
            submit=_("Send"),
            back=self.url("change", assignment.pk),
            is_multiple=True,
            lead=_("All pages at once, in their order: what is handed in last is what counts."),
            drop=_("Drop photos or PDFs here"),
        )


def missing_label(assignment: Assignment, count: int) -> SafeString:
    if not count:
        return label(_("All handed in"), "success")
    text = gettext("%(count)s missing") % {"count": count}
    return label(text, "danger" if assignment.due_at < timezone.now() else "warning")


def _heads(grid: queries.Grid) -> list[dict[str, Any]]:
    """The columns; the first problem of a page names the page, where there are several."""
    has_several = len({place for place, _label in grid.columns}) > 1
    heads: list[dict[str, Any]] = []
    before = None
    for place, name in grid.columns:
        heads.append({"label": name, "page": place + 1 if has_several and place != before else None})
        before = place
    return heads


def _wished(request: HttpRequest) -> Mapping[str, object]:
    """What the page was come to with: ``?worksheet=`` or ``?course=``. And the evening in two days."""
    due = timezone.localtime() + timedelta(days=2)
    chosen = {name: request.GET[name] for name in ("worksheet", "course") if name in request.GET}
    return {"due_at": due.replace(hour=22, minute=0, second=0, microsecond=0), **chosen}


def _at_course(error: DomainError) -> DomainError:
    """Nobody is named on the form: who has to do it, the course says."""
    return Invalid(error.message, attr="course") if error.attr == "students" else error
