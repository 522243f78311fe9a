"""What was deleted and can still be brought back."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.trash.models import Deletion


def deletions_visible_to(person: User) -> QuerySet[Deletion]:
    """All of them for who sees everything; what they deleted themselves for everybody else."""
    return Deletion.objects.all() if person.sees_everything else Deletion.objects.filter(deleted_by=person)
