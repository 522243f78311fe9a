"""The kind of job of storage: what was begun and never handed in goes."""

from __future__ import annotations

from django.db import transaction
from django_tasks import task

from academy.storage import s3
from academy.storage.models import Upload, UploadState


@task(queue_name="lite", time_limit_seconds=300.0, is_in_every_plan=True, max_attempts=8)
def end_upload(upload_id: int) -> None:
    """Refuse an upload that was not handed in, and remove all that has arrived of it. One in use is left alone."""
    with transaction.atomic():
        Upload.objects.filter(pk=upload_id, state=UploadState.PRESIGNED).update(state=UploadState.CANCELLED)
        upload = Upload.objects.filter(pk=upload_id, state=UploadState.CANCELLED).first()
    if upload is not None:
        s3.erase_objects(upload.key)
