"""What lectures say about people: who watches what, and how far."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.lectures.models import Lecture, LectureProgress, LectureRendition, VideoPlaybackSession

HOLDINGS = (
    Holding(
        model=VideoPlaybackSession,
        about=lambda subject: Q(user__in=subject.users) | Q(student__in=subject.students),
        fate=Fate.DELETED,
        hidden=frozenset({"token_hash", "browser", "user_id"}),
    ),
    Holding(model=LectureProgress, about=lambda subject: Q(student__in=subject.students), fate=Fate.DELETED),
    Holding(
        model=Lecture,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    LectureRendition: "the lecture's own film in another quality; who made the lecture stands with the lecture",
}
