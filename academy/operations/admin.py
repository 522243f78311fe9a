"""The operators' pages: academies with their hosts, plans, queues, the audit of isolation."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.admin import display, register
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import Page, carry_out, page
from academy.desk.site import Block, MenuEntry, platform_desk
from academy.http.disclosures import NOT_PERSONAL, RECORDED
from academy.http.errors import Missing
from academy.jobs.queues import queue_name
from academy.operations import queries
from academy.operations.services import resume_academy, suspend_academy
from academy.tenancy.models import Domain, Plan, Tenant, TenantStatus

OPERATE: Final = "platform.operate"
_STATUS: Final = {
    TenantStatus.ACTIVE: (_("Active"), "success"),
    TenantStatus.SUSPENDED: (_("Suspended"), "danger"),
    TenantStatus.MOVING: (_("Moving"), "warning"),
}


@register(Tenant, site=platform_desk)
class AcademyAdmin(DeskAdmin):
    name: ClassVar = _("Academy")
    plural: ClassVar = _("Academies")
    field_names: ClassVar = {
        "name": _("Name"),
        "slug": _("Host label"),
        "plan": _("Plan"),
        "status": _("State"),
        "isolation": _("Rows live in"),
    }
    permissions: ClassVar = {"view": OPERATE}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": NOT_PERSONAL}
    entry: ClassVar = MenuEntry("", _("Academies"), "domain", "tenancy_tenant_changelist", OPERATE, 10)
    list_display = ("name", "slug", "plan", "status_shown", "isolation", "since")
    list_filter = ("status", "isolation", "plan")
    list_select_related = ("plan",)
    search_fields = ("name", "slug")
    search_help_text = _("Name or host label")

    def visible_to(self, person: Any) -> QuerySet[Tenant]:  # noqa: ARG002  operators see all
        return Tenant.objects.all()

    @display(description=_("State"))
    def status_shown(self, tenant: Tenant) -> SafeString:
        return label(*_STATUS[TenantStatus(tenant.status)])

    @display(description=_("Since"))
    def since(self, tenant: Tenant) -> str:
        return moment(tenant.created_at)

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = Tenant.objects.select_related("plan").filter(pk=object_id).first()
        if tenant is None:
            raise Missing
        shown = {
            "title": tenant.name,
            "academy": tenant,
            "status": self.status_shown(tenant),
            "domains": list(tenant.domains.order_by("-is_primary", "domain")),
            "kinds": sorted(tenant.plan.job_kinds.items()),
            "suspend_url": self.url("suspend", tenant.pk),
            "resume_url": self.url("resume", tenant.pk),
            "can_suspend": tenant.status == TenantStatus.ACTIVE and not tenant.is_platform,
            "can_resume": tenant.status == TenantStatus.SUSPENDED,
            "since": moment(tenant.created_at),
        }
        return self.render(request, "operations/academy.html", shown)

    @page("<int:object_id>/suspend/", "suspend", RECORDED, POST=OPERATE)
    def suspend(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The academy is shut. Other servers follow within 30 seconds.")
        return carry_out(
            request, lambda: suspend_academy(tenant_id=object_id), done=done, back=self.url("change", object_id)
        )

    @page("<int:object_id>/resume/", "resume", RECORDED, POST=OPERATE)
    def resume(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The academy is open again. Other servers follow within 30 seconds.")
        return carry_out(
            request, lambda: resume_academy(tenant_id=object_id), done=done, back=self.url("change", object_id)
        )


@register(Domain, site=platform_desk)
class DomainAdmin(DeskAdmin):
    name: ClassVar = _("Host")
    plural: ClassVar = _("Hosts")
    field_names: ClassVar = {"domain": _("Host"), "tenant": _("Academy"), "is_primary": _("Main")}
    permissions: ClassVar = {"view": OPERATE}
    personal: ClassVar = {"list": NOT_PERSONAL}
    entry: ClassVar = MenuEntry("", _("Hosts"), "language", "tenancy_domain_changelist", OPERATE, 11)
    list_display = ("domain", "tenant", "is_primary")
    list_select_related = ("tenant",)
    search_fields = ("domain",)

    def visible_to(self, person: Any) -> QuerySet[Domain]:  # noqa: ARG002  operators see all
        return Domain.objects.all()


@register(Plan, site=platform_desk)
class PlanAdmin(DeskAdmin):
    name: ClassVar = _("Plan")
    plural: ClassVar = _("Plans")
    field_names: ClassVar = {"name": _("Name"), "code": _("Short name")}
    permissions: ClassVar = {"view": OPERATE}
    personal: ClassVar = {"list": NOT_PERSONAL}
    entry: ClassVar = MenuEntry("", _("Plans"), "sell", "tenancy_plan_changelist", OPERATE, 12)
    list_display = ("name", "code", "kinds")

    def visible_to(self, person: Any) -> QuerySet[Plan]:  # noqa: ARG002  operators see all
        return Plan.objects.all()

    @display(description=_("What it includes"))
    def kinds(self, plan: Plan) -> str:
        return ", ".join(f"{kind} ({tier})" for kind, tier in sorted(plan.job_kinds.items())) or "–"


def queues_page(request: HttpRequest) -> HttpResponse:
    """What waits in SQS and in the tables, by academy. Ids, counts and states only."""
    try:
        loads, is_reachable = queries.loads(), True
    except psycopg.Error:
        loads, is_reachable = {}, False
    names = dict(Tenant.objects.filter(pk__in={tenant for tenant, _tier in loads}).values_list("pk", "slug"))
    most = sorted(loads.items(), key=lambda item: -item[1].oldest_seconds)
    shown: dict[str, Any] = {
        "title": _("Queues"),
        "queues": [(queue_name(tier), counts) for tier, counts in queries.counts_by_queue().items()],
        "loads": [(names.get(tenant, tenant), tier.value, load) for (tenant, tier), load in most],
        "is_reachable": is_reachable,
    }
    return platform_desk.render(request, "operations/queues.html", shown)


def audit_page(request: HttpRequest) -> HttpResponse:
    """The newest report of the audit of isolation."""
    try:
        report, is_reachable = queries.newest_audit(), True
    except (BotoCoreError, ClientError):
        report, is_reachable = None, False
    shown = {"title": _("Isolation"), "report": report, "is_reachable": is_reachable}
    return platform_desk.render(request, "operations/audit.html", shown)


def _academies(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001  what a block is called with
    academies: QuerySet[Tenant] = Tenant.objects.filter(is_platform=False)
    by_status = dict(academies.values_list("status").annotate(n=Count("id")).order_by())
    counts = [(label(*_STATUS[status]), by_status.get(status.value, 0)) for status in TenantStatus]
    return {"counts": counts, "newest": list(academies.select_related("plan").order_by("-pk")[:8])}


platform_desk.add_page(Page("queues/", "queues", queues_page, {"GET": OPERATE}, {"GET": NOT_PERSONAL}))
platform_desk.add_page(Page("audit/", "audit", audit_page, {"GET": OPERATE}, {"GET": NOT_PERSONAL}))
platform_desk.menu += [
    MenuEntry("", _("Queues"), "queue", "queues", OPERATE, 20),
    MenuEntry("", _("Isolation"), "shield", "audit", OPERATE, 21),
]
platform_desk.blocks.append(Block("operations/academies.html", OPERATE, _academies, 0))
