"""Pages that were read: which of them somebody has to look at, and one of them with its picture and answers."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib.admin import ModelAdmin, SimpleListFilter, display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import about
from academy.http.errors import Missing
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries
from apps.exams.admin.frame import Step, step_url
from apps.exams.admin.review import ANSWER, ESSAY, corrections_shown
from apps.exams.corrections import effective_reading, standing
from apps.exams.models import Match, Scan
from apps.exams.objections import asked_objections, is_objected_to
from apps.exams.scoring import Outcome, ScoredAnswer

REVIEW: Final = "review"
OBJECTED: Final = "objections"

_MATCHES: Final = {
    Match.PENDING: (_("Not read yet"), ""),
    Match.MATCHED: (_("Student found"), "success"),
    Match.NUMBER_UNREADABLE: (_("Number unreadable"), "warning"),
    Match.NUMBER_UNKNOWN: (_("No student has this number"), "warning"),
    Match.NUMBER_CONTRADICTS: (_("Not the number of the student whose sheet it is"), "warning"),
    Match.NO_NUMBER: (_("The sheet has no number"), "warning"),
    Match.DUPLICATE: (_("Handed in twice"), "warning"),
    Match.SET_ASIDE: (_("Set aside"), ""),
}
OUTCOMES: Final = {
    Outcome.RIGHT: (_("Right"), "success"),
    Outcome.PARTLY_RIGHT: (_("Partly right"), "info"),
    Outcome.WRONG: (_("Wrong"), "danger"),
    Outcome.BLANK: (_("Blank"), ""),
    Outcome.MULTIPLE: (_("Several marks"), "warning"),
    Outcome.UNSURE: (_("Please check"), "warning"),
    Outcome.NO_KEY: (_("No key yet"), ""),
    Outcome.NO_VERSION: (_("Version of the exam unknown"), "warning"),
    Outcome.CANCELLED: (_("Question cancelled"), ""),
    Outcome.AWAITED: (_("Points to be given"), "warning"),
    Outcome.GIVEN: (_("Points given"), "info"),
}


def match_label(scan: Scan) -> SafeString:
    """Whose sheet it is, or what became of it, as a coloured word."""
    if scan.match == Match.SET_ASIDE:
        return label(*_MATCHES[Match.SET_ASIDE])
    if scan.job is not None and scan.job.state == JobState.FAILED:
        return label(_("Not readable"), "danger")
    if scan.job is not None and scan.job.state == JobState.CANCELLED:
        return label(_("Cancelled"), "warning")
    text, kind = _MATCHES[Match(scan.match)]
    return label(text, kind)


class ReviewFilter(SimpleListFilter):
    title = _("To check")
    parameter_name = REVIEW

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("1", _("Only what has to be checked")), (OBJECTED, _("What students object to"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Scan]) -> QuerySet[Scan]:  # noqa: ARG002
        wanted = {"1": queries.NEEDS_REVIEW, OBJECTED: is_objected_to()}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


class ExamFilter(SimpleListFilter):
    """The newest exams, and the one that is chosen however old it is."""

    title = _("Exam")
    parameter_name = "exam"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002
        person = person_of(request)
        return [(str(pk), title) for pk, title in queries.titles_of_exams(person)[:20]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Scan]) -> QuerySet[Scan]:  # noqa: ARG002
        value = self.value()
        if value is None:
            return queryset
        is_id = value.isascii() and value.isdigit() and len(value) < 19
        return queryset.filter(exam_id=int(value)) if is_id else queryset.none()


academy_desk.menu.append(
    MenuEntry(
        _("Exams and sheets"),
        _("Sheets to check"),
        "fact_check",
        "exams_scan_changelist",
        Permission.VIEW_SCANS,
        23,
        query=f"?{REVIEW}=1",
    )
)


@register(Scan, site=academy_desk)
class ScanAdmin(DeskAdmin):
    name: ClassVar = _("Answer sheet")
    plural: ClassVar = _("Answer sheets")
    permissions: ClassVar = {"view": Permission.VIEW_SCANS}
    # The picture says more than we read.
    personal: ClassVar = {"list": about(), "detail": about(is_recorded=True)}
    listed: ClassVar = ("student", "student_id")
    list_display = ("who", "exam_title", "match_shown", "points_shown", "unsure", "read")
    list_filter = (ReviewFilter, ExamFilter)
    list_select_related = ("exam", "student", "job")
    search_fields = ("student__name", "number_read")
    search_help_text = _("Name or number")

    def visible_to(self, person: User) -> QuerySet[Scan]:
        return queries.scans_visible_to(person)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scan]:
        rows: QuerySet[Scan] = super().get_queryset(request)
        return rows.only(
            "page_index", "number_read", "match", "points", "max_points", "unsure_count", "read_at", "tenant_id",
            "exam__title", "exam__tenant_id", "student__name", "student__number", "student__tenant_id", "job__state",
            "job__tenant_id",
        )  # fmt: skip

    @display(description=_("Student"))
    def who(self, scan: Scan) -> str:
        if scan.student is not None:
            return str(scan.student)
        return scan.number_read or "–"

    @display(description=_("Exam"))
    def exam_title(self, scan: Scan) -> str:
        return scan.exam.title

    @display(description=_("State"))
    def match_shown(self, scan: Scan) -> SafeString:
        return match_label(scan)

    @display(description=_("Points"))
    def points_shown(self, scan: Scan) -> str:
        return points_text(scan)

    @display(description=_("Unsure answers"))
    def unsure(self, scan: Scan) -> SafeString | str:
        return label(str(scan.unsure_count), "warning") if scan.unsure_count else ""

    @display(description=_("Read"))
    def read(self, scan: Scan) -> str:
        return moment(scan.read_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = _("Sheets to check") if request.GET.get(REVIEW) == "1" else self.opts.verbose_name_plural
        return super().changelist_view(request, {"title": str(title), **(extra_context or {})})

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        person = person_of(request)
        found = queries.with_corrections(queries.scans_with_job_and_student(person).select_related("exam"))
        scan: Scan | None = found.filter(pk=object_id).first()
        if scan is None:
            raise Missing
        self.note(request, [scan])
        current = self.admin_site.name
        shown: dict[str, Any] = {
            "title": str(scan.student) if scan.student is not None else _("Answer sheet"),
            "scan": scan,
            "page_number": scan.page_index + 1,
            "match": match_label(scan),
            "points": points_text(scan),
            "exam_url": reverse("admin:exams_exam_change", args=[scan.exam_id], current_app=current),
            "batch_url": reverse("admin:exams_batch_change", args=[scan.batch_id], current_app=current),
            "reason": text_of(scan.job.error_code) if scan.job is not None else "",
            "is_live": is_unfinished(scan.job),
            "answers": [],
            "overlay_url": "",
            "corrections": corrections_shown(standing(scan)),
            "can_review": person.may(Permission.REVIEW_SCANS),
            "is_asked": bool(scan.asked_count) or is_failed(scan) or asked_objections().filter(scan=scan).exists(),
            "inbox_url": step_url(Step.CHECK, scan.exam_id) + f"?scan={scan.pk}",
            "correct_url": self.url("correct-one", scan.pk),
            "is_set_aside": scan.match == Match.SET_ASIDE,
            "crumbs": [
                (self.opts.verbose_name_plural, self.url("changelist")),
                (scan.exam.title, self.url("changelist") + f"?exam={scan.exam_id}"),
            ],
        }
        if scan.reading is not None:
            reading = effective_reading(scan)
            scored = {
                answer.label: answer for answer in queries.rules_of_exam(scan.exam_id).score(scan, reading).answers
            }
            outcomes = {name: answer.outcome for name, answer in scored.items()}
            corrected = {said.label for said in standing(scan)}
            shown["answers"] = [
                {
                    "name": f"{ANSWER}{field.label}",
                    "label": field.label.removeprefix("q"),
                    "is_corrected": field.label in corrected,
                    "values": " ".join(field.values) or "–",
                    "outcome": label(*OUTCOMES[outcomes.get(field.label, Outcome.NO_KEY)]),
                    "percent": round(field.confidence * 100),
                    "is_unsure": outcomes.get(field.label) == Outcome.UNSURE,
                }
                for field in reading.fields
                if field.label in outcomes  # another maker's sheet has its student number among the fields
            ] + [
                {
                    "name": f"{ESSAY}{essay.label}",
                    "label": essay.label.removeprefix("q"),
                    "is_corrected": False,
                    "values": _points_given(scored.get(essay.label)),
                    "outcome": label(*OUTCOMES[outcomes.get(essay.label, Outcome.NO_KEY)]),
                    "percent": None,
                    "is_unsure": outcomes.get(essay.label) == Outcome.AWAITED,
                }
                for essay in reading.essays
            ]
            shown["overlay_url"] = s3.presign_get(scan.overlay_key)
            shown["read"] = moment(scan.read_at)
        return self.render(request, "exams/scan.html", shown)


def is_failed(scan: Scan) -> bool:
    return scan.reading is None and scan.job is not None and scan.job.state == JobState.FAILED


def _points_given(answer: ScoredAnswer | None) -> str:
    return f"{answer.points.normalize():f}" if answer is not None and answer.points is not None else "–"


def points_text(scan: Scan) -> str:
    """``17 / 20``; "–" while there is nothing to count."""
    if scan.points is None or scan.max_points is None:
        return "–"
    return f"{scan.points.normalize():f} / {scan.max_points.normalize():f}"
