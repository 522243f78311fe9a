"""Many people invited at once: those who never signed in, chosen or all who fit."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.pages import note_error
from academy.desk.searching import query_of
from academy.http.disclosures import note_status, note_subjects
from academy.http.errors import DomainError, Missing
from apps.accounts import queries
from apps.accounts.models import User
from apps.accounts.phones import as_people_write_it
from apps.accounts.requests import person_of
from apps.accounts.roles import MANAGEABLE_ROLES, Role
from apps.accounts.services import people

if TYPE_CHECKING:
    from apps.accounts.admin.people import PeopleAdmin

_NAMED: Final = 20
"""Names that a notice lists for one reason."""


def invite_many(admin: PeopleAdmin, request: HttpRequest) -> HttpResponse:
    """Who may be invited: looked at by GET, invited by POST. Who could not be is named with the reason."""
    by = person_of(request)
    role, name = request.GET.get("role", ""), query_of(request, longest=80)
    is_uninvited = bool(request.GET.get("uninvited"))
    fitting = queries.never_signed_in(role if role in Role.values else "", name, is_uninvited=is_uninvited)
    grantable = [one for one in Role if one in MANAGEABLE_ROLES[Role(by.role)]]
    fitting = fitting.filter(role__in=grantable)
    if request.method == "POST":
        _invite(request, by, [user.pk for user in fitting[: people.MAX_TEXTED]])
        return HttpResponseRedirect(request.get_full_path())
    found = list(fitting[: people.MAX_TEXTED + 1])
    shown = found[: people.MAX_TEXTED]
    note_subjects(request, "user", [user.pk for user in shown])
    context = {
        "title": _("Invite many"),
        "people": [(user, as_people_write_it(str(user.phone))) for user in shown],
        "roles": [(one.value, one.label) for one in grantable],
        "role": role,
        "query": name,
        "is_uninvited": is_uninvited,
        "has_more": len(found) > people.MAX_TEXTED,
        "most": people.MAX_TEXTED,
    }
    return admin.render(request, "accounts/invite_many.html", context)


def _invite(request: HttpRequest, by: User, fitting: list[int]) -> None:
    chosen = [
        int(text) for text in dict.fromkeys(request.POST.getlist("people")) if text.isdecimal() and len(text) < 19
    ]
    wanted = fitting if "all" in request.POST else chosen
    if not wanted:
        note_status(request, 400)
        messages.error(request, gettext("Choose at least one person."))
        return
    try:
        told, refused = people.invite_many(by=by, user_ids=wanted)
    except Missing:
        raise
    except DomainError as error:
        note_error(request, error)
        messages.error(request, error.message)
        return
    note_subjects(request, "user", [user.pk for user in told])
    if told:
        done = ngettext("%(count)d person is invited.", "%(count)d people are invited.", len(told))
        messages.success(request, done % {"count": len(told)})
    names: dict[str, list[str]] = defaultdict(list)
    for one in refused:
        names[one.reason].append(one.user.name)
    for reason, those in names.items():
        rest = f" … (+{len(those) - _NAMED})" if len(those) > _NAMED else ""
        messages.warning(request, f"{reason} {', '.join(those[:_NAMED])}{rest}")
