"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.homework.models import Assignee, Assignment, PageReading, Submission, Worksheet, WorksheetPage
from apps.homework.queries import assignments_visible_to
from apps.trash.kinds import Kind, register


def _worksheets_of(person: User) -> QuerySet[Worksheet]:
    """All of them for who sees everything; of the others' each deletes their own."""
    return Worksheet.objects.all() if person.sees_everything else Worksheet.objects.filter(created_by=person)


ASSIGNMENT: Final = register(
    Kind(
        model=Assignment,
        name=_("Homework"),
        permission=Permission.MANAGE_HOMEWORK,
        visible_to=assignments_visible_to,
        title=lambda assignment: assignment.title,
        lost={
            Assignee: _("Students who have to do it"),
            Submission: _("Homework handed in"),
            PageReading: _("Pages read, with what was corrected"),
        },
        also=(Submission,),
    )
)
WORKSHEET: Final = register(
    Kind(
        model=Worksheet,
        name=_("Worksheet"),
        permission=Permission.MANAGE_HOMEWORK,
        visible_to=_worksheets_of,
        is_makers=True,
        title=lambda worksheet: worksheet.title,
        lost={WorksheetPage: _("Pages with their problems")},
        refusal=_("It was given as homework. Delete that homework first."),
    )
)
