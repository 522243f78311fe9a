"""What student records say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.students.models import GuardianConsent, Guardianship, Student

HOLDINGS = (
    Holding(
        model=Guardianship,
        about=lambda subject: Q(user__in=subject.users) | Q(student__in=subject.students),
        fate=Fate.DELETED,
    ),
    Holding(
        model=GuardianConsent,
        about=lambda subject: Q(student__in=subject.students),
        fate=Fate.DELETED,
        shown=("how", "text_version", "text_language", "consented_at", "withdrawn_at"),
    ),
    Holding(
        model=GuardianConsent,
        about=lambda subject: Q(guardian__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"guardian": None, "signed_by": ""},
        shown=("signed_by", "how", "text_version", "text_language", "consented_at", "withdrawn_at"),
    ),
    Holding(model=Student, about=lambda subject: Q(pk__in=subject.students), fate=Fate.DELETED),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
