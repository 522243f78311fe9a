"""One's own account at the desk: where one is signed in, the password, the second factor."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page, carry_out, show_error
from academy.desk.site import Desk, academy_desk, platform_desk
from academy.http.disclosures import OWN
from academy.http.errors import DomainError
from apps.accounts import queries
from apps.accounts.requests import person_of
from apps.accounts.services.access import end_session, end_sessions
from apps.accounts.services.passwords import change_password


class ChangePasswordForm(DeskForm):
    old_password = forms.CharField(
        label=_("Current password"),
        max_length=128,
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=_("Leave it empty if you have only used codes so far."),
    )
    password = forms.CharField(
        label=_("New password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters."),
    )


class Pages:
    """The account pages of one site."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for path, name, view, permissions in (
            ("account/", "account", self.show, {"GET": desk.entry, "POST": desk.entry}),
            ("account/sessions/end/", "end-sessions", self.end_others, {"POST": desk.entry}),
            ("account/sessions/<uuid:handle>/end/", "end-session", self.end_one, {"POST": desk.entry}),
        ):
            desk.add_page(Page(path, name, view, permissions, dict.fromkeys(permissions, OWN)))

    @property
    def _url(self) -> str:
        return reverse("admin:account", current_app=self.desk.name)

    def show(self, request: HttpRequest) -> HttpResponse:
        person = person_of(request)
        form = ChangePasswordForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                change_password(request, user=person, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("The password is changed. Other devices are signed out."))
                return HttpResponseRedirect(self._url)
        sessions = [
            {"session": session, "is_here": session.session_key == request.session.session_key}
            for session in queries.sessions_of(person.pk)
        ]
        return self.desk.render(
            request, "accounts/account.html", {"title": _("My account"), "form": form, "sessions": sessions}
        )

    def end_others(self, request: HttpRequest) -> HttpResponse:
        ended = end_sessions(person_of(request).pk, but=request.session.session_key)
        text = ngettext("%(count)s device is signed out.", "%(count)s devices are signed out.", ended)
        messages.success(request, text % {"count": ended})
        return HttpResponseRedirect(self._url)

    def end_one(self, request: HttpRequest, handle: uuid.UUID) -> HttpResponse:
        def end() -> None:
            end_session(person_of(request).pk, handle)

        return carry_out(request, end, done=gettext("The device is signed out."), back=self._url)


for _desk in (academy_desk, platform_desk):
    Pages(_desk)
