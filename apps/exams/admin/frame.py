"""What the pages of one exam have in common: the steps of its way, and how far along it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from academy.desk.site import academy_desk
from academy.http.errors import Missing
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries
from apps.exams.inbox import open_pages_of_exam
from apps.exams.models import Exam, Maker
from apps.exams.publishing import publication_of
from apps.exams.scoring import KeyedQuestion


class Step(StrEnum):
    """The pages of an exam, in the order of its way. The values are the ends of their URLs' names."""

    KEY = "key"
    PRINT = "sheets"
    HAND_IN = "hand-in"
    CHECK = "inbox"
    PUBLISH = "publish"
    ANALYSE = "analysis"


_WORDS: Final[Mapping[Step, tuple[str | Promise, str, Permission]]] = {
    Step.KEY: (_("Answer key"), "key", Permission.MANAGE_EXAMS),
    Step.PRINT: (_("Print"), "print", Permission.SUBMIT_SCANS),
    Step.HAND_IN: (_("Hand in"), "upload_file", Permission.SUBMIT_SCANS),
    Step.CHECK: (_("Check the sheets"), "fact_check", Permission.REVIEW_SCANS),
    Step.PUBLISH: (_("Publish"), "campaign", Permission.MANAGE_EXAMS),
    Step.ANALYSE: (_("Analysis"), "monitoring", Permission.VIEW_SCANS),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an exam is. ``open_count``: pages that somebody has to look at, or that are not read yet: what publishing
    waits for."""

    key: list[KeyedQuestion]
    is_printed: bool
    progress: queries.ExamProgress
    open_count: int
    is_published: bool

    @property
    def has_key(self) -> bool:
        return any(question.is_keyed for question in self.key)

    @property
    def check_count(self) -> int:
        return self.open_count + self.progress.objected

    def is_done(self, step: Step) -> bool:
        match step:
            case Step.KEY:
                return self.has_key
            case Step.PRINT:
                return self.is_printed
            case Step.HAND_IN:
                return self.progress.page_count > 0
            case Step.CHECK:
                return self.progress.page_count > 0 and not self.check_count
            case Step.PUBLISH | Step.ANALYSE:
                return self.is_published


def exam_of(person: User, exam_id: int) -> Exam:
    """The exam with its layout. Raises ``Missing``."""
    exam: Exam | None = queries.exams_visible_to(person).select_related("layout").filter(pk=exam_id).first()
    if exam is None:
        raise Missing
    return exam


def standing_of(exam: Exam) -> Standing:
    progress = queries.progress_of_exams([exam.pk])[exam.pk]
    return Standing(
        key=queries.key_of_exam(exam.pk),
        is_printed=progress.page_count > 0 or exam.sheet_sets.exists(),
        progress=progress,
        open_count=open_pages_of_exam(exam.pk),
        is_published=publication_of(exam.pk) is not None,
    )


def step_url(step: Step, exam_id: int) -> str:
    current = academy_desk.name
    if step is Step.HAND_IN:
        return reverse("admin:exams_batch_add", current_app=current) + f"?exam={exam_id}"
    return reverse(f"admin:exams_exam_{step.value}", args=[exam_id], current_app=current)


def exam_url(exam_id: int) -> str:
    return reverse("admin:exams_exam_change", args=[exam_id], current_app=academy_desk.name)


def steps_of(person: User, exam: Exam, standing: Standing, here: Step | None = None) -> list[dict[str, Any]]:
    """The steps that ``person`` may take, for ``exams/steps.html``."""
    shown = [
        step
        for step, (_title, _icon, permission) in _WORDS.items()
        if person.may(permission) and (step is not Step.PRINT or exam.layout.maker == Maker.OWN)
    ]
    return [
        {
            "title": _WORDS[step][0],
            "icon": _WORDS[step][1],
            "url": step_url(step, exam.pk),
            "is_done": standing.is_done(step),
            "is_here": step is here,
            "count": standing.check_count if step is Step.CHECK else 0,
        }
        for step in shown
    ]


def render_step(
    request: HttpRequest, exam: Exam, step: Step, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of ``exam``, with its steps above it."""
    person = person_of(request)
    standing = standing_of(exam)
    shown = {
        "title": _WORDS[step][0],
        "exam": exam,
        "standing": standing,
        "steps": steps_of(person, exam, standing, step),
        "crumbs": [
            (_("Exams"), reverse("admin:exams_exam_changelist", current_app=academy_desk.name)),
            (exam.title, exam_url(exam.pk)),
        ],
        **context,
    }
    return academy_desk.render(request, template, shown, status=status)
