"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import Permission
from apps.exams.models import Batch, Correction, Exam, Objection, Publication, Scan, SheetSet
from apps.exams.queries import exams_visible_to
from apps.trash.kinds import Kind, register

EXAM: Final = register(
    Kind(
        model=Exam,
        name=_("Exam"),
        permission=Permission.MANAGE_EXAMS,
        visible_to=exams_visible_to,
        title=lambda exam: exam.title,
        lost={
            Batch: _("Files handed in"),
            Scan: _("Answer sheets with their results"),
            Correction: _("Corrections by people"),
            Objection: _("Objections by students"),
            Publication: _("Publications of the results"),
            SheetSet: _("Files of sheets to print"),
        },
        also=(Batch, Scan),
    )
)
