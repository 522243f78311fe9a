"""Lectures on the desk: sent, looked at, published, and who has watched how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, SentFiles
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page, show_error
from academy.desk.sending import FILMS, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL, about, note_subjects
from academy.http.errors import DomainError, Missing
from academy.jobs.admin import state_label
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from academy.jobs.wording import state_text
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.courses.queries import courses_visible_to
from apps.lectures import queries, services
from apps.lectures.deleting import LECTURE
from apps.lectures.models import Lecture
from apps.lectures.watching import share_of
from apps.trash.admin import REMOVED, removal_page, remove_url

_MANAGED: Final = Permission.MANAGE_LECTURES


class NewLectureForm(DeskForm):
    course = forms.TypedChoiceField(
        label=_("Course"), coerce=int, help_text=_("Whoever is in the course sees it once it is published.")
    )
    title = forms.CharField(
        label=_("Name of the lecture"),
        max_length=120,
        required=False,
        help_text=_("Left empty, the name of the file."),
        widget=forms.TextInput(attrs={"placeholder": _("Lesson 1: what a quadratic function is")}),
    )
    uploads = SentFiles()

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        courses = courses_visible_to(by).filter(is_archived=False).order_by("name", "pk").values_list("pk", "name")
        self.fields["course"].choices = [("", _("Choose a course")), *courses]  # type: ignore[attr-defined]


class LectureForm(DeskForm):
    title = forms.CharField(label=_("Name of the lecture"), max_length=120)
    position = forms.IntegerField(
        label=_("Place in the course"), min_value=1, max_value=services.MAX_POSITION, help_text=_("The first is 1.")
    )


@register(Lecture, site=academy_desk)
class LectureAdmin(DeskAdmin):
    name: ClassVar = _("Lecture")
    plural: ClassVar = _("Lectures")
    permissions: ClassVar = {"view": Permission.VIEW_LECTURES, "add": _MANAGED, "change": _MANAGED}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": about(), "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(
        _("Materials"), _("Lectures"), "smart_display", "lectures_lecture_changelist", Permission.VIEW_LECTURES, 35
    )
    add_title: ClassVar = _("Add a lecture")
    list_subtitle: ClassVar = _("Films of lessons, which students watch in their app once they are published.")
    is_live_list = True
    list_display = ("shown_title", "course_name", "place", "length", "begun", "state")
    list_select_related = ("course", "job")
    search_fields = ("title", "course__name")
    search_help_text = _("Name or course")
    found_by = ("title",)
    found_beside = "course__name"

    def visible_to(self, person: User) -> QuerySet[Lecture]:
        return queries.lectures_visible_to(person)

    def prepare(self, rows: Sequence[Lecture]) -> None:
        counts = queries.watched_counts([row.pk for row in rows])
        for row in rows:
            row.begun_count = counts[row.pk]  # type: ignore[attr-defined]  # for the column below

    @display(description=_("Name of the lecture"))
    def shown_title(self, lecture: Lecture) -> str:
        return lecture.title

    @display(description=_("Course"))
    def course_name(self, lecture: Lecture) -> str:
        return lecture.course.name

    @display(description=_("Place"))
    def place(self, lecture: Lecture) -> int:
        return lecture.position

    @display(description=_("Length"))
    def length(self, lecture: Lecture) -> str:
        return _clock(lecture.seconds) if lecture.seconds is not None else "–"

    @display(description=_("Watched by"))
    def begun(self, lecture: Any) -> int:
        return int(lecture.begun_count)

    @display(description=_("State"))
    def state(self, lecture: Lecture) -> SafeString:
        return state_of(lecture)

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            lecture = services.add_lecture(
                course_id=given["course"], title=given["title"], upload_id=upload_id, created_by=by
            )
            return self.url("change", lecture.pk)

        wished = {"course": request.GET["course"]} if "course" in request.GET else {}
        return send_first(
            self,
            request,
            NewLectureForm(request.POST or None, by=by, initial=wished),
            take,
            FILMS,
            title=self.add_title,
            submit=_("Send"),
            lead=_("It is made ready so that it starts at once on every phone. Then you look at it and publish it."),
            drop=_("Drop a video here"),
        )

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        person = person_of(request)
        lecture = self._lecture(request, object_id)
        kept = {"title": lecture.title, "position": lecture.position}
        form = LectureForm(request.POST or None, initial=kept)
        if request.method == "POST" and form.is_valid():
            try:
                services.change_lecture(lecture_id=lecture.pk, by=person, **form.cleaned_data)
            except DomainError as error:
                show_error(request, form, error)
            else:
                messages.success(request, gettext("Saved."))
                return HttpResponseRedirect(self.url("change", lecture.pk))
        watchers = queries.watchers_of(lecture)
        sessions = list(queries.running_sessions_visible_to(person).filter(lecture=lecture)[: queries.MAX_ROWS])
        note_subjects(request, "student", [watcher.student.pk for watcher in watchers])
        note_subjects(request, "user", [session.user_id for session in sessions])
        job, can_change = lecture.job, self.has_change_permission(request)
        shown = {
            "delete_url": remove_url(self, request, LECTURE, lecture),
            "title": lecture.title,
            "lecture": lecture,
            "state": state_of(lecture),
            "sent": moment(lecture.created_at),
            "published": moment(lecture.published_at),
            "length": _clock(lecture.seconds) if lecture.seconds is not None else "",
            "qualities": _qualities(lecture),
            "can_prepare": not is_unfinished(job)
            and (not lecture.is_ready or bool(job and job.error_code) or queries.lacks_renditions(lecture)),
            "percent": round(100 * job.progress) if job is not None else 0,
            "is_live": is_unfinished(job),
            "reason": text_of(job.error_code) if job is not None else "",
            "media_url": s3.presign_get(lecture.video_key) if lecture.is_ready else "",
            "poster_url": s3.presign_get(lecture.poster_key) if lecture.poster_key else "",
            "form": form if can_change else None,
            "watchers": [_watcher(watcher, lecture) for watcher in watchers],
            "sessions": [
                {
                    "row": session,
                    "since": moment(session.created_at),
                    "end_url": self.url("end", lecture.pk, session.pk) if can_change else "",
                }
                for session in sessions
            ],
            "urls": {name: self.url(name, lecture.pk) for name in ("publish", "withdraw", "prepare")},
        }
        return self.render(request, "lectures/lecture.html", shown)

    @page("<int:object_id>/publish/", "publish", NOT_PERSONAL, POST=_MANAGED)
    def publish(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The lecture is published. Students of the course see it in their app.")
        return self._change(request, object_id, is_published=True, done=done)

    @page("<int:object_id>/withdraw/", "withdraw", NOT_PERSONAL, POST=_MANAGED)
    def withdraw(self, request: HttpRequest, object_id: int) -> HttpResponse:
        done = gettext("The lecture is published no more. Whoever was watching it cannot go on.")
        return self._change(request, object_id, is_published=False, done=done)

    @page("<int:object_id>/prepare/", "prepare", NOT_PERSONAL, POST=_MANAGED)
    def prepare_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(
            request,
            object_id,
            lambda pk, by: services.prepare_again(lecture_id=pk, by=by),
            done=gettext("The lecture is being made ready again."),
        )

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=_MANAGED, POST=_MANAGED)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, LECTURE, object_id)

    @page("<int:object_id>/sessions/<int:session_id>/end/", "end", about(is_recorded=True), POST=_MANAGED)
    def end(self, request: HttpRequest, object_id: int, session_id: int) -> HttpResponse:
        """End somebody's watching."""
        person = person_of(request)
        lecture = self._lecture(request, object_id)
        running = queries.running_sessions_visible_to(person)
        session = running.filter(lecture=lecture, pk=session_id).first()
        if session is None:
            raise Missing
        note_subjects(request, "user", [session.user_id])

        def act() -> None:
            services.end_playback(session_id=session.pk, by=person)

        done = gettext("%(name)s cannot go on watching, until they open the lecture again.")
        back = self.url("change", lecture.pk)
        return carry_out(request, act, done=done % {"name": session.user.name}, back=back)

    def _lecture(self, request: HttpRequest, lecture_id: int) -> Lecture:
        lecture = queries.lectures_with_job(person_of(request)).filter(pk=lecture_id).first()
        if lecture is None:
            raise Missing
        return lecture

    def _act(
        self, request: HttpRequest, lecture_id: int, call: Callable[[int, User], object], *, done: str
    ) -> HttpResponse:
        lecture = self._lecture(request, lecture_id)
        back = self.url("change", lecture.pk)
        return carry_out(request, lambda: call(lecture.pk, person_of(request)), done=done, back=back)

    def _change(self, request: HttpRequest, lecture_id: int, *, is_published: bool, done: str) -> HttpResponse:
        def change(pk: int, by: User) -> None:
            services.change_lecture(lecture_id=pk, by=by, is_published=is_published)

        return self._act(request, lecture_id, change, done=done)


