"""One upload, handed in twice at the same moment, is one batch."""

from __future__ import annotations

import pytest
from django.db import transaction

from academy.jobs.models import Job
from academy.storage import s3
from academy.storage.services import UploadUsed
from academy.tenancy.context import acting_for
from apps.exams.models import Batch
from apps.exams.services import submit_scans
from tests.db.kernel import in_threads
from tests.factories import make_academy, make_exam, make_upload, make_user


@pytest.mark.usefixtures("aws", "committed")
@pytest.mark.parametrize("content_type", ["image/jpeg", "application/pdf"])
def test_an_upload_handed_in_at_once_is_used_once(content_type: str) -> None:
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        author = make_user()
        exam, upload = make_exam(created_by=author), make_upload(created_by=author, content_type=content_type)
        s3.write_object(upload.key, b"file", content_type=content_type)

    def submit(_: int) -> str:
        with acting_for(tenant), transaction.atomic():
            try:
                submit_scans(exam_id=exam.pk, upload_id=upload.pk, created_by=author)
            except UploadUsed:
                return "refused"
            return "taken"

    assert sorted(in_threads(4, submit)) == ["refused", "refused", "refused", "taken"]
    with acting_for(tenant), transaction.atomic():
        assert (Batch.objects.count(), Job.objects.count()) == (1, 1)
