"""Homework that was not handed in: the list over all classes, as a file too, and reminders by text message."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.exporting import ReasonForm
from academy.desk.labels import moment
from academy.desk.pages import Page, note_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_reason, note_status, note_subjects
from academy.http.errors import DomainError, Missing
from academy.http.exports import csv_file
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.homework import queries, reminding
from apps.homework.admin.frame import GROUP, url_of
from apps.homework.models import Assignment
from apps.notices import hours

_SEEN: Final = Permission.VIEW_HOMEWORK
_MANAGED: Final = Permission.MANAGE_HOMEWORK
_CROWD: Final = 1000
"""Students that a form names: as many as an assignment has."""

academy_desk.menu.append(
    MenuEntry(GROUP, _("Not handed in"), "assignment_late", "homework_assignment_missing", _SEEN, 31)
)


# ---------------------------------------------------------------- over all classes


def _course_in(request: HttpRequest) -> int | None:
    text = request.GET.get("course", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def missing_list(request: HttpRequest) -> HttpResponse:
    """Class by class, each piece of homework with who has handed in nothing."""
    person, course_id = person_of(request), _course_in(request)
    found = queries.owed_lately(person, course_id)
    note_subjects(request, "student", sorted({student.pk for _one, students in found for student in students}))
    now = timezone.now()
    courses = [
        {
            "name": rows[0]["assignment"].course.name if key is not None else "",
            "url": f"?course={key}" if key is not None and course_id is None else "",
            "rows": rows,
        }
        for key, group in groupby(found, key=lambda row: row[0].course_id)
        for rows in [[_shown(assignment, students, now) for assignment, students in group]]
    ]
    query = f"?course={course_id}" if course_id is not None else ""
    shown = {
        "title": _("Not handed in"),
        "crumbs": _crumbs(),
        "courses": courses,
        "can_remind": person.may(_MANAGED),
        "all_url": url_of("assignment", "missing") if course_id is not None else "",
        "export_url": url_of("assignment", "export-missing") + query if person.may(_MANAGED) and found else "",
        "is_cut": sum(len(students) for _one, students in found) >= queries.MAX_OWED,
        "most": queries.MAX_OWED,
    }
    return academy_desk.render(request, "homework/missing_list.html", shown)


def _shown(assignment: Assignment, students: list[Any], now: Any) -> dict[str, Any]:
    return {
        "assignment": assignment,
        "url": url_of("assignment", "change", assignment.pk),
        "remind_url": url_of("assignment", "remind", assignment.pk),
        "due": moment(assignment.due_at),
        "is_over": assignment.due_at < now,
        "students": students,
        "text": "\n".join(f"{student.number} {student.name}" for student in students),
    }


def export_missing(request: HttpRequest) -> HttpResponse:
    """The same list as a file."""
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        found = queries.owed_lately(person_of(request), _course_in(request))
        note_reason(request, form.cleaned_data["reason"])
        note_subjects(request, "student", sorted({student.pk for _one, students in found for student in students}))
        rows = [
            (
                assignment.course.name if assignment.course is not None else "",
                assignment.title,
                f"{timezone.localtime(assignment.due_at):%Y-%m-%d %H:%M}",
                student.number,
                student.name,
            )
            for assignment, students in found
            for student in students
        ]
        header = [_("Course"), _("Name of the homework"), _("Due"), _("Student number"), _("Name")]
        return csv_file(f"not-handed-in-{timezone.localdate():%Y%m%d}.csv", [str(words) for words in header], rows)
    if request.method == "POST":
        note_status(request, 400)
    back = url_of("assignment", "missing")
    shown = {
        "title": gettext("Save %(what)s as a file") % {"what": gettext("Not handed in")},
        "form": form,
        "submit": _("Save as a file (CSV for Excel)"),
        "back": back,
        "crumbs": [*_crumbs(), (_("Not handed in"), back)],
    }
    return academy_desk.render(request, "desk/form.html", shown)


def _crumbs() -> list[tuple[Any, str]]:
    return [(_("Homework"), url_of("assignment", "changelist"))]


# ---------------------------------------------------------------- reminding


def remind(request: HttpRequest, object_id: int) -> HttpResponse:
    """Who would be texted, how many messages that is and what they say (GET); sending them (POST)."""
    by = person_of(request)
    seen = queries.assignments_visible_to(by).select_related("course")
    assignment = seen.filter(pk=object_id).first()
    if assignment is None:
        raise Missing
    back = url_of("assignment", "change", assignment.pk)
    if request.method == "POST":
        _send(request, assignment)
        return HttpResponseRedirect(back)
    now = hours.now_there()
    rows = queries.owing(assignment, now.date())
    note_subjects(request, "student", [row.student.pk for row in rows])
    students = reminding.addressees(rows, with_guardians=False)
    families = reminding.addressees(rows, with_guardians=True)
    shown = {
        "title": _("Send a reminder"),
        "crumbs": [*_crumbs(), (assignment.title, back)],
        "assignment": assignment,
        "due": moment(assignment.due_at),
        "rows": [
            {
                "student": row.student,
                "has_left": row.has_left,
                "own": row.own,
                "guardians": [one for one in row.guardians if not one.is_told],
                "told_guardians": [one for one in row.guardians if one.is_told],
            }
            for row in rows
        ],
        "student_count": min(len(students), reminding.MAX_AT_ONCE),
        "family_count": min(len(families), reminding.MAX_AT_ONCE),
        "has_guardians": len(families) > len(students),
        "is_cut": len(families) > reminding.MAX_AT_ONCE,
        "most": reminding.MAX_AT_ONCE,
        "is_quiet": hours.is_quiet(now),
        "text": reminding.reminder_text(assignment, families[0].named) if families else "",
        "student_ids": ",".join(str(row.student.pk) for row in rows),
        "back": back,
    }
    return academy_desk.render(request, "homework/remind.html", shown)


def _send(request: HttpRequest, assignment: Assignment) -> None:
    texts = request.POST.get("students", "").split(",")[:_CROWD]
    ids = {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19}
    owing = queries.students_missing(assignment.pk).filter(pk__in=ids)
    note_subjects(request, "student", owing.values_list("pk", flat=True))
    try:
        done = reminding.remind_missing(
            assignment_id=assignment.pk,
            student_ids=ids,
            with_guardians=request.POST.get("to") == "families",
            by=person_of(request),
        )
    except Missing:
        raise
    except DomainError as error:
        note_error(request, error)
        messages.error(request, error.message)
        return
    if done.count:
        said = ngettext("%(count)d message is on its way.", "%(count)d messages are on their way.", done.count)
        messages.success(request, said % {"count": done.count})
    for reason in done.reasons:
        messages.warning(request, reason)
    if done.left:
        said = ngettext(
            "%(count)d message is left: send the reminder once more.",
            "%(count)d messages are left: send the reminder once more.",
            done.left,
        )
        messages.warning(request, said % {"count": done.left})


for _path, _name, _view, _methods in (
    ("missing/", "missing", missing_list, {"GET": (_SEEN, about())}),
    (
        "missing/export/",
        "export-missing",
        export_missing,
        {"GET": (_MANAGED, NOT_PERSONAL), "POST": (_MANAGED, about(is_export=True))},
    ),
    (
        "<int:object_id>/remind/",
        "remind",
        remind,
        {"GET": (_MANAGED, about()), "POST": (_MANAGED, about(is_recorded=True))},
    ),
):
    academy_desk.add_page(
        Page(
            f"homework/assignment/{_path}",
            f"homework_assignment_{_name}",
            _view,
            {method: permission for method, (permission, _personal) in _methods.items()},
            {method: personal for method, (_permission, personal) in _methods.items()},  # they note the students
        )
    )
