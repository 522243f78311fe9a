"""The inbox of an exam at the desk: one page after the other, the pieces of it that a person is asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.pages import Page, note_error
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import DomainError, Invalid, Missing
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, services
from apps.exams.admin.frame import Step, exam_of, render_step, step_url
from apps.exams.asking import Ask
from apps.exams.inbox import InboxItem, InboxPage, asked_pages, inbox_pages
from apps.exams.kinds import QuestionKind
from apps.exams.models import Correction, CorrectionKind, Exam, Match, Scan
from apps.exams.objecting import MAX_NOTE_CHARACTERS, accept_objection, keep_reading
from apps.exams.reviewing import Said, correct_scan
from apps.exams.scoring import KeyedQuestion
from apps.exams.serializers import MAX_ANSWER_CHARACTERS, MAX_POINTS
from apps.exams.services import MAX_LABELS

ANSWER: Final = "answer:"
ESSAY: Final = "essay:"
OBJECTION: Final = "objection:"
REPLY: Final = "reply:"
ACCEPT, KEEP = "accept", "keep"
BLANK: Final = "-"
_MAX_VALUES: Final = 10
_MAX_SCALE: Final = 2.5
_MAX_HEIGHT_PIXELS: Final = 320
_MAX_ID_DIGITS: Final = 18

_QUESTIONS: Final = {
    Ask.ANSWER: _("What was meant?"),
    Ask.ESSAY: _("How many points?"),
    Ask.VERSION: _("Which version is it?"),
    Ask.STUDENT: _("Whose sheet is it?"),
    Ask.DUPLICATE: _("Handed in twice with different answers: which one counts?"),
    Ask.PAGE_FAILED: _("This page could not be read."),
    Ask.OBJECTION: _("The student says that this was read wrong"),
}
_WHY_NOBODYS: Final = {
    Match.NUMBER_UNREADABLE: _("The number cannot be read for sure."),
    Match.NUMBER_UNKNOWN: _("No student has this number."),
    Match.NUMBER_CONTRADICTS: _("The sheet was printed for somebody else than the number on it says."),
    Match.NO_NUMBER: _("No number is filled in."),
}


def inbox(request: HttpRequest, object_id: int) -> HttpResponse:
    """The next page that somebody has to look at: the one after ``?after=``, or ``?scan=`` itself."""
    person = person_of(request)
    exam = exam_of(person, object_id)
    asked = asked_pages(exam.pk).order_by("pk")
    wanted, after = _id(request.GET.get("scan", "")), _id(request.GET.get("after", ""))
    scan: Scan | None = asked.filter(pk=wanted).first() if wanted else None
    if scan is None and after:
        scan = asked.filter(pk__gt=after).first()
    if scan is None:
        scan = asked.first()
    shown: dict[str, Any] = {"inbox_url": step_url(Step.CHECK, exam.pk), "last_url": "", "page": None}
    done = _id(request.GET.get("done", ""))
    if done and queries.scans_visible_to(person).filter(pk=done, exam=exam).exists():
        shown["last_url"] = _scan_url(done)
    if scan is not None:
        [page] = inbox_pages(exam, [scan], person=person)
        proposed = [student.pk for item in page.items for student in item.proposals]
        note_subjects(request, "student", proposed + ([scan.student_id] if scan.student_id is not None else []))
        shown |= _page(exam, page)
    else:
        shown["publish_url"] = step_url(Step.PUBLISH, exam.pk) if person.may(Permission.MANAGE_EXAMS) else ""
    return render_step(request, exam, Step.CHECK, "exams/inbox.html", shown)


def _page(exam: Exam, page: InboxPage) -> dict[str, Any]:
    scan = page.scan
    key = {question.label: question for question in queries.key_of_exam(exam.pk)}
    picture_url = s3.presign_get(scan.overlay_key or scan.source_key)
    return {
        "page": page,
        "scan": scan,
        "is_failed": scan.reading is None,
        "picture_url": picture_url,
        "items": [_item(item, scan, key.get(item.question), picture_url) for item in page.items],
        "is_saved": any(item.kind != Ask.PAGE_FAILED for item in page.items),
        "correct_url": reverse("admin:exams_scan_correct", args=[scan.pk], current_app=academy_desk.name),
        "scan_url": _scan_url(scan.pk),
        "skip_url": step_url(Step.CHECK, exam.pk) + f"?after={scan.pk}",
    }


def _item(item: InboxItem, scan: Scan, question: KeyedQuestion | None, page_url: str) -> dict[str, Any]:
    width, height = _shown_size(item.box) if item.box else (0, 0)
    choices = sorted((candidate for candidate in item.candidates), key=lambda one: (len(one.value), one.value))
    return {
        "kind": item.kind.value,
        "label": item.label,
        "number": item.label.removeprefix("q"),
        "title": _QUESTIONS[item.kind],
        "why": _WHY_NOBODYS.get(Match(scan.match), "") if item.kind == Ask.STUDENT else "",
        "message": item.message,
        "read": " ".join(item.values),
        "percent": round(item.confidence * 100) if item.confidence is not None else None,
        "choices": [
            {"value": one.value, "ink": round(one.ink, 2), "key": place} for place, one in enumerate(choices, 1)
        ],
        "has_several": question is not None and question.kind is QuestionKind.SEVERAL,
        "points": question.points if question is not None else None,
        "box": item.box,
        "width": width,
        "height": height,
        "picture_url": s3.presign_get(item.picture_key) if item.picture_key else page_url,
        "has_own_picture": bool(item.picture_key),
        "proposals": [{"student": student, "key": place} for place, student in enumerate(item.proposals, 1)],
        "rival_url": _scan_url(item.rival) if item.rival else "",
        "objection": _objection(item),
        "contradictions": ", ".join(name.removeprefix("q") for name in item.contradictions),
    }


def _objection(item: InboxItem) -> dict[str, Any] | None:
    """What the student says; ``is_decided`` here and not by what else is asked of the same place."""
    objection = item.objection
    if objection is None:
        return None
    said = objection.values
    return {
        "id": objection.pk,
        "says": None if said is None else " ".join(said) or gettext("Blank"),
        "note": objection.note,
        "is_decided": item.kind == Ask.OBJECTION,
        "is_essay": said is None and bool(objection.label),
    }


def _shown_size(box: Sequence[int]) -> tuple[int, int]:
    """Of a piece of the picture, larger than life but no taller than a hand on a tablet, in pixels of the screen."""
    scale = min(_MAX_SCALE, _MAX_HEIGHT_PIXELS / box[3])
    return round(box[2] * scale), round(box[3] * scale)


def correct(request: HttpRequest, object_id: int) -> HttpResponse:
    """Take what a person says of a page, and go on to the next."""
    by = person_of(request)
    scan = _scan(request, by, object_id)
    back = step_url(Step.CHECK, scan.exam_id)
    if not _do(request, lambda: _correct(by, scan, request.POST)):
        return HttpResponseRedirect(f"{back}?scan={scan.pk}")
    return HttpResponseRedirect(f"{back}?after={scan.pk}&done={scan.pk}")


def correct_one(request: HttpRequest, object_id: int) -> HttpResponse:
    """Correct what nobody asked about, or take back what was said; from the page of the sheet and back to it."""
    by = person_of(request)
    scan = _scan(request, by, object_id)
    undone = _id(request.POST.get("undo", ""))

    def change() -> None:
        if undone:
            _take_back(by, scan, undone)
        else:
            _correct(by, scan, request.POST)

    if _do(request, change):
        messages.success(request, gettext("Saved."))
    return HttpResponseRedirect(_scan_url(scan.pk))


def _do(request: HttpRequest, change: Callable[[], None]) -> bool:
    """Whether it went well; what was wrong with it is told on the next page. Raises ``Missing``."""
    try:
        with transaction.atomic():  # all that was said of the page, or nothing
            change()
    except Missing:
        raise
    except DomainError as error:
        note_error(request, error)
        messages.error(request, error.message)
        return False
    return True


def _scan(request: HttpRequest, by: User, scan_id: int) -> Scan:
    scan: Scan | None = queries.scans_visible_to(by).select_related("exam").filter(pk=scan_id).first()
    if scan is None:
        raise Missing
    if scan.student_id is not None:
        note_subjects(request, "student", [scan.student_id])
    return scan


def _take_back(by: User, scan: Scan, correction_id: int) -> None:
    said: Correction | None = scan.corrections.filter(pk=correction_id, undone_at=None).first()
    if said is not None:  # else somebody else took it back already
        correct_scan(scan_id=scan.pk, said=[Said(CorrectionKind(said.kind), None, said.label)], by=by)


def _correct(by: User, scan: Scan, form: QueryDict) -> None:
    rival = _id(form.get("rival", ""))
    if rival:
        correct_scan(scan_id=rival, said=[Said(CorrectionKind.COUNTS, ())], by=by)
        return
    said, points, decided = _said(by, scan, form), _points(form), _decided(scan, form)
    if not said and not points and not decided:
        raise Invalid(gettext("Nothing was chosen."))
    if not any(one.kind == CorrectionKind.SET_ASIDE for one in said):
        for objection_id, (is_accepted, reply) in decided.items():
            if is_accepted:
                accept_objection(by=by, objection_id=objection_id)
            else:
                keep_reading(by=by, objection_id=objection_id, reply=reply)
    if said:
        correct_scan(scan_id=scan.pk, said=said, by=by)
    if points and not any(one.kind == CorrectionKind.SET_ASIDE for one in said):
        services.give_essay_points(by=by, scan_id=scan.pk, points=points)


def _said(by: User, scan: Scan, form: QueryDict) -> list[Said]:
    if "set_aside" in form:
        return [Said(CorrectionKind.SET_ASIDE, ())]
    said = []
    for name in list(form)[:MAX_LABELS]:
        values = [value.strip() for value in form.getlist(name) if value.strip()]
        if not name.startswith(ANSWER) or not values:
            continue
        if len(values) > _MAX_VALUES or any(len(value) > MAX_ANSWER_CHARACTERS for value in values):
            raise Invalid(gettext("That is no answer."))
        meant = tuple(value for value in values if value != BLANK)
        said.append(Said(CorrectionKind.ANSWER, meant, name.removeprefix(ANSWER)))
    student = _student(by, scan, form)
    if student is not None:
        said.append(Said(CorrectionKind.STUDENT, (), student=student))
    version = form.get("version", "")
    if version:
        said.append(Said(CorrectionKind.VERSION, (version[:1],)))
    if "counts" in form:
        said.append(Said(CorrectionKind.COUNTS, ()))
    return said


def _decided(scan: Scan, form: QueryDict) -> dict[int, tuple[bool, str]]:
    """By objection to this page, whether the student is right, and the sentence back."""
    asked = {f"{OBJECTION}{pk}": pk for pk in scan.objections.values_list("pk", flat=True)}
    return {
        pk: (form[name] == ACCEPT, form.get(f"{REPLY}{pk}", "").replace("\0", "").strip()[:MAX_NOTE_CHARACTERS])
        for name, pk in asked.items()
        if form.get(name) in (ACCEPT, KEEP)
    }


def _student(by: User, scan: Scan, form: QueryDict) -> int | None:
    """Who was chosen, or whose number was typed; a typed number wins, as somebody took the trouble."""
    number = form.get("number", "").strip()
    if not number:
        return _id(form.get("student", "")) or None
    found = queries.student_by_number(scan.exam, by, number[:20])
    if found is None:
        raise Invalid(gettext("No student has the number {number}.").format(number=number[:20]))
    return found.pk


def _points(form: QueryDict) -> Mapping[str, Decimal]:
    given = {}
    for name in list(form)[:MAX_LABELS]:
        text = form.get(name, "").strip()
        if not name.startswith(ESSAY) or not text:
            continue
        try:
            points = Decimal(text)
        except InvalidOperation:
            points = Decimal("NaN")
        if not (points.is_finite() and 0 <= points <= MAX_POINTS and points == points.quantize(Decimal("0.01"))):
            raise Invalid(gettext('"{text}" is no number of points.').format(text=text[:20]))
        given[name.removeprefix(ESSAY)] = points
    return given


def _id(text: str) -> int:
    """An id out of an address or a form; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS else 0


