"""Documents of the acting academy and what was read of them. None of it needs S3 or SQS."""

from __future__ import annotations

from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.models import User
from apps.documents.folding import folded, signature
from apps.documents.models import Document, Kind, Page
from apps.documents.tasks import add_page
from tests.factories.exams import make_upload
from tests.factories.people import make_user


def make_document(
    title: str = "유인물", *, kind: Kind = Kind.HANDOUT, page_count: int | None = 1, created_by: User | None = None
) -> Document:
    """A handed-in document without its pages: see ``make_page``."""
    author = created_by or make_user()
    upload = make_upload(created_by=author, is_used=True)
    document = Document(title=title, kind=kind, upload=upload, page_count=page_count, created_by=author)
    document.save()
    return document


def make_page(document: Document | None = None, *, position: int = 1) -> Page:
    """A page with the job that will read it."""
    document = document or make_document()
    return add_page(document, position=position, source_key=document.upload.key)


def record_page(page: Page, text: str) -> Page:
    """``page`` as its task leaves it, with a job that succeeded; what would lie in S3 is missing."""
    plain = folded(text)
    page.read_at, page.text, page.folded, page.signature = timezone.now(), text, plain, signature(plain)
    page.words_key = s3.tenant_key("texts", str(page.pk), "1.words")
    page.picture_key = s3.tenant_key("texts", str(page.pk), "1.jpg")
    page.confidence, page.word_count, page.weak_count = 0.9, len(text.split()), 0
    page.save()
    assert page.job_id is not None
    Job.objects.filter(pk=page.job_id).update(state=JobState.SUCCEEDED)
    page.refresh_from_db()
    return page
