"""Who belongs to the academy: found, invited, given another role, suspended. All by the services of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, PhoneField
from academy.desk.history import DAYS, history_of, history_url
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page, show_error
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import about, in_path, note_subjects
from academy.http.errors import DomainError, Missing
from apps.accounts import queries
from apps.accounts.admin import inviting
from apps.accounts.models import User
from apps.accounts.phones import as_people_write_it, digits_to_search
from apps.accounts.requests import person_of
from apps.accounts.roles import MANAGEABLE_ROLES, Permission, Role
from apps.accounts.services import people

_MANAGED = Permission.MANAGE_PEOPLE
_THEM = about(user=in_path("object_id"))


class InviteForm(DeskForm):
    name = forms.CharField(label=_("Name"), max_length=80)
    phone = PhoneField(label=_("Phone"), help_text=_("An invitation is sent there by text message."))
    role = forms.ChoiceField(label=_("Role"), initial=Role.TEACHER.value)

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _grantable(by)  # type: ignore[attr-defined]  # a ChoiceField


class RoleForm(DeskForm):
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _grantable(by)  # type: ignore[attr-defined]  # a ChoiceField


def _grantable(by: User) -> list[tuple[str, Any]]:
    return [(role.value, role.label) for role in Role if role in MANAGEABLE_ROLES[Role(by.role)]]


@register(User, site=academy_desk)
class PeopleAdmin(DeskAdmin):
    name: ClassVar = _("Person")
    plural: ClassVar = _("People")
    field_names: ClassVar = {"name": _("Name"), "role": _("Role"), "is_active": _("Active")}
    permissions: ClassVar = {"view": Permission.VIEW_PEOPLE, "add": _MANAGED, "export": _MANAGED}
    personal: ClassVar = {"list": about(), "detail": _THEM, "add": about()}
    listed: ClassVar = ("user", "pk")
    entry: ClassVar = MenuEntry(
        _("Academy"), _("People"), "badge", "accounts_user_changelist", Permission.VIEW_PEOPLE, 60
    )
    add_title: ClassVar = _("Invite somebody")
    list_display = ("name", "shown_phone", "shown_role", "state", "last_log_in")
    list_filter = ("role", "is_active")
    search_fields = ("name", "phone")
    search_help_text = _("Name or phone")
    found_by = ("name",)
    found_beside = "role"

    @display(description=_("Phone"))
    def shown_phone(self, user: User) -> str:
        return as_people_write_it(str(user.phone))

    @display(description=_("Role"))
    def shown_role(self, user: User) -> SafeString:
        return label(user.get_role_display(), "info" if user.is_staff_member else "")

    @display(description=_("State"))
    def state(self, user: User) -> SafeString:
        if not user.is_active:
            return label(_("Suspended"), "danger")
        if user.last_login is None:
            return label(_("Invited") if user.invited_at is not None else _("Not invited yet"), "warning")
        return label(_("Active"), "success")

    @display(description=_("Last log-in"))
    def last_log_in(self, user: User) -> str:
        return moment(user.last_login)

    export_header: ClassVar = (_("Name"), _("Phone"), _("Role"), _("Active"), _("Invited"), _("Last log-in"))

    def export_rows(self, rows: Sequence[User]) -> Iterable[Sequence[object]]:
        for user in rows:
            yield (
                user.name,
                as_people_write_it(str(user.phone)),
                user.get_role_display(),
                gettext("Active") if user.is_active else gettext("Suspended"),
                _day(user.invited_at),
                _day(user.last_login),
            )

    def links(self, request: HttpRequest) -> list[tuple[Any, str, str]]:
        more = [(_("Invite many"), "forward_to_inbox", self.url("invite-many"))] if self._may(request, "add") else []
        return [*more, *super().links(request)]

    def visible_to(self, person: User) -> QuerySet[User]:  # noqa: ARG002  managers see everybody
        return queries.people()

    def rows_with(self, rows: QuerySet[User], fields: Sequence[str], text: str) -> QuerySet[User]:
        # Phones are kept as +8210...; people type 010-....
        digits = digits_to_search(text)
        return rows.filter(phone__contains=digits) if digits else super().rows_with(rows, fields, text)

    def shown_beside(self, text: str) -> str:
        return str(Role(text).label)

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)
        form = InviteForm(request.POST or None, by=by)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            invitation = people.Invitation(phone=given["phone"], name=given["name"], role=Role(given["role"]))
            try:
                [user] = people.invite_people(by=by, invitations=[invitation])
            except DomainError as error:
                show_error(request, form, error)
            else:
                note_subjects(request, "user", [user.pk])
                messages.success(request, gettext("%(name)s is invited.") % {"name": user.name})
                return HttpResponseRedirect(self.url("change", user.pk))
        shown = {
            "title": self.add_title,
            "form": form,
            "submit": _("Send the invitation"),
            "back": self.url("changelist"),
        }
        return self.render(request, "desk/form.html", shown)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        by = person_of(request)
        user: User | None = self.get_queryset(request).filter(pk=object_id).first()
        if user is None:
            raise Missing
        can_manage = by.may(_MANAGED) and Role(user.role) in MANAGEABLE_ROLES[Role(by.role)]
        shown = {
            "title": user.name,
            "user_shown": user,
            "phone": as_people_write_it(str(user.phone)),
            "state": self.state(user),
            "can_manage": can_manage,
            "is_self": user.pk == by.pk,
            "role_form": RoleForm(initial={"role": user.role}, by=by) if can_manage else None,
            "sessions": list(queries.sessions_of(user.pk)) if can_manage else [],
            "history_url": history_url(self, request, user.pk),
            "urls": {name.replace("-", "_"): self.url(name, user.pk) for name in ACTIONS},
        }
        return self.render(request, "accounts/person.html", shown)

    def _do(self, request: HttpRequest, object_id: int, call: Callable[..., object], done: str) -> HttpResponse:
        def act() -> None:
            call(by=person_of(request), user_id=object_id)

        return carry_out(request, act, done=done, back=self.url("change", object_id))

    @page("<int:object_id>/history/", "history", _THEM, GET=Permission.VIEW_TRAIL)
    def history(self, request: HttpRequest, object_id: int) -> HttpResponse:
        user = self.get_queryset(request).filter(pk=object_id).first()
        if user is None:
            raise Missing
        shown = {"title": _("History"), "name": user.name, "rows": history_of("user", user.pk), "days": DAYS}
        return self.render(request, "desk/history.html", shown)

    @page("invite-many/", "invite-many", about(), GET=_MANAGED, POST=_MANAGED)
    def invite_many(self, request: HttpRequest) -> HttpResponse:
        return inviting.invite_many(self, request)

    @page("<int:object_id>/role/", "role", _THEM, POST=_MANAGED)
    def change_role(self, request: HttpRequest, object_id: int) -> HttpResponse:
        form = RoleForm(request.POST, by=person_of(request))
        if not form.is_valid():
            messages.error(request, gettext("Choose one of the roles."))
            return HttpResponseRedirect(self.url("change", object_id))
        role = Role(form.cleaned_data["role"])

        def act() -> None:
            people.change_role(by=person_of(request), user_id=object_id, role=role)

        done = gettext("The role is changed. The person has to log in again.")
        return carry_out(request, act, done=done, back=self.url("change", object_id))

    @page("<int:object_id>/suspend/", "suspend", _THEM, POST=_MANAGED)
    def suspend(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The person is shut out from now on.")
        return self._do(request, object_id, people.suspend_person, done)

    @page("<int:object_id>/reactivate/", "reactivate", _THEM, POST=_MANAGED)
    def reactivate(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._do(request, object_id, people.reactivate_person, gettext("The person may log in again."))

    @page("<int:object_id>/invite-again/", "invite-again", _THEM, POST=_MANAGED)
    def invite_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._do(request, object_id, people.invite_again, gettext("The invitation is sent again."))

    @page("<int:object_id>/sign-out/", "sign-out", _THEM, POST=_MANAGED)
    def sign_out(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The person is signed out on every device.")
        return self._do(request, object_id, people.sign_out_person, done)

    @page("<int:object_id>/reset-factor/", "reset-factor", _THEM, POST=_MANAGED)
    def reset_factor(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._do(request, object_id, people.reset_second_factor, gettext("The second factor is removed."))


ACTIONS = ("role", "suspend", "reactivate", "invite-again", "sign-out", "reset-factor")


def _day(time: datetime | None) -> str:
    return f"{timezone.localtime(time):%Y-%m-%d}" if time is not None else ""
