"""Who saw and changed a person's data, in words, on a page of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.site import academy_desk
from academy.trail.models import Operation, Outcome, TrailEntry
from academy.trail.queries import ACTOR_KIND, Filter, entries, names_of

VIEW_TRAIL: Final = "trail.view"
SHOWN: Final = 100
DAYS: Final = 90
"""How far back a page looks. The export of the trail looks further."""
_CHANGES: Final[Mapping[str, tuple[Promise, str]]] = {
    Operation.INSERT: (_("Written"), "warning"),
    Operation.UPDATE: (_("Changed"), "warning"),
    Operation.DELETE: (_("Deleted"), "danger"),
}


# Of tables without a list on the desk: what people call what is in them.
_THINGS: Final[Mapping[str, Promise]] = {
    "students_guardianship": _("Guardian"),
    "students_guardianconsent": _("Consent"),
    "courses_enrolment": _("Enrolment"),
    "courses_attendance": _("Attendance"),
    "courses_courseteacher": _("Teachers"),
}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One entry: when, who, what in a word, and the particulars."""

    time: str
    who: str
    what: SafeString
    thing: str
    particulars: str
    reason: str


def history_of(kind: str, pk: int) -> list[HistoryRow]:
    """What happened to the data of this person lately, the newest first. Two queries."""
    wanted = Filter(subject=f"{kind}:{pk}", since=timezone.now() - timedelta(days=DAYS))
    found = list(entries(wanted).order_by("-pk")[:SHOWN])
    names = names_of({f"{ACTOR_KIND}:{entry.actor_id}" for entry in found if entry.actor_id is not None})
    return [
        HistoryRow(
            moment(entry.created_at),
            names.get(f"{ACTOR_KIND}:{entry.actor_id}", "–"),
            _word(entry),
            _thing(entry.table_name or entry.action),
            " ".join([entry.table_name or entry.action, *entry.column_names]),
            entry.reason,
        )
        for entry in found
    ]


def _word(entry: TrailEntry) -> SafeString:
    if entry.outcome != Outcome.DONE:
        return label(_("Refused"), "danger")
    if entry.operation in _CHANGES:
        return label(*_CHANGES[entry.operation])
    if entry.reason:
        return label(_("Saved as a file"), "warning")
    is_look = entry.action.endswith(".viewed")
    return label(_("Seen"), "info") if is_look else label(_("Worked on"), "")


def _thing(name: str) -> str:
    """What "students_student", or "students_student_change.viewed", is about; "" for what has no word."""
    app, _rest, model = name.partition(".")[0].partition("_")
    model = model.partition("_")[0]
    if f"{app}_{model}" in _THINGS:
        return str(_THINGS[f"{app}_{model}"])
    for registered in academy_desk._registry:
        if (registered._meta.app_label, registered._meta.model_name) == (app, model):
            return str(registered._meta.verbose_name)
    return ""


def history_url(admin: Any, request: HttpRequest, pk: int) -> str:
    """Where the history of this person is, "" for who may not see it."""
    user: Any = request.user
    url: str = admin.url("history", pk) if user.may(VIEW_TRAIL) else ""
    return url
