"""Everything that people write to documents."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.storage.services import use_upload
from apps.accounts.models import User
from apps.documents import tasks
from apps.documents.models import Document
from apps.documents.queries import documents_with_job, is_read

PDF_TYPE: Final = "application/pdf"
PICTURE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/heic", "image/heif"})


class DocumentNotRead(DomainError):
    """Pages of it are still being read, or none could be."""

    code: ClassVar[str] = "document_not_read"


def submit_document(*, title: str, kind: str, upload_id: int, created_by: User) -> Document:
    """Take a sent file as a document and queue its reading.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, ``Invalid`` for a file that is neither a picture nor a PDF,
    and ``KindNotIncluded`` when the plan has no reading of text.
    """
    with transaction.atomic():
        upload = use_upload(upload_id=upload_id, by=created_by)
        is_pdf = upload.content_type == PDF_TYPE
        if not is_pdf and upload.content_type not in PICTURE_TYPES:
            raise Invalid(gettext("Only pictures and PDFs are read."), attr="upload")
        document = Document(
            title=title, kind=kind, upload=upload, created_by=created_by, page_count=None if is_pdf else 1
        )
        document.save()
        if is_pdf:
            document.job_id = int(tasks.open_document.enqueue(document.pk).id)
            document.save(update_fields=["job"])
        else:
            tasks.add_page(document, position=1, source_key=upload.key)
    return document


def request_searchable_pdf(*, document_id: int) -> Document:
    """Queue the writing of a document's searchable PDF, unless it is there or being written.

    Raises ``Missing`` and ``DocumentNotRead``.
    """
    with transaction.atomic():
        if Document.objects.select_for_update().filter(pk=document_id).first() is None:
            raise Missing
        document = documents_with_job().get(pk=document_id)
        is_underway = is_unfinished(document.pdf_job)
        if document.pdf_key or is_underway:
            return document
        if not is_read(document):
            raise DocumentNotRead(gettext("The document has not been read yet, or no page of it could be."))
        document.pdf_job_id = int(tasks.write_pdf.enqueue(document.pk).id)
        document.save(update_fields=["pdf_job"])
    return documents_with_job().get(pk=document_id)
