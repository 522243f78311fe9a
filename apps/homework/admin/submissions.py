"""What was handed in: one page of homework after the other, what was read of it, and what a teacher says instead."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib.admin import ModelAdmin, SimpleListFilter, display, register
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.homework import queries, services
from apps.homework.admin.frame import (
    DOUBTS,
    GROUP,
    MARKS,
    VERDICTS,
    submission_label,
    url_of,
)
from apps.homework.models import PageReading, Submission
from sheets.homework import HomeworkReading, Verdict

_SAID: Final = Permission.SUBMIT_HOMEWORK
_FIELD: Final = "verdict:"


class CheckFilter(SimpleListFilter):
    title = _("To check")
    parameter_name = "check"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("1", _("Only what has to be checked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Submission]) -> QuerySet[Submission]:  # noqa: ARG002
        return queryset.filter(Q(unsure_count__gt=0) | Q(unmatched_count__gt=0)) if self.value() == "1" else queryset


@register(Submission, site=academy_desk)
class SubmissionAdmin(DeskAdmin):
    name: ClassVar = _("Handed-in homework")
    plural: ClassVar = _("Handed-in homework")
    permissions: ClassVar = {"view": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"list": about(), "detail": about(is_recorded=True)}  # the pictures say more than we read
    listed: ClassVar = ("student", "student_id")
    entry: ClassVar = MenuEntry(
        GROUP, _("Handed-in homework"), "inventory", "homework_submission_changelist", Permission.VIEW_HOMEWORK, 31
    )
    is_live_list = True
    list_display = ("who", "assignment_title", "sent", "attempted", "state")
    list_filter = (CheckFilter,)
    list_select_related = ("assignment", "student", "job")
    search_fields = ("student__name", "student__number", "assignment__title")
    search_help_text = _("Name, number or homework")

    def visible_to(self, person: User) -> QuerySet[Submission]:
        return queries.submissions_visible_to(person)

    @display(description=_("Student"))
    def who(self, submission: Submission) -> str:
        return str(submission.student)

    @display(description=_("Homework"))
    def assignment_title(self, submission: Submission) -> str:
        return submission.assignment.title

    @display(description=_("Sent"))
    def sent(self, submission: Submission) -> str:
        return moment(submission.created_at)

    @display(description=_("Attempted"))
    def attempted(self, submission: Submission) -> str:
        if submission.problem_count is None:
            return "–"
        return f"{submission.attempted_count} / {submission.problem_count}"

    @display(description=_("State"))
    def state(self, submission: Submission) -> SafeString:
        return submission_label(submission)

    # ---------------------------------------------------------------- pages

    def _submission(self, request: HttpRequest, submission_id: int) -> Submission:
        found = self.visible_to(person_of(request)).select_related("job", "assignment", "student")
        submission: Submission | None = found.filter(pk=submission_id).first()
        if submission is None:
            raise Missing
        note_subjects(request, "student", [submission.student_id])
        return submission

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        submission = self._submission(request, object_id)
        copied = queries.copied_files(submission)
        pages = queries.pages_of_submission(submission.pk)
        is_late = queries.StandingRow(submission.assignment, submission.student, submission).is_late
        shown = {
            "title": submission.student.name,
            "crumbs": [
                (_("Homework"), url_of("assignment", "changelist")),
                (submission.assignment.title, url_of("assignment", "change", submission.assignment_id)),
            ],
            "submission": submission,
            "state": submission_label(submission),
            "is_late": is_late,
            "sent": moment(submission.created_at),
            "due": moment(submission.assignment.due_at),
            "reason": text_of(submission.job.error_code) if submission.job is not None else "",
            "is_live": is_unfinished(submission.job),
            "pages": [self._page(submission, row, is_copy=row.file_id in copied) for row in pages],
            "can_say": person_of(request).may(_SAID) and not is_unfinished(submission.job),
            "reread_url": self.url("reread", submission.pk),
            "verdicts": [("", _("As read")), *((verdict.value, words) for verdict, words in VERDICTS.items())],
        }
        return self.render(request, "homework/submission.html", shown)

    def _page(self, submission: Submission, row: PageReading, *, is_copy: bool) -> dict[str, Any]:
        reading = HomeworkReading.from_json(row.reading)
        return {
            "row": row,
            "number": row.worksheet_page.page_index + 1 if row.worksheet_page is not None else None,
            "is_matched": reading.page is not None or not reading.is_registered,
            "has_colour": reading.has_colour,
            "is_copy": is_copy,
            "picture_url": s3.presign_get(row.overlay_key) if row.overlay_key else "",
            "correct_url": self.url("correct", submission.pk, row.pk),
            "problems": [
                {
                    "reading": region,
                    "read": VERDICTS[region.verdict],
                    "kind": (row.corrections.get(region.label) or region.verdict.value),
                    "said": row.corrections.get(region.label, ""),
                    "percent": round(100 * region.confidence),
                    "doubt": DOUBTS[region.doubt],
                    "mark": MARKS[region.mark],
                    "fit": f"{region.alignment:.0%}",
                    "url": s3.presign_get(row.region_keys[region.label]) if region.label in row.region_keys else "",
                }
                for region in reading.regions
            ],
        }

    @page("<int:object_id>/pages/<int:page_id>/correct/", "correct", about(), POST=_SAID)
    def correct(self, request: HttpRequest, object_id: int, page_id: int) -> HttpResponse:
        """What a person says of the problems of a page; only what differs is written."""
        submission = self._submission(request, object_id)
        row = PageReading.objects.filter(pk=page_id, submission_id=submission.pk).first()
        if row is None:
            raise Missing

        def act() -> None:
            verdicts = _verdicts(request, row.corrections)
            if verdicts:
                services.correct_page(page_reading_id=row.pk, verdicts=verdicts, by=person_of(request))

        back = f"{self.url('change', submission.pk)}#page-{row.pk}"
        return carry_out(request, act, done=gettext("Saved."), back=back)

    @page("<int:object_id>/reread/", "reread", about(), POST=_SAID)
    def reread(self, request: HttpRequest, object_id: int) -> HttpResponse:
        submission = self._submission(request, object_id)

        def act() -> None:
            services.reread_submission(submission_id=submission.pk, by=person_of(request))

        done = gettext("It is read again. What you corrected stays.")
        return carry_out(request, act, done=done, back=self.url("change", submission.pk))


def _verdicts(request: HttpRequest, known: dict[str, str]) -> dict[str, str | None]:
    """By label what the form says that is not ``known`` yet. Raises ``Invalid`` for a word that is no verdict."""
    found: dict[str, str | None] = {}
    for name, values in request.POST.lists():
        if not name.startswith(_FIELD):
            continue
        problem, value = name.removeprefix(_FIELD), values[-1]
        if value and value not in set(Verdict):
            raise Invalid(gettext("Choose one of the given answers."), attr="verdicts")
        if value != known.get(problem, ""):
            found[problem] = value or None
    return found
