"""What uploads say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.storage.models import Upload, UploadState
from academy.tenancy.holdings import Fate, Holding

_NEVER_USED = (UploadState.PRESIGNED, UploadState.CANCELLED)

HOLDINGS = (
    # What a person was allowed to send and never handed in is theirs alone.
    Holding(
        model=Upload,
        about=lambda subject: Q(created_by__in=subject.users) & Q(state__in=_NEVER_USED),
        fate=Fate.DELETED,
        hidden=frozenset({"key", "multipart_id"}),
        pictures=lambda upload: [upload.key],
        files=lambda upload: [upload.key],
    ),
    # What was handed in belongs to where it was handed in; that this person sent it is forgotten.
    Holding(
        model=Upload,
        about=lambda subject: Q(created_by__in=subject.users) & ~Q(state__in=_NEVER_USED),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "file_name", "content_type", "byte_count"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
