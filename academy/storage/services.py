"""Uploads: allowed first, then used, once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.storage.tasks import end_upload

if TYPE_CHECKING:
    from apps.accounts.models import User

MEGABYTE: Final = 1024 * 1024

MAX_VIDEO_BYTES: Final = 2048 * MEGABYTE
"""Half an hour of a phone's 1080p, five minutes of its 4K."""
VIDEO_TYPES: Final = ("video/mp4", "video/quicktime", "video/webm")
"""Films. They are sent in parts, whatever their size (``multipart``); all else by one form."""

TABLE_TYPES: Final = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
"""Lists of students."""

# What may be sent, and how large. The worker judges by content; this refuses early what can never be read.
MAX_BYTES_BY_TYPE: Final[Mapping[str, int]] = {
    "image/jpeg": 30 * MEGABYTE,
    "image/png": 60 * MEGABYTE,
    "image/heic": 30 * MEGABYTE,
    "image/heif": 30 * MEGABYTE,
    "application/pdf": 300 * MEGABYTE,
    "application/zip": 300 * MEGABYTE,
    "application/json": 1 * MEGABYTE,
    **dict.fromkeys(TABLE_TYPES, 10 * MEGABYTE),
    **dict.fromkeys(VIDEO_TYPES, MAX_VIDEO_BYTES),
}
FORM_TYPES: Final = tuple(sorted(set(MAX_BYTES_BY_TYPE) - set(VIDEO_TYPES)))


class UploadMissing(DomainError):
    code: ClassVar[str] = "upload_missing"


class UploadUsed(DomainError):
    code: ClassVar[str] = "upload_used"


def presign_upload(*, file_name: str, content_type: str, created_by: User) -> tuple[Upload, s3.PresignedPost]:
    """Allow one file to be sent. Raises ``Invalid`` for a film, and for a type that nothing here reads."""
    if content_type not in FORM_TYPES:
        raise unknown_type(FORM_TYPES)
    max_bytes = MAX_BYTES_BY_TYPE[content_type]
    key = new_key()
    upload = Upload(key=key, file_name=file_name, content_type=content_type, max_bytes=max_bytes, created_by=created_by)
    upload.save(force_insert=True)
    return upload, s3.presign_post(key, content_type=content_type, max_bytes=max_bytes)


def unknown_type(allowed: Iterable[str]) -> Invalid:
    return Invalid(
        gettext("Files of this type are not taken. Send one of: {types}.").format(types=", ".join(sorted(allowed))),
        attr="content_type",
    )


def new_key() -> str:
    """Of the acting academy, and nothing that anybody could guess."""
    return s3.tenant_key("uploads", secrets.token_urlsafe(24).replace("-", "A").replace("_", "B"))


def cancel_uploads(*, created_by: User) -> int:
    """Refuse from now on what this person was allowed to send and has not handed in. Returns how many uploads.

    What has arrived of films is removed by a job. Of other files S3 may still take one until its form expires; nothing
    ever reads it.
    """
    begun = Upload.objects.filter(created_by=created_by, state=UploadState.PRESIGNED)
    in_parts = list(begun.exclude(multipart_id="").values_list("pk", flat=True))
    count = begun.update(state=UploadState.CANCELLED)
    for upload_id in in_parts:
        end_upload.enqueue(upload_id)
    return count


def use_upload(*, upload_id: int, by: User) -> Upload:
    """Take a file that ``by`` sent into use, once: another's could show them what they may not see.

    Raises ``Missing``, ``UploadMissing`` or ``UploadUsed``.
    """
    upload = Upload.objects.filter(pk=upload_id, created_by=by).first()
    if upload is None:
        raise Missing
    size = s3.object_bytes(upload.key)
    if size is None:
        raise UploadMissing(gettext("The file has not arrived. Send it again."), attr="upload")
    if size == 0 or size > upload.max_bytes:
        raise Invalid(gettext("The file is empty or too large."), attr="upload")
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.PRESIGNED).update(
        state=UploadState.USED, byte_count=size
    ):
        raise UploadUsed(gettext("This file has been handed in already, or is not allowed any more."), attr="upload")
    upload.state, upload.byte_count = UploadState.USED, size
    return upload
