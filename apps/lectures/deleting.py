"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import Permission
from apps.lectures.models import Lecture, LectureProgress
from apps.lectures.queries import lectures_visible_to
from apps.trash.kinds import Kind, register

LECTURE: Final = register(
    Kind(
        model=Lecture,
        name=_("Lecture"),
        permission=Permission.MANAGE_LECTURES,
        visible_to=lectures_visible_to,
        title=lambda lecture: lecture.title,
        lost={LectureProgress: _("Students who have watched it")},
    )
)
