"""Signing in at the desk: phone and password or a code, then the second factor where one is due.

The same services, sessions and limits as over the API. Who may not come in gets the answer of a wrong password.
"""

from __future__ import annotations

from typing import Final

import segno
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import CodeField, DeskForm, PhoneField
from academy.desk.pages import Page, is_inside, show_error
from academy.desk.site import Desk, academy_desk, platform_desk
from academy.http.disclosures import LOG_IN, NOT_PERSONAL, OWN, note_status, noted_status
from academy.http.errors import DomainError
from academy.http.permissions import PUBLIC, SIGNING_IN
from apps.accounts.models import Purpose, SecondFactor, User
from apps.accounts.requests import code_cookie, forget_code, keep_code, person_of
from apps.accounts.services.access import log_out
from apps.accounts.services.codes import CODE_SECONDS, WrongCode, ask_for_code
from apps.accounts.services.log_in import WrongCredentials, log_in, log_in_by_code
from apps.accounts.services.second_factors import begin_authenticator, confirm_authenticator, show_second_factor

NEXT: Final = "next"


class PasswordForm(DeskForm):
    phone = PhoneField(label=_("Phone"))
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PhoneForm(DeskForm):
    phone = PhoneField(label=_("Phone"))


class CodeForm(DeskForm):
    code = CodeField(label=_("Code"))


class Pages:
    """The log-in of one site."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for path, name, view, needed, personal in (
            ("log-in/", "login", self.by_password, PUBLIC, {"GET": NOT_PERSONAL, "POST": LOG_IN}),
            ("log-in/code/", "ask-for-code", self.ask_for_code, PUBLIC, {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}),
            ("log-in/code/enter/", "log-in-by-code", self.by_code, PUBLIC, {"GET": NOT_PERSONAL, "POST": LOG_IN}),
            ("log-in/second-factor/", "second-factor", self.second_factor, SIGNING_IN, {"GET": OWN, "POST": LOG_IN}),
            ("log-in/set-up/", "set-up-factor", self.set_up, SIGNING_IN, {"GET": OWN, "POST": OWN}),
            ("log-out/", "logout", self.log_out, SIGNING_IN, {"POST": OWN}),
            ("language/", "language", self.choose_language, PUBLIC, {"POST": NOT_PERSONAL}),
        ):
            desk.add_page(Page(path, name, view, dict.fromkeys(personal, needed), personal))

    def _url(self, name: str, request: HttpRequest) -> str:
        """The page of that name, which will lead on to where this request wanted to go."""
        url, wanted = reverse(f"admin:{name}", current_app=self.desk.name), _next(request)
        return f"{url}?{urlencode({NEXT: wanted})}" if wanted else url

    def _onward(self, request: HttpRequest) -> HttpResponse:
        """To the second factor where one is due, else to the page that was asked for."""
        user = person_of(request)
        due = user.second_factor_due(request.session)
        if due is not None:
            name = "second-factor" if due == SecondFactor.SHOW else "set-up-factor"
            return HttpResponseRedirect(self._url(name, request))
        return HttpResponseRedirect(_next(request) or reverse("admin:index", current_app=self.desk.name))

    def _show(self, request: HttpRequest, template: str, form: forms.Form | None, **more: object) -> HttpResponse:
        if request.method == "POST" and form is not None:  # it came back: nobody is signed in by it
            note_status(request, noted_status(request) or 400)
        links = {
            "code_url": self._url("ask-for-code", request),
            "password_url": self._url("login", request),
            "next": _next(request),
        }
        return self.desk.render(request, template, {"form": form, "title": _("Log in"), **links, **more})

    def _keep_out(self, request: HttpRequest, user: User) -> bool:
        """Sign out again who has no business at this desk; whether that was so."""
        if user.may(self.desk.entry):
            return False
        log_out(request)
        return True

    def by_password(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if request.method == "GET" and isinstance(user, User) and user.may(self.desk.entry):
            return self._onward(request)
        form = PasswordForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                found = log_in(request, phone=form.cleaned_data["phone"], password=form.cleaned_data["password"])
                if self._keep_out(request, found):
                    raise WrongCredentials
            except DomainError as error:
                show_error(request, form, error)
            else:
                return self._onward(request)
        return self._show(request, "accounts/log_in.html", form)

    def ask_for_code(self, request: HttpRequest) -> HttpResponse:
        form = PhoneForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                cookie = ask_for_code(request, phone=form.cleaned_data["phone"], purpose=Purpose.LOG_IN)
            except DomainError as error:
                show_error(request, form, error)
            else:
                return keep_code(HttpResponseRedirect(self._url("log-in-by-code", request)), cookie)
        return self._show(request, "accounts/ask_for_code.html", form)

    def by_code(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                user = log_in_by_code(request, cookie=code_cookie(request), code=form.cleaned_data["code"].strip())
                if self._keep_out(request, user):
                    raise WrongCode
            except DomainError as error:
                show_error(request, form, error)
            else:
                return forget_code(self._onward(request))
        return self._show(request, "accounts/enter_code.html", form, minutes=CODE_SECONDS // 60)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        user = person_of(request)
        if user.second_factor_due(request.session) != SecondFactor.SHOW:
            note_status(request, 409)  # no log-in either: they had nothing to show
            return self._onward(request)
        form = CodeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                show_second_factor(request, user, form.cleaned_data["code"].strip())
            except DomainError as error:
                show_error(request, form, error)
            else:
                return self._onward(request)
        return self._show(request, "accounts/second_factor.html", form)

    def set_up(self, request: HttpRequest) -> HttpResponse:
        """Begin an authenticator (GET), confirm it (POST) and show the recovery codes, once."""
        user = person_of(request)
        if user.has_second_factor:
            return self._onward(request)
        form = CodeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                codes = confirm_authenticator(request, user, form.cleaned_data["code"].strip())
            except DomainError as error:
                show_error(request, form, error)
            else:
                return self._show(request, "accounts/recovery_codes.html", None, codes=codes, onward=_next(request))
        shown: dict[str, object] = {}
        if request.method == "GET":  # after a wrong code the secret that was scanned stays the one to confirm
            secret, address = begin_authenticator(user, session=request.session)
            picture = segno.make(address, micro=False).svg_inline(border=2, scale=5)
            shown = {"secret": secret, "qr": mark_safe(picture)}  # noqa: S308  drawn here, of our own text
        return self._show(request, "accounts/set_up_factor.html", form, **shown)

    def log_out(self, request: HttpRequest) -> HttpResponse:
        log_out(request)
        return HttpResponseRedirect(reverse("admin:login", current_app=self.desk.name))

    def choose_language(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("language", "")
        response = HttpResponseRedirect(_next(request) or reverse("admin:index", current_app=self.desk.name))
        if wanted in dict(settings.LANGUAGES):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                wanted,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
            )
        return response


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a page of this site."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    return wanted if is_inside(wanted) else ""


for _desk in (academy_desk, platform_desk):
    Pages(_desk)
