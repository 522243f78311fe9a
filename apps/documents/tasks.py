"""The kinds of job of this app: one function each. Claim, fetch, compute in the sandbox, record; safe twice."""

from __future__ import annotations

from typing import Any, Final, TypedDict, cast

import orjson
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.jobs.queues import Tier
from academy.storage import s3
from apps.accounts.roles import Permission
from apps.documents.folding import folded, signature
from apps.documents.models import Document, Kind, Page
from apps.documents.queries import documents_with_job
from apps.documents.vision_model import configured_model, improve_page

MAX_PAGE_BYTES: Final = 60 * 1024 * 1024
MAX_DOCUMENT_BYTES: Final = 300 * 1024 * 1024
MAX_WORDS_BYTES: Final = 16 * 1024 * 1024
PAGES_PER_COMPUTE: Final = 10
"""Pages that one call takes out of a PDF or writes into one: the file crosses to the child once per call."""


SHOWN_TO_MODEL: Final = (Kind.HANDOUT, Kind.EXAM_PAPER)
"""Of what is printed for everybody doubtful lines may be shown to another company's model. Of a student's work never:
it says of whom it is nowhere but in its ink, so that nobody could look whether they, or a guardian, agreed."""


class ReadTextAnswer(TypedDict):
    """What ``workers.compute`` gives back for one page. ``page`` is ``workers.vision.text.pages.PageTextJson``."""

    text: str
    confidence: float | None
    word_count: int
    weak_count: int
    page: dict[str, Any]
    picture_jpeg: bytes
    weak_lines: dict[str, bytes]


@task(queue_name="lite", time_limit_seconds=600.0, subject="document", permission=Permission.SUBMIT_DOCUMENTS)
def open_document(document_id: int) -> None:
    """Take a handed-in PDF apart and queue a reading of each page; what an earlier attempt did is kept."""
    job = current_job()
    with transaction.atomic():
        document = documents_with_job().filter(pk=document_id).first()
        known = set(Page.objects.filter(document_id=document_id).values_list("position", flat=True))
    if document is None:
        raise PermanentFailure("document_deleted", "The document was deleted before it was opened.")
    data = job.input_bytes(document.upload.key, max_bytes=MAX_DOCUMENT_BYTES)
    page_count = int(job.compute("workers.compute:count_pages", data))
    missing = [index for index in range(page_count) if index + 1 not in known]
    for start in range(0, len(missing), PAGES_PER_COMPUTE):
        chunk = missing[start : start + PAGES_PER_COMPUTE]
        files = job.compute("workers.compute:split_pdf", data, chunk)
        keys = [s3.tenant_key("documents", str(document.pk), f"{index + 1}.pdf") for index in chunk]
        for key, file in zip(keys, files, strict=True):
            s3.write_object(key, file, content_type="application/pdf")
        with job.writing():
            for index, key in zip(chunk, keys, strict=True):
                add_page(document, position=index + 1, source_key=key)
        job.report_progress((page_count - len(missing) + start + len(chunk)) / page_count)
    with job.finishing(page_count=page_count):
        Document.objects.filter(pk=document.pk).update(page_count=page_count)


def add_page(document: Document, *, position: int, source_key: str) -> Page:
    """A page of ``document``, with the job that reads it, in the current transaction."""
    page = Page(document=document, position=position, source_key=source_key)
    page.save(force_insert=True)
    page.job_id = int(read_page.enqueue(page.pk).id)
    page.save(update_fields=["job"])
    return page


@task(queue_name="lite", time_limit_seconds=90.0, subject="page", permission=Permission.SUBMIT_DOCUMENTS)
def read_page(page_id: int) -> None:
    """Read the text of one page. How thoroughly is the tier's that the academy's plan routes it to."""
    job = current_job()
    with transaction.atomic():
        page = Page.objects.select_related("document").filter(pk=page_id).first()
    if page is None:
        raise PermanentFailure("page_deleted", "The page was deleted before it was read.")
    data = job.input_bytes(page.source_key, max_bytes=MAX_PAGE_BYTES)
    tier = Tier(job.job.queue)
    model = configured_model() if tier is Tier.PREMIUM and page.document.kind in SHOWN_TO_MODEL else None
    reader = tier.value if tier in (Tier.LITE, Tier.PREMIUM) else "basic"
    answer = cast(ReadTextAnswer, job.compute("workers.compute:read_text", data, reader, model is not None))
    content, text = answer["page"], answer["text"]
    if model is not None and answer["weak_lines"]:
        content, text = improve_page(model, content, text, answer["weak_lines"], on_step=job.step)
    words_key = s3.tenant_key("texts", str(page.pk), f"{job.attempt}.words")
    picture_key = s3.tenant_key("texts", str(page.pk), f"{job.attempt}.jpg")
    s3.write_object(words_key, orjson.dumps(content), content_type="application/json")
    s3.write_object(picture_key, answer["picture_jpeg"], content_type="image/jpeg")
    job.step()
    storable = text.replace("\x00", "")
    plain = folded(storable)
    with job.finishing(page_id=page.pk):
        Page.objects.filter(pk=page.pk).update(
            read_at=timezone.now(),
            text=storable,
            folded=plain,
            signature=signature(plain),
            words_key=words_key,
            picture_key=picture_key,
            confidence=answer["confidence"],
            word_count=answer["word_count"],
            weak_count=sum(word["is_weak"] for line in content["lines"] for word in line["words"]),
        )


@task(queue_name="lite", time_limit_seconds=300.0, subject="document", permission=Permission.VIEW_DOCUMENTS)
def write_pdf(document_id: int) -> None:
    """Write the searchable PDF of the pages that were read, in their order."""
    job = current_job()
    with transaction.atomic():
        document = Document.objects.filter(pk=document_id).first()
        rows = Page.objects.filter(document_id=document_id).exclude(picture_key="").order_by("position")
        pages = list(rows.values_list("picture_key", "words_key"))
    if document is None or not pages:
        raise PermanentFailure("document_deleted", "The document was deleted before its PDF was written.")
    parts: list[bytes] = []
    for start in range(0, len(pages), PAGES_PER_COMPUTE):
        chunk = pages[start : start + PAGES_PER_COMPUTE]
        pictures = [job.input_bytes(picture, max_bytes=MAX_PAGE_BYTES) for picture, _ in chunk]
        texts = [orjson.loads(job.input_bytes(words, max_bytes=MAX_WORDS_BYTES)) for _, words in chunk]
        parts.append(job.compute("workers.compute:write_pages", pictures, texts))
        job.report_progress((start + len(chunk)) / len(pages))
    whole = parts[0] if len(parts) == 1 else cast(bytes, job.compute("workers.compute:join_parts", parts))
    key = s3.tenant_key("documents", str(document.pk), f"searchable-{job.attempt}.pdf")
    s3.write_object(key, whole, content_type="application/pdf")
    job.step()
    with job.finishing(document_id=document.pk):
        Document.objects.filter(pk=document.pk).update(pdf_key=key)
