"""Jobs are about things, and each app says which of its jobs are about a person; here is how one is emptied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Case, F, Model, Q, Value, When
from django.db.models.functions import Coalesce, Now

from academy.jobs.models import UNFINISHED_STATES, AnsweredRequest, DailyUsage, Job, JobState
from academy.tenancy.holdings import Fate, Holding

# A job that is still about is cancelled: its message is then deleted wherever it turns up, dead letters included,
# and a worker that is at it can record nothing.
EMPTIED_JOB: Final[Mapping[str, Any]] = {
    "arguments": {},
    "result": None,
    "error_message": "",
    "state": Case(When(state__in=UNFINISHED_STATES, then=Value(JobState.CANCELLED)), default=F("state")),
    "finished_at": Coalesce(F("finished_at"), Now()),
    "lease_expires_at": None,
}
EMPTIED_JOB_SHOWN: Final = ("id", "kind", "state", "created_at", "finished_at")

HOLDINGS: tuple[Holding, ...] = (
    # What they were answered; kept for a day only, and what it says is also where it was done.
    Holding(
        model=AnsweredRequest,
        about=lambda subject: Q(person__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"client_token", "fingerprint"}),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    Job: "holds ids only; each app empties those that are about a person",
    DailyUsage: "how many jobs the academy queued",
}