def state_of(lecture: Lecture) -> SafeString:
    """Published, ready for it, or where making it ready is; what is not whole is no plain success."""
    job = lecture.job
    if is_unfinished(job) or not lecture.is_ready:
        return state_label(job.state if job is not None else JobState.QUEUED)
    if lecture.published_at is None:
        return label(_("Not published"), "warning")
    if lecture.is_cut_off or lecture.is_timed_out:
        return label(_("Published, not whole"), "warning")
    return label(_("Published"), "success")


def _qualities(lecture: Lecture) -> str:
    """What players choose from, or how far that is; "" where there is nothing to be said."""
    found = queries.renditions_in_order(lecture)
    if found:
        return " / ".join(f"{min(one.width, one.height)}p · {one.average_bits / 1e6:.1f} Mbit/s" for one in found)
    job = lecture.renditions_job
    return "" if job is None else text_of(job.error_code) or str(state_text(job.state))


def _watcher(watcher: queries.Watcher, lecture: Lecture) -> dict[str, Any]:
    progress = watcher.progress
    share = share_of(progress.watched_seconds if progress else 0.0, lecture.seconds)
    return {
        "student": watcher.student,
        "percent": round(100 * share),
        "position": _clock(progress.position) if progress else "–",
        "last": moment(progress.watched_at) if progress else "–",
    }


def _clock(seconds: float) -> str:
    """Hours where there are any, minutes and seconds, as players show them."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
