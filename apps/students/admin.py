"""Students on the desk: found, added, corrected, and who may act for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, PhoneField
from academy.desk.history import DAYS, history_of, history_url
from academy.desk.labels import moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import about, in_path, note_subjects
from academy.http.errors import DomainError, Missing
from apps.accounts.models import User
from apps.accounts.phones import as_people_write_it
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.students import queries, services
from apps.students.deleting import STUDENT
from apps.students.models import Student
from apps.trash.admin import REMOVED, removal_page, remove_url

_MANAGED = Permission.MANAGE_STUDENTS


class StudentForm(DeskForm):
    name = forms.CharField(label=_("Name"), max_length=80)
    number = forms.CharField(
        label=_("Student number"),
        max_length=20,
        help_text=_("What the student marks on the answer sheet. Six digits fit the usual sheet."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "240101"}),
    )


class GuardianForm(DeskForm):
    name = forms.CharField(label=_("Name"), max_length=80)
    phone = PhoneField(label=_("Phone"), help_text=_("Somebody new is invited by text message."))


@register(Student, site=academy_desk)
class StudentAdmin(DeskAdmin):
    name: ClassVar = _("Student")
    plural: ClassVar = _("Students")
    field_names: ClassVar = {"name": _("Name"), "number": _("Student number")}
    permissions: ClassVar = {"view": Permission.VIEW_STUDENTS, "add": _MANAGED, "change": _MANAGED, "export": _MANAGED}
    personal: ClassVar = {"list": about(), "detail": about(student=in_path("object_id")), "add": about()}
    listed: ClassVar = ("student", "pk")
    entry: ClassVar = MenuEntry(
        _("Academy"), _("Students"), "school", "students_student_changelist", Permission.VIEW_STUDENTS, 50
    )
    keyset: ClassVar = "number"
    add_title: ClassVar = _("Add a student")
    list_display = ("name", "number", "since")
    search_fields = ("name", "number")
    search_help_text = _("Name or number")
    found_by = ("name", "number")
    found_beside = "number"

    export_header: ClassVar = (
        _("Student number"),
        _("Name"),
        _("Year of birth"),
        _("Student's phone"),
        _("Guardian's name"),
        _("Guardian's phone"),
    )

    def export_rows(self, rows: Sequence[Student]) -> Iterable[Sequence[object]]:
        guardians = queries.guardians_by_student([student.pk for student in rows])
        phones = queries.phones_by_user([student.user_id for student in rows if student.user_id is not None])
        for student in rows:
            families = guardians.get(student.pk, [])
            yield (
                student.number,
                student.name,
                student.birth_year,
                as_people_write_it(phones[student.user_id]) if student.user_id in phones else "",
                ", ".join(name for name, _phone in families),
                ", ".join(as_people_write_it(phone) for _name, phone in families),
            )

    @display(description=_("Since"))
    def since(self, student: Student) -> str:
        return moment(student.created_at)

    def visible_to(self, person: User) -> QuerySet[Student]:
        return queries.students_visible_to(person)

    def _student(self, request: HttpRequest, object_id: int) -> Student:
        student: Student | None = self.get_queryset(request).filter(pk=object_id).first()
        if student is None:
            raise Missing
        return student

    def add(self, request: HttpRequest) -> HttpResponse:
        form = StudentForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                student = services.create_student(**form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                note_subjects(request, "student", [student.pk])
                messages.success(request, gettext("%(name)s is added.") % {"name": student.name})
                is_one_of_many = "_another" in request.POST
                return HttpResponseRedirect(self.url("add") if is_one_of_many else self.url("change", student.pk))
        shown = {
            "title": self.add_title,
            "form": form,
            "submit": _("Add"),
            "submit_another": _("Add, then another"),
            "back": self.url("changelist"),
        }
        return self.render(request, "desk/form.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        student = self._student(request, object_id)
        can_change = self.has_change_permission(request)
        form = StudentForm(request.POST or None, initial={"name": student.name, "number": student.number})
        if request.method == "POST" and form.is_valid():
            try:
                services.change_student(student_id=student.pk, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("Saved."))
                return HttpResponseRedirect(self.url("change", student.pk))
        return self._show(request, student, form if can_change else None, GuardianForm() if can_change else None)

    def _show(
        self, request: HttpRequest, student: Student, form: forms.Form | None, guardian_form: forms.Form | None
    ) -> HttpResponse:
        guardians: list[dict[str, Any]] = []
        if guardian_form is not None:  # phones of families are for those who manage them
            guardians = [
                {
                    "user": user,
                    "phone": as_people_write_it(str(user.phone)),
                    "remove_url": self.url("remove-guardian", student.pk, user.pk),
                }
                for user in queries.guardians_of(student.pk)
            ]
            note_subjects(request, "user", [row["user"].pk for row in guardians])
        shown = {
            "delete_url": remove_url(self, request, STUDENT, student),
            "title": student.name,
            "student": student,
            "form": form,
            "guardian_form": guardian_form,
            "guardians": guardians,
            "add_guardian_url": self.url("add-guardian", student.pk),
            "history_url": history_url(self, request, student.pk),
        }
        return self.render(request, "students/student.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, STUDENT, object_id)

    @page("<int:object_id>/history/", "history", about(student=in_path("object_id")), GET=Permission.VIEW_TRAIL)
    def history(self, request: HttpRequest, object_id: int) -> HttpResponse:
        student = self._student(request, object_id)
        rows = history_of("student", student.pk)
        shown = {"title": _("History"), "name": student.name, "rows": rows, "days": DAYS}
        return self.render(request, "desk/history.html", shown)

    @page("<int:object_id>/guardians/", "add-guardian", about(student=in_path("object_id")), POST=_MANAGED)
    def add_guardian(self, request: HttpRequest, object_id: int) -> HttpResponse:
        student = self._student(request, object_id)
        form = GuardianForm(request.POST)
        if form.is_valid():
            by = person_of(request)
            try:
                guardian = services.add_guardian(by=by, student_id=object_id, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                note_subjects(request, "user", [guardian.pk])
                messages.success(request, gettext("%(name)s may act for the student now.") % {"name": guardian.name})
                return HttpResponseRedirect(self.url("change", object_id))
        kept = StudentForm(initial={"name": student.name, "number": student.number})
        return self._show(request, student, kept, form)

    @page(
        "<int:object_id>/guardians/<int:user_id>/remove/",
        "remove-guardian",
        about(student=in_path("object_id"), user=in_path("user_id")),
        POST=_MANAGED,
    )
    def remove_guardian(self, request: HttpRequest, object_id: int, user_id: int) -> HttpResponse:
        student = self._student(request, object_id)

        def act() -> None:
            services.remove_guardian(by=person_of(request), student_id=student.pk, user_id=user_id)

        done = gettext("This person no longer acts for the student.")
        return carry_out(request, act, done=done, back=self.url("change", object_id))
