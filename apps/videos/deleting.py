"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.trash.kinds import Kind, register
from apps.videos.models import Video, VideoPage
from apps.videos.queries import videos_visible_to


def _videos_of(person: User) -> QuerySet[Video]:
    """All of them for who sees everything; of the others' each deletes their own."""
    seen = videos_visible_to(person)
    return seen if person.sees_everything else seen.filter(created_by=person)


VIDEO: Final = register(
    Kind(
        model=Video,
        name=_("Video"),
        permission=Permission.SUBMIT_VIDEOS,
        visible_to=_videos_of,
        is_makers=True,
        title=lambda video: video.title,
        lost={VideoPage: _("Pages found in it")},
    )
)
