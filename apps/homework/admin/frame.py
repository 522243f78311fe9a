"""What the pages of homework have in common: its words, and who asks."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label
from academy.desk.site import academy_desk
from academy.jobs.models import JobState, is_unfinished
from apps.homework.completion import Problem
from apps.homework.models import Submission
from sheets.homework import Doubt, Mark, Verdict

GROUP: Final = _("Homework")

VERDICTS: Final = {
    Verdict.ATTEMPTED: _("Attempted"),
    Verdict.BLANK: _("Left blank"),
    Verdict.UNSURE: _("Please check"),
}
_SIGNS: Final = {Verdict.ATTEMPTED: "●", Verdict.BLANK: "–", Verdict.UNSURE: "?"}
MARKS: Final = {Mark.NONE: "", Mark.RIGHT: _("marked right"), Mark.WRONG: _("marked wrong")}
MARK_SIGNS: Final = {Mark.NONE: "", Mark.RIGHT: "○", Mark.WRONG: "╱"}
DOUBTS: Final = {
    Doubt.NONE: "",
    Doubt.MISALIGNED: _("The picture does not lie well on the worksheet here."),
    Doubt.OUT_OF_PICTURE: _("The problem is not wholly in the picture."),
    Doubt.TOO_COARSE: _("The picture is too coarse here."),
    Doubt.TOO_NOISY: _("The picture is too noisy here."),
    Doubt.LITTLE_INK: _("There is only a little writing."),
    Doubt.INK_NEARBY: _("The writing is at the edge: it may belong to the next problem."),
    Doubt.RED_INK: _("There is only red writing."),
    Doubt.NOT_REGISTERED: _("There was no worksheet to compare it with."),
}


def url_of(model: str, page: str, *args: int) -> str:
    return reverse(f"admin:homework_{model}_{page}", args=args, current_app=academy_desk.name)


def submission_label(submission: Submission) -> SafeString:
    """Where a hand-in is, as a coloured word."""
    job = submission.job
    if is_unfinished(job):
        return label(_("Reading"), "info")
    if job is not None and job.state == JobState.FAILED:
        return label(_("Not readable"), "danger")
    if job is not None and job.state == JobState.CANCELLED:
        return label(_("Cancelled"), "warning")
    if submission.unmatched_count:
        return label(_("Page not recognised"), "warning")
    return label(_("To check"), "warning") if submission.unsure_count else label(_("Read"), "success")


def cell_of(problem: Problem | None) -> dict[str, Any] | None:
    """A problem as a cell of a table: a sign, its words, and its colour."""
    if problem is None:
        return None
    words = [VERDICTS[problem.verdict], MARKS[problem.mark], _("corrected by hand") if problem.is_corrected else ""]
    return {
        "sign": _SIGNS[problem.verdict],
        "mark": MARK_SIGNS[problem.mark],
        "kind": problem.verdict.value,
        "words": " · ".join(str(part) for part in words if part),
        "is_corrected": problem.is_corrected,
    }
