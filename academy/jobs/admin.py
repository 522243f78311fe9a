"""Jobs on the desk: what runs, how far it is, and what to do about what failed."""

from __future__ import annotations

from typing import Any, ClassVar, Final, cast

from django.contrib.admin import ModelAdmin, SimpleListFilter, display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.site import Block, MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import Missing
from academy.jobs.changes import Person, jobs_visible_to
from academy.jobs.models import UNFINISHED_STATES, Job, JobState, is_unfinished
from academy.jobs.quotas import usage_today
from academy.jobs.reasons import text_of
from academy.jobs.wording import kind_text, state_text
from academy.tenancy.context import acting_tenant

_KINDS_OF_LABEL: Final = {
    JobState.QUEUED: "",
    JobState.SENT: "",
    JobState.RUNNING: "info",
    JobState.SUCCEEDED: "success",
    JobState.FAILED: "danger",
    JobState.CANCELLED: "warning",
}


def state_label(state: str) -> SafeString:
    """The state of a job as a coloured word."""
    return label(state_text(state), _KINDS_OF_LABEL[JobState(state)])


class StateFilter(SimpleListFilter):
    title = _("State")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("unfinished", _("Under way")), *((state.value, state_text(state)) for state in _SHOWN)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:  # noqa: ARG002
        if self.value() == "unfinished":
            return queryset.filter(state__in=UNFINISHED_STATES)
        return queryset.filter(state=self.value()) if self.value() in _SHOWN else queryset


_SHOWN: Final = (JobState.FAILED, JobState.SUCCEEDED, JobState.CANCELLED)


def usage(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001  a block's signature
    """What was queued today of each kind that the plan has, against its limit; the fullest first."""
    rows = [row for row in usage_today() if row.used]
    rows.sort(key=lambda row: (-row.used / max(row.limit, 1), row.kind))
    return {
        "plan": acting_tenant().plan.name,
        "rows": [
            {"what": kind_text(row.kind), "used": row.used, "limit": row.limit, "is_full": not row.left} for row in rows
        ],
    }


academy_desk.blocks.append(Block("jobs/usage.html", "jobs.view", usage, 90))


@register(Job, site=academy_desk)
class JobAdmin(DeskAdmin):
    name: ClassVar = _("Job")
    plural: ClassVar = _("Jobs")
    permissions: ClassVar = {"view": "jobs.view"}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(_("Academy"), _("Jobs"), "manufacturing", "jobs_job_changelist", "jobs.view", 70)
    is_live_list = True
    list_display = ("what", "shown_state", "shown_progress", "begun", "reason")
    list_filter = (StateFilter,)
    list_subtitle = _("What the machine is reading for you. The page keeps itself up to date.")

    @display(description=_("Job"))
    def what(self, job: Job) -> str:
        return str(kind_text(job.kind))

    @display(description=_("State"))
    def shown_state(self, job: Job) -> SafeString:
        return state_label(job.state)

    @display(description=_("Progress"))
    def shown_progress(self, job: Job) -> str:
        return f"{job.progress:.0%}" if job.state == JobState.RUNNING else ""

    @display(description=_("Begun"))
    def begun(self, job: Job) -> str:
        return moment(job.created_at)

    @display(description=_("What to do"))
    def reason(self, job: Job) -> str:
        return text_of(job.error_code)

    def visible_to(self, person: Any) -> QuerySet[Job]:
        return jobs_visible_to(cast(Person, person))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        rows: QuerySet[Job] = super().get_queryset(request)
        return rows.only(
            "kind", "state", "progress", "created_at", "error_code", "tenant_id", "started_at", "finished_at", "attempt"
        )

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        job = self.visible_to(request.user).filter(pk=object_id).first()
        if job is None:
            raise Missing
        shown = {
            "title": kind_text(job.kind),
            "job": job,
            "state": self.shown_state(job),
            "reason": text_of(job.error_code),
            "times": [
                (_("Begun"), moment(job.created_at)),
                (_("Taken up"), moment(job.started_at)),
                (_("Finished"), moment(job.finished_at)),
            ],
            "is_live": is_unfinished(job),
            "percent": round(job.progress * 100),
        }
        return self.render(request, "jobs/job.html", shown)
