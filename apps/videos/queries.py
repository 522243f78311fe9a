"""What the API shows of videos. Each query loads all that its serializer touches."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from apps.accounts.models import User
from apps.accounts.roles import STAFF_ROLES
from apps.videos.models import Video, VideoPage


def videos_visible_to(person: User) -> QuerySet[Video]:
    """Everybody's for staff; others see what they handed in themselves."""
    videos = Video.objects.select_related("job", "upload", "created_by")
    return videos if person.role in STAFF_ROLES else videos.filter(created_by=person)


def video_with_pages(person: User, video_id: int) -> Video | None:
    pages = Prefetch("pages", queryset=VideoPage.objects.order_by("position"))
    return videos_visible_to(person).prefetch_related(pages).filter(pk=video_id).first()