def _scan_url(scan_id: int) -> str:
    return reverse("admin:exams_scan_change", args=[scan_id], current_app=academy_desk.name)


def corrections_shown(corrections: Sequence[Correction]) -> list[dict[str, Any]]:
    """What people said of a page, for its page at the desk."""
    return [{"id": said.pk, "text": _in_words(said), "by": said.by.name if said.by else "–"} for said in corrections]


def _in_words(said: Correction) -> str:
    match CorrectionKind(said.kind):
        case CorrectionKind.ANSWER:
            return gettext("Question {number}: {answer}").format(
                number=said.label.removeprefix("q"), answer=" ".join(said.values) or gettext("Blank")
            )
        case CorrectionKind.STUDENT:
            return gettext("Sheet of {student}").format(student=said.student or "–")
        case CorrectionKind.VERSION:
            return gettext("Version {name}").format(name=" ".join(said.values))
        case CorrectionKind.COUNTS:
            return gettext("This sheet counts")
        case CorrectionKind.SET_ASIDE:
            return gettext("Set aside")


_ABOUT = about(is_recorded=True)  # the picture says more than we read; whom it names is noted
_REVIEWED: Final = Permission.REVIEW_SCANS

for _path, _name, _view, _method in (
    ("exams/exam/<int:object_id>/inbox/", "exams_exam_inbox", inbox, "GET"),
    ("exams/scan/<int:object_id>/correct/", "exams_scan_correct", correct, "POST"),
    ("exams/scan/<int:object_id>/correct-one/", "exams_scan_correct-one", correct_one, "POST"),
):
    academy_desk.add_page(Page(_path, _name, _view, {_method: _REVIEWED}, {_method: _ABOUT}))
