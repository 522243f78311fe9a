"""Films are sent in parts, so that what broke off goes on. S3 says what has arrived, never a client."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.storage.services import MAX_BYTES_BY_TYPE, MEGABYTE, VIDEO_TYPES, UploadUsed, new_key, unknown_type
from academy.storage.tasks import end_upload

if TYPE_CHECKING:
    from apps.accounts.models import User

PART_BYTES: Final = 8 * MEGABYTE
"""What a break costs at most. S3 takes no less than 5 MiB but for the last, and 10,000 parts."""
PARTS_AT_ONCE: Final = 8
"""For so many parts links are given out together: they are good for 15 minutes."""


class PartsMissing(DomainError):
    """Not every part has arrived as it was announced."""

    code: ClassVar[str] = "parts_missing"


@dataclass(frozen=True, slots=True)
class Sending:
    """An upload in parts, and the numbers of those that have arrived whole."""

    upload: Upload
    arrived: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PresignedPart:
    number: int
    url: str
    byte_count: int


def begin_multipart(
    *, file_name: str, content_type: str, byte_count: int, modified_ms: int | None, created_by: User
) -> Sending:
    """Allow a film of exactly ``byte_count`` bytes to be sent in parts, or go on with one that this person began.

    The same film is one of the same name, type, size and ``modified_ms``; without the last, every call begins anew.
    Raises ``Invalid``.
    """
    if content_type not in VIDEO_TYPES:
        raise unknown_type(VIDEO_TYPES)
    max_bytes = MAX_BYTES_BY_TYPE[content_type]
    if not 0 < byte_count <= max_bytes:
        raise Invalid(
            gettext("The file is empty or too large: at most {size} MB.").format(size=max_bytes // MEGABYTE),
            attr="byte_count",
        )
    if modified_ms is not None:
        same = Upload.objects.filter(
            created_by=created_by,
            state=UploadState.PRESIGNED,
            file_name=file_name,
            content_type=content_type,
            max_bytes=byte_count,
            modified_ms=modified_ms,
        )
        for upload in same.exclude(multipart_id="").order_by("pk"):
            try:
                return Sending(upload, _arrived(upload))
            except s3.MultipartMissing:
                _give_up(upload)  # storage has lost it: a new one takes its place
    key = new_key()
    upload = Upload(
        key=key,
        file_name=file_name,
        content_type=content_type,
        max_bytes=byte_count,
        multipart_id=s3.create_multipart(key, content_type=content_type),
        part_bytes=PART_BYTES,
        modified_ms=modified_ms,
        created_by=created_by,
    )
    upload.save(force_insert=True)
    end_upload.using(run_after=timezone.now() + timedelta(days=s3.UNFINISHED_DAYS)).enqueue(upload.pk)
    return Sending(upload, ())


def presign_parts(*, upload_id: int, numbers: Collection[int], by: User) -> list[PresignedPart]:
    """Links for some parts of a film that ``by`` is sending. Raises ``Missing``, ``Invalid``, ``UploadUsed``."""
    upload = _sent_by(by, upload_id)
    sizes = upload.part_sizes
    if not numbers or len(numbers) > PARTS_AT_ONCE or not all(1 <= number <= len(sizes) for number in numbers):
        raise Invalid(
            gettext("This film has the parts 1 to {count}; ask for at most {limit} at once.").format(
                count=len(sizes), limit=PARTS_AT_ONCE
            ),
            attr="numbers",
        )
    if upload.completed_at is not None:
        raise UploadUsed(gettext("All of this film has arrived already."))
    return [
        PresignedPart(
            number,
            s3.presign_part(upload.key, upload.multipart_id, number=number, byte_count=sizes[number - 1]),
            sizes[number - 1],
        )
        for number in sorted(set(numbers))
    ]


def complete_multipart(*, upload_id: int, by: User) -> Upload:
    """Put a film together of the parts that S3 has; again is no harm.

    Raises ``Missing``, ``UploadUsed`` for what is not allowed any more, and ``PartsMissing``.
    """
    upload = _sent_by(by, upload_id)
    try:
        parts = [] if upload.completed_at is not None else s3.arrived_parts(upload.key, upload.multipart_id)
        if parts or upload.completed_at is None:
            if [(part.number, part.byte_count) for part in parts] != list(enumerate(upload.part_sizes, start=1)):
                raise PartsMissing(gettext("Parts of the film have not arrived. Send them again."))
            s3.complete_multipart(upload.key, upload.multipart_id, parts)
    except s3.MultipartMissing as error:
        if s3.object_bytes(upload.key) != upload.max_bytes:
            raise PartsMissing(gettext("Parts of the film have not arrived. Send them again.")) from error
    _note_completed(upload)
    return upload


def give_up_upload(*, upload_id: int, by: User) -> None:
    """End a film that ``by`` was sending; what has arrived is removed by a job. Raises ``Missing``, ``UploadUsed``."""
    _give_up(_sent_by(by, upload_id))


def _sent_by(by: User, upload_id: int) -> Upload:
    upload = Upload.objects.filter(pk=upload_id, created_by=by).exclude(multipart_id="").first()
    if upload is None:
        raise Missing
    if upload.state != UploadState.PRESIGNED:
        raise _not_allowed()
    return upload


def _not_allowed() -> UploadUsed:
    return UploadUsed(gettext("This file has been handed in already, or is not allowed any more."))


def _arrived(upload: Upload) -> tuple[int, ...]:
    """The numbers of the parts that are there, whole. Raises ``MultipartMissing`` for what storage has lost."""
    sizes = upload.part_sizes
    if upload.completed_at is None:
        try:
            parts = s3.arrived_parts(upload.key, upload.multipart_id)
            return tuple(
                part.number for part in parts if part.number <= len(sizes) and part.byte_count == sizes[part.number - 1]
            )
        except s3.MultipartMissing:
            if s3.object_bytes(upload.key) != upload.max_bytes:
                raise
            _note_completed(upload)  # put together by a request that did not live to say so
    return tuple(range(1, len(sizes) + 1))


def _note_completed(upload: Upload) -> None:
    """Raises ``UploadUsed`` when it was cancelled meanwhile; what was put together goes with it."""
    if upload.completed_at is not None:
        return
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.PRESIGNED).update(completed_at=Now()):
        s3.erase_objects(upload.key)
        raise _not_allowed()
    upload.completed_at = timezone.now()


def _give_up(upload: Upload) -> None:
    if Upload.objects.filter(pk=upload.pk, state=UploadState.PRESIGNED).update(state=UploadState.CANCELLED):
        end_upload.enqueue(upload.pk)
