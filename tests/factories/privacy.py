"""Copies and erasures that people of the acting academy asked for."""

from __future__ import annotations

from apps.accounts.models import User
from apps.privacy.models import Erasure, Export, SubjectKind
from apps.privacy.services import GRACE_DAYS, ask_for_erasure, ask_for_export


def make_export(asked_by: User) -> Export:
    """A copy that somebody asked for of what is held about themselves, not collected yet."""
    return ask_for_export(by=asked_by, kind=SubjectKind.USER, subject_id=asked_by.pk, reason="")


def make_erasure(asked_by: User) -> Erasure:
    """An erasure that somebody asked for of themselves, not approved yet."""
    return ask_for_erasure(by=asked_by, kind=SubjectKind.USER, subject_id=asked_by.pk, reason="", grace_days=GRACE_DAYS)
