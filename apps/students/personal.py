"""What student records say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.students.models import Guardianship, Student

HOLDINGS = (
    Holding(
        model=Guardianship,
        about=lambda subject: Q(user__in=subject.users) | Q(student__in=subject.students),
        fate=Fate.DELETED,
    ),
    Holding(model=Student, about=lambda subject: Q(pk__in=subject.students), fate=Fate.DELETED),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
