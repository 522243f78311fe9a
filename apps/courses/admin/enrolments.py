"""Students taken into a course, many at once, and let go from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page, carry_out, note_error, show_error
from academy.desk.searching import query_of
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.courses import queries, services
from apps.courses.admin.frame import course_of, course_url, render_below
from apps.courses.models import Course
from apps.students.models import Student
from apps.students.queries import students_visible_to

_FOUND: Final = 100
"""Students that a search shows."""
_NAMED: Final = 20
"""Names that one sentence lists."""


class EnrolForm(DeskForm):
    pasted = forms.CharField(
        label=_("Numbers or names"),
        required=False,
        max_length=40_000,
        help_text=_("One student in a line, as copied from Excel. A name that two students have needs the number."),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "placeholder": "240101\n240102 김하나\n이두리"}),
    )


def students_named(students: Iterable[Student], pasted: str) -> list[Student]:
    """Whom the lines of ``pasted`` name, by number or else by name. Raises ``Invalid`` that lists those who are not."""
    by_number, by_name = dict[str, Student](), dict[str, list[Student]]()
    for student in students:
        by_number[student.number] = student
        by_name.setdefault(student.name, []).append(student)
    found: dict[int, Student] = {}
    unknown, doubtful = list[str](), list[str]()
    for line in filter(None, (" ".join(line.replace(",", " ").split()) for line in pasted.splitlines())):
        numbered = next((by_number[part.upper()] for part in line.split() if part.upper() in by_number), None)
        named = by_name.get(line, [])
        if numbered is not None:
            found[numbered.pk] = numbered
        elif len(named) == 1:
            found[named[0].pk] = named[0]
        else:
            (doubtful if named else unknown).append(line)
    if unknown:
        raise Invalid(gettext("Nobody here is called: {names}.").format(names=_listed(unknown)), attr="pasted")
    if doubtful:
        raise Invalid(
            gettext("More than one student is called: {names}.").format(names=_listed(doubtful)), attr="pasted"
        )
    return list(found.values())


def _listed(lines: Sequence[str]) -> str:
    shown = ", ".join(line[:40] for line in lines[:_NAMED])
    rest = len(lines) - _NAMED
    return f"{shown} … (+{rest})" if rest > 0 else shown


def _names_in(pasted: str) -> set[str]:
    lines = [" ".join(line.replace(",", " ").split()) for line in pasted.splitlines()]
    return {*lines, *(part.upper() for line in lines for part in line.split())}


def _ticked(request: HttpRequest) -> list[int]:
    return [
        int(text) for text in dict.fromkeys(request.POST.getlist("students")) if text.isdecimal() and len(text) < 19
    ]


def enrol(request: HttpRequest, object_id: int) -> HttpResponse:
    """Search and tick, or paste; all whom one press names are taken in, or nobody."""
    course = course_of(request, object_id)
    form = EnrolForm(request.POST or None)
    ticked = _ticked(request)
    if request.method == "POST" and form.is_valid():
        try:
            named = _named(request, form.cleaned_data["pasted"])
            ids = list(dict.fromkeys([*ticked, *(student.pk for student in named)]))
            if not ids:
                raise Invalid(gettext("Choose at least one student."))
            new = services.enrol_students(course_id=course.pk, student_ids=ids)
        except Missing:
            raise
        except DomainError as error:
            show_error(request, form, error)
        else:
            note_subjects(request, "student", ids)
            done = ngettext("%(count)d student is new in the course.", "%(count)d students are new in the course.", new)
            messages.success(request, done % {"count": new})
            return HttpResponseRedirect(course_url("change", course.pk))
    return _show(request, course, form, ticked)


def _named(request: HttpRequest, pasted: str) -> list[Student]:
    names = _names_in(pasted)
    students = students_visible_to(person_of(request))
    return students_named([*students.filter(number__in=names), *students.filter(name__in=names)], pasted)


def _show(request: HttpRequest, course: Course, form: forms.Form, ticked: Sequence[int]) -> HttpResponse:
    query = query_of(request, longest=80)
    found = list(queries.students_to_enrol(person_of(request), course.pk, query)[: _FOUND + 1])
    note_subjects(request, "student", [student.pk for student in found[:_FOUND]])
    shown = {
        "title": _("Add students"),
        "form": form,
        "query": query,
        "found": found[:_FOUND],
        "has_more": len(found) > _FOUND,
        "ticked": ticked,
    }
    return render_below(request, course, "courses/enrol.html", shown)


def withdraw(request: HttpRequest, object_id: int) -> HttpResponse:
    """End the enrolment of those who are ticked."""
    course = course_of(request, object_id)
    ids, back = _ticked(request), course_url("change", course.pk)
    if not ids:
        note_error(request, error := Invalid(gettext("Choose at least one student.")))
        messages.error(request, error.message)
        return HttpResponseRedirect(back)
    note_subjects(request, "student", ids)

    def act() -> None:
        services.withdraw_students(course_id=course.pk, student_ids=ids)

    done = ngettext("%(count)d student has left the course.", "%(count)d students have left the course.", len(ids))
    return carry_out(request, act, done=done % {"count": len(ids)}, back=back)


_MANAGED: Final = Permission.MANAGE_COURSES
_PAGES: Final[Sequence[tuple[str, str, Any, Sequence[str]]]] = (
    ("enrol", "courses_course_enrol", enrol, ("GET", "POST")),
    ("withdraw", "courses_course_withdraw", withdraw, ("POST",)),
)
for _path, _name, _view, _methods in _PAGES:
    academy_desk.add_page(
        Page(
            f"courses/course/<int:object_id>/{_path}/",
            _name,
            _view,
            dict.fromkeys(_methods, _MANAGED),
            dict.fromkeys(_methods, about()),  # notes the students by itself
        )
    )
