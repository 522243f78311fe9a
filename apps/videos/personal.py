"""What videos say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.jobs.models import UNFINISHED_STATES, Job
from academy.jobs.personal import EMPTIED_JOB, EMPTIED_JOB_SHOWN
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.holdings import Fate, Holding, Subject
from apps.accounts.roles import STAFF_ROLES
from apps.videos.models import Video, VideoPage


def _own(subject: Subject) -> Q:
    """What a student hands in shows the student's own work. What staff hand in is the academy's."""
    return Q(created_by__in=subject.users) & ~Q(created_by__role__in=STAFF_ROLES)


def _is_being_watched(subject: Subject) -> bool:
    """Whether pages of theirs are being looked for: what is erased now would be written again."""
    return Video.objects.filter(_own(subject), job__state__in=UNFINISHED_STATES).exists()


def _folder(video: Video) -> str:
    # The whole of it: every attempt at finding the pages wrote pictures of its own.
    return s3.tenant_key("video-pages", str(video.pk)) + "/"


HOLDINGS = (
    Holding(
        model=Upload,
        about=lambda subject: Q(pk__in=Video.objects.filter(_own(subject)).values("upload_id")),
        fate=Fate.EMPTIED,
        emptied={"file_name": "", "state": UploadState.ERASED},
        shown=("id", "created_at", "content_type", "byte_count"),
        files=lambda upload: [upload.key],
        is_busy=_is_being_watched,
    ),
    Holding(
        model=Job,
        about=lambda subject: Q(pk__in=Video.objects.filter(_own(subject)).values("job_id")),
        fate=Fate.EMPTIED,
        emptied=EMPTIED_JOB,
        shown=EMPTIED_JOB_SHOWN,
    ),
    Holding(
        model=VideoPage,
        about=lambda subject: Q(video__in=Video.objects.filter(_own(subject))),
        fate=Fate.DELETED,
        hidden=frozenset({"picture_key", "thumbnail_key"}),
        pictures=lambda page: [page.picture_key],
        files=lambda page: [page.picture_key, page.thumbnail_key],
    ),
    Holding(model=Video, about=_own, fate=Fate.DELETED, files=lambda video: [_folder(video)]),
    Holding(
        model=Video,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
