"""Courses found, made, changed, put away, and given to their teachers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter, display, register
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.labels import label
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_subjects
from academy.http.errors import DomainError
from apps.accounts.models import User
from apps.accounts.roles import TEACHING_ROLES, Permission, Role
from apps.courses import queries, services
from apps.courses.admin.frame import MAX_SHOWN, course_of
from apps.courses.deleting import COURSE
from apps.courses.models import Course
from apps.trash.admin import REMOVED, removal_page, remove_url

_MANAGED = Permission.MANAGE_COURSES


class CourseForm(DeskForm):
    name = forms.CharField(
        label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"placeholder": _("Grade 8 A")})
    )
    subject = forms.CharField(label=_("Subject"), max_length=40, required=False)
    grade = forms.CharField(label=_("School year"), max_length=40, required=False)
    schedule = forms.CharField(
        label=_("Timetable"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("Mon Wed Fri 17:00-18:30")}),
    )
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    ends_on = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Left empty, it goes on."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class TeachersForm(DeskForm):
    teachers = forms.TypedMultipleChoiceField(
        label=_("Teachers"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(role__in=TEACHING_ROLES, is_active=True).order_by("name", "pk")
        self.fields["teachers"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (pk, f"{name} · {Role(role).label}") for pk, name, role in people.values_list("pk", "name", "role")
        ]


class StateFilter(SimpleListFilter):
    """Running courses, or archived ones. The columns' own names stay what the API's schema says of them."""

    title = _("State")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("running", _("In session")), ("archived", _("Archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Course]) -> QuerySet[Course]:  # noqa: ARG002
        if self.value() not in ("running", "archived"):
            return queryset
        return queryset.filter(is_archived=self.value() == "archived")


@register(Course, site=academy_desk)
class CourseAdmin(DeskAdmin):
    name: ClassVar = _("Course")
    plural: ClassVar = _("Courses")
    permissions: ClassVar = {"view": Permission.VIEW_COURSES, "add": _MANAGED, "change": _MANAGED, "export": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": about()}
    entry: ClassVar = MenuEntry(
        _("Academy"), _("Courses"), "groups", "courses_course_changelist", Permission.VIEW_COURSES, 45
    )
    add_title: ClassVar = _("Add a course")
    list_display = ("shown_name", "taught", "timetable", "taught_by", "students", "state")
    list_filter = (StateFilter,)
    search_fields = ("name", "subject", "grade", "teachings__user__name")
    search_help_text = _("Name, subject, school year or teacher")
    found_by = ("name",)
    found_beside = "subject"

    @display(description=_("Name"))
    def shown_name(self, course: Course) -> str:
        return course.name

    @display(description=_("Timetable"))
    def timetable(self, course: Course) -> str:
        return course.schedule or "–"

    @display(description=_("Subject"))
    def taught(self, course: Course) -> str:
        return " · ".join(part for part in (course.grade, course.subject) if part) or "–"

    @display(description=_("Teachers"))
    def taught_by(self, course: Course) -> str:
        return getattr(course, "shown_teachers", "") or "–"

    @display(description=_("Students"))
    def students(self, course: Course) -> int:
        return getattr(course, "student_count", 0)

    @display(description=_("State"))
    def state(self, course: Course) -> SafeString:
        if course.is_archived:
            return label(_("Archived"))
        if course.ends_on is not None and course.ends_on < timezone.localdate():
            return label(_("Over"), "warning")
        return label(_("In session"), "success")

    export_header: ClassVar = (
        _("Name"),
        _("Subject"),
        _("School year"),
        _("Timetable"),
        _("First day"),
        _("Last day"),
        _("Teachers"),
        _("Students"),
        _("Archived"),
    )

    def export_rows(self, rows: Sequence[Course]) -> Iterable[Sequence[object]]:
        self.prepare(rows)
        for course in rows:
            yield (
                course.name,
                course.subject,
                course.grade,
                course.schedule,
                course.starts_on,
                course.ends_on,
                self.taught_by(course),
                self.students(course),
                "O" if course.is_archived else "",
            )

    def visible_to(self, person: User) -> QuerySet[Course]:
        return queries.courses_visible_to(person)

    def prepare(self, rows: Sequence[Course]) -> None:
        ids = [course.pk for course in rows]
        teachers, counts = queries.teachers_of(ids), queries.student_counts(ids)
        for course in rows:  # for the columns above
            course.shown_teachers = ", ".join(teacher.name for teacher in teachers[course.pk])  # type: ignore[attr-defined]
            course.student_count = counts[course.pk]  # type: ignore[attr-defined]

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        form = CourseForm(request.POST or None, initial={"starts_on": timezone.localdate()})
        if request.method == "POST" and form.is_valid():
            try:
                course = services.create_course(**form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("%(name)s is added.") % {"name": course.name})
                return HttpResponseRedirect(self.url("change", course.pk))
        shown = {"title": self.add_title, "form": form, "submit": _("Add"), "back": self.url("changelist")}
        return self.render(request, "desk/form.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        course = course_of(request, object_id)
        kept = {name: getattr(course, name) for name in CourseForm.base_fields}
        form = CourseForm(request.POST or None, initial=kept)
        if request.method == "POST" and form.is_valid():
            try:
                services.change_course(course_id=course.pk, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("Saved."))
                return HttpResponseRedirect(self.url("change", course.pk))
        return self._show(request, course, form)

    def _show(self, request: HttpRequest, course: Course, form: forms.Form) -> HttpResponse:
        can_change = self.has_change_permission(request)
        students = list(queries.enrolment_rows(course.pk).order_by("name", "number")[: MAX_SHOWN + 1])
        note_subjects(request, "student", [row["student"] for row in students[:MAX_SHOWN]])
        teachers = queries.teachers_of([course.pk])[course.pk]
        shown = {
            "delete_url": remove_url(self, request, COURSE, course),
            "title": course.name,
            "course": course,
            "state": self.state(course),
            "form": form if can_change else None,
            "teachers": teachers,
            "teachers_form": TeachersForm(initial={"teachers": [one.id for one in teachers]}) if can_change else None,
            "students": students[:MAX_SHOWN],
            "has_more": len(students) > MAX_SHOWN,
            "urls": {
                name.replace("-", "_"): self.url(name, course.pk)
                for name in ("change", "teachers", "archive", "restore", "enrol", "withdraw", "attendance", "month")
            },
        }
        return self.render(request, "courses/course.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, COURSE, object_id)

    @page("<int:object_id>/teachers/", "teachers", about(), POST=_MANAGED)
    def set_teachers(self, request: HttpRequest, object_id: int) -> HttpResponse:
        course = course_of(request, object_id)
        form = TeachersForm(request.POST)
        if not form.is_valid():
            messages.error(request, gettext("Choose among the people who teach here."))
            return HttpResponseRedirect(self.url("change", course.pk))

        def act() -> None:
            with transaction.atomic():
                # Who is suspended is not among the boxes, and keeps the course.
                away = queries.suspended_teachers_of(course.pk)
                services.set_teachers(course_id=course.pk, user_ids=[*form.cleaned_data["teachers"], *away])

        return carry_out(request, act, done=gettext("Saved."), back=self.url("change", course.pk))

    def _archive(self, request: HttpRequest, object_id: int, *, is_archived: bool, done: str) -> HttpResponse:
        course = course_of(request, object_id)

        def act() -> None:
            services.change_course(course_id=course.pk, is_archived=is_archived)

        return carry_out(request, act, done=done, back=self.url("change", course.pk))

    @page("<int:object_id>/archive/", "archive", NOT_PERSONAL, POST=_MANAGED)
    def archive(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The course is archived. What happened in it stays.")
        return self._archive(request, object_id, is_archived=True, done=done)

    @page("<int:object_id>/restore/", "restore", NOT_PERSONAL, POST=_MANAGED)
    def restore(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._archive(request, object_id, is_archived=False, done=gettext("The course runs again."))
