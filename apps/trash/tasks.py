"""The kind of job of this app: what was deleted 30 days ago goes for good."""

from __future__ import annotations

from django.db import transaction
from django_tasks import task

from academy.jobs.context import current_job
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from apps.trash.models import DeletedRows, Deletion


@task(queue_name="lite", time_limit_seconds=900.0, is_in_every_plan=True, max_attempts=8)
def end_deletion(deletion_id: int) -> None:
    """Remove the files, then what was kept of the rows. Killed anywhere, it begins again; a restored one is left."""
    job = current_job()
    with transaction.atomic():
        deletion = Deletion.objects.filter(pk=deletion_id).first()
        keys = dict(Upload.objects.filter(pk__in=deletion.uploads).values_list("pk", "key")) if deletion else {}
    if deletion is not None:
        for place in {*deletion.places, *keys.values()}:
            s3.erase_objects(place)
            job.step()
    with job.finishing():
        Upload.objects.filter(pk__in=keys).update(state=UploadState.ERASED, file_name="")
        DeletedRows.objects.filter(deletion=deletion_id).delete()
        Deletion.objects.filter(pk=deletion_id).delete()
