"""Who must have a second factor and how long the trail is kept; the plan, what it was used for, and the addresses."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm
from academy.desk.pages import Page
from academy.desk.site import academy_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED
from academy.jobs.quotas import usage_today
from academy.jobs.wording import kind_text
from academy.tenancy.context import acting_tenant
from academy.tenancy.models import MAX_TRAIL_MONTHS, MIN_TRAIL_MONTHS
from apps.academies import queries
from apps.academies.admin.frame import SET_UP, Part, render_part, save_form
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.accounts.services.academy import set_academy


class RulesForm(DeskForm):
    mfa_required_for_staff = forms.BooleanField(
        label=_("Whoever works here needs a second step to log in"), required=False
    )
    trail_months = forms.IntegerField(
        label=_("Months for which is kept who saw and changed what"),
        min_value=MIN_TRAIL_MONTHS,
        max_value=MAX_TRAIL_MONTHS,
        help_text=_("12 at least by law, 24 at most. What is older is deleted every night."),
    )
    sends_notices = forms.BooleanField(
        label=_("Devices of students and guardians may be told of new results"),
        required=False,
        help_text=_("Only those who turn it on in the app, between 8:00 and 21:00, without names and points."),
    )


def rules(request: HttpRequest) -> HttpResponse:
    tenant, person = queries.decided(), person_of(request)
    initial = {"mfa_required_for_staff": tenant.mfa_required_for_staff, "trail_months": tenant.trail_months}
    initial["sends_notices"] = tenant.sends_notices
    form = RulesForm(request.POST if request.method == "POST" else None, initial=initial)
    done = save_form(request, form, Part.RULES, lambda given: set_academy(**given))
    if done is not None:
        return done
    shown = {
        "form": form,
        "is_required": tenant.mfa_required_for_staff,
        "factors": queries.second_factors(),
        "has_own": person.has_second_factor,
        "months": tenant.trail_months,
        "can_change": person.may(Permission.MANAGE_ACADEMY),
    }
    return render_part(request, Part.RULES, "academies/rules.html", shown)


def plan(request: HttpRequest) -> HttpResponse:
    tenant = acting_tenant()
    rows = sorted(usage_today(), key=lambda row: (-row.used / max(row.limit, 1), row.kind))
    shown: dict[str, Any] = {
        "plan": tenant.plan.name,
        "rows": [
            {"what": kind_text(row.kind), "used": row.used, "limit": row.limit, "is_full": not row.left} for row in rows
        ],
        "domains": list(tenant.domains.order_by("-is_primary", "domain")),
    }
    return render_part(request, Part.PLAN, "academies/plan.html", shown)


academy_desk.add_page(
    Page(
        "settings/rules/",
        "settings-rules",
        rules,
        {"GET": SET_UP, "POST": Permission.MANAGE_ACADEMY},
        {"GET": NOT_PERSONAL, "POST": RECORDED},
    )
)
academy_desk.add_page(Page("settings/plan/", "settings-plan", plan, {"GET": SET_UP}, {"GET": NOT_PERSONAL}))
