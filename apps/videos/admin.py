"""Videos on the desk: hand one in, follow the search for its pages, look at what was found."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from academy.desk.forms import DeskForm, SentFiles
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import page
from academy.desk.sending import FILMS, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import OWN, about, note_subjects
from academy.http.errors import Missing
from academy.jobs.admin import state_label
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.trash.admin import REMOVED, removal_page, remove_url
from apps.videos import queries, services
from apps.videos.deleting import VIDEO
from apps.videos.models import Video, VideoPage


class VideoForm(DeskForm):
    title = forms.CharField(
        label=_("Name of the video"),
        max_length=120,
        required=False,
        help_text=_("Left empty, the name of the file."),
        widget=forms.TextInput(attrs={"placeholder": _("Notebook of chapter 3")}),
    )
    uploads = SentFiles()


@register(Video, site=academy_desk)
class VideoAdmin(DeskAdmin):
    name: ClassVar = _("Video")
    plural: ClassVar = _("Videos")
    permissions: ClassVar = {"view": Permission.VIEW_VIDEOS, "add": Permission.SUBMIT_VIDEOS}
    personal: ClassVar = {"list": about(), "detail": about(), "add": OWN}
    listed: ClassVar = ("user", "created_by_id")
    entry: ClassVar = MenuEntry(
        _("Materials"), _("Videos"), "movie", "videos_video_changelist", Permission.VIEW_VIDEOS, 36
    )
    add_title: ClassVar = _("Send a video")
    list_subtitle: ClassVar = _(
        "Films of notebooks and slides: of every page that lies still one sharp picture is kept."
    )
    is_live_list = True
    list_display = ("shown_title", "by", "sent", "pages_found", "state")
    search_fields = ("title", "created_by__name")
    search_help_text = _("Title or who sent it")
    found_by = ("title",)
    found_beside = "created_by__name"

    def visible_to(self, person: User) -> QuerySet[Video]:
        return queries.videos_visible_to(person)

    @display(description=_("Name of the video"))
    def shown_title(self, video: Video) -> str:
        return video.title

    @display(description=_("Sent by"))
    def by(self, video: Video) -> str:
        return video.created_by.name if video.created_by is not None else "–"

    @display(description=_("Sent"))
    def sent(self, video: Video) -> str:
        return moment(video.created_at)

    @display(description=_("Pages"))
    def pages_found(self, video: Video) -> str:
        if video.page_count is None:
            return "–"
        return f"{video.page_count}+" if video.is_truncated else str(video.page_count)

    @display(description=_("State"))
    def state(self, video: Video) -> SafeString:
        return state_of(video)

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            video = services.submit_video(title=given["title"], upload_id=upload_id, created_by=by)
            return self.url("change", video.pk)

        return send_first(
            self,
            request,
            VideoForm(request.POST or None),
            take,
            FILMS,
            title=self.add_title,
            submit=_("Send"),
            lead=_("Show each page for two seconds or more, flat and in good light. At most 15 pages are kept."),
            drop=_("Drop a video here"),
        )

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        person = person_of(request)
        video = queries.video_with_pages(person, object_id)
        if video is None:
            raise Missing
        if video.created_by_id is not None:
            note_subjects(request, "user", [video.created_by_id])
        job = video.job
        shown = {
            "delete_url": remove_url(self, request, VIDEO, video),
            "title": video.title,
            "video": video,
            "state": state_of(video),
            "sent": moment(video.created_at),
            "length": _clock(video.seconds) if video.seconds is not None else "",
            "percent": round(100 * job.progress) if job is not None else 0,
            "is_live": is_unfinished(job),
            "reason": text_of(job.error_code) if job is not None else "",
            "pages": [_page(page) for page in video.pages.all()],
        }
        return self.render(request, "videos/video.html", shown)

    @page("<int:object_id>/remove/", "remove", REMOVED, GET=Permission.SUBMIT_VIDEOS, POST=Permission.SUBMIT_VIDEOS)
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, VIDEO, object_id)


def state_of(video: Video) -> SafeString:
    """Where the search for its pages is; what is not all there is no plain success."""
    job = video.job
    if job is None:
        return label(_("Waiting"))
    if job.state == JobState.SUCCEEDED and (video.is_truncated or video.is_timed_out or video.is_cut_off):
        return label(_("Not all pages"), "warning")
    return state_label(job.state)


def _page(page: VideoPage) -> dict[str, Any]:
    return {
        "number": page.position,
        "at": _clock(page.at_seconds),
        "stays": ", ".join(f"{_clock(start)}–{_clock(end)}" for start, end in page.stays),
        "picture_url": s3.presign_get(page.picture_key),
        "thumbnail_url": s3.presign_get(page.thumbnail_key),
    }


def _clock(seconds: float) -> str:
    """Minutes and seconds, as players show them."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
