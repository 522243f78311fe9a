"""The kinds of job of this app: collecting all about a person, erasing it, and certifying that it is gone."""

from __future__ import annotations

from datetime import timedelta
from tempfile import TemporaryFile
from typing import Final

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.dead_letters import discard_dead_letters
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from academy.tenancy.context import acting_tenant
from academy.tenancy.holdings import Subject
from apps.privacy import queries
from apps.privacy.archive import write_archive
from apps.privacy.erasing import count_rows_left, erase_rows, make_certificate
from apps.privacy.models import Erasure, ErasureState, Export

EXPORT_DAYS: Final = 7
"""How long a copy can be fetched."""
CERTIFY_AFTER: Final = timedelta(minutes=5)
"""Longer than a worker that lost its job can go on writing files: its next heartbeat stops it."""


class NotGone(Exception):
    """Rows about an erased person have turned up. They are erased; the certificate waits for the next look."""


@task(queue_name="lite", time_limit_seconds=900.0, is_in_every_plan=True)
def collect_person(export_id: int) -> None:
    """Write the archive of all that is held about a person, to be fetched within a week."""
    job = current_job()
    with transaction.atomic():
        export = Export.objects.filter(pk=export_id).first()
        subject = queries.subject_of(export.subject_kind, export.subject_id) if export else Subject()
    if export is None or not (subject.users or subject.students):
        raise PermanentFailure("person_erased", "The person was erased before the copy was made.")
    key = s3.tenant_key("exports", str(export.pk), f"{job.attempt}.zip")
    with TemporaryFile() as file:
        row_count = write_archive(file, subject, step=job.step)
        byte_count = file.tell()
        file.seek(0)
        s3.write_file(key, file, content_type="application/zip")
    expires_at = timezone.now() + timedelta(days=EXPORT_DAYS)
    with job.finishing(rows=row_count):
        Export.objects.filter(pk=export.pk).update(archive_key=key, byte_count=byte_count, expires_at=expires_at)
        drop_export.using(run_after=expires_at).enqueue(export.pk)


@task(queue_name="lite", time_limit_seconds=60.0, is_in_every_plan=True, max_attempts=8)
def drop_export(export_id: int) -> None:
    """Remove a copy whose week is over."""
    job = current_job()
    s3.erase_objects(s3.tenant_key("exports", str(export_id)) + "/")
    with job.finishing():
        Export.objects.filter(pk=export_id).update(archive_key="")


@task(queue_name="lite", time_limit_seconds=900.0, is_in_every_plan=True, max_attempts=8)
def erase_person(erasure_id: int) -> None:
    """Erase a person: rows in one transaction, then their files. Killed anywhere, it goes on where it stopped."""
    job = current_job()
    with job.writing():
        erasure = Erasure.objects.select_for_update(of=("self",)).filter(pk=erasure_id).first()
        if erasure is not None and erasure.state == ErasureState.SCHEDULED:
            subject = queries.subject_of(erasure.subject_kind, erasure.subject_id)
            erasure.remains = erase_rows(subject) | {
                "users": sorted(subject.users),
                "students": sorted(subject.students),
                "phones": sorted(subject.phones),
            }
            erasure.state = ErasureState.ERASING
            erasure.save(update_fields=["remains", "state"])
    if erasure is None or erasure.state != ErasureState.ERASING:
        return  # withdrawn
    if "files" not in erasure.remains:
        # Counted before any goes: the certificate is right whoever is killed on the way.
        versions = [found for place in erasure.remains["places"] for found in s3.versions_of(place)]
        erasure.remains |= {"files": len({key for key, _ in versions}), "versions": len(versions)}
        with job.writing():
            erasure.save(update_fields=["remains"])
    for place in erasure.remains["places"]:
        s3.erase_objects(place)
        job.step()
    with job.finishing():
        certify_erasure.using(run_after=timezone.now() + CERTIFY_AFTER).enqueue(erasure.pk)


@task(queue_name="lite", time_limit_seconds=900.0, is_in_every_plan=True, max_attempts=8)
def certify_erasure(erasure_id: int) -> None:
    """Look once more for what a job under way may have written since, remove it, and write the certificate."""
    job = current_job()
    with job.writing():
        erasure = Erasure.objects.select_for_update(of=("self",)).get(pk=erasure_id)
        if erasure.state != ErasureState.ERASING:
            return
        remains = erasure.remains
        subject = Subject(frozenset(remains["users"]), frozenset(remains["students"]), frozenset(remains["phones"]))
        has_more = count_rows_left(subject) > 0
        if has_more:
            more = erase_rows(subject)
            remains["places"] = sorted({*remains["places"], *more["places"]})
            remains["jobs"] = sorted({*remains["jobs"], *more["jobs"]})
            for name, count in more["rows"].items():
                remains["rows"][name] = remains["rows"].get(name, 0) + count
            erasure.save(update_fields=["remains"])
    if has_more:
        raise NotGone
    for place in remains["places"]:
        remains["versions"] += s3.erase_objects(place)
        job.step()
    letter_count = discard_dead_letters(tenant_id=acting_tenant().pk, job_ids=remains["jobs"])
    with job.finishing():
        erased_at = timezone.now()
        certificate = make_certificate(erasure, erased_at=erased_at, letter_count=letter_count)
        Erasure.objects.filter(pk=erasure.pk).update(
            state=ErasureState.ERASED, erased_at=erased_at, certificate=certificate, remains={}
        )
