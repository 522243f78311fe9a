"""Documents that were handed in to be read, and their pages."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.documents.folding import SIGNATURE_BITS


class SignatureField(models.Field[str | None, str | None]):
    """``bit(4096)``, to Python a string of 0 and 1."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002  the signature of Django's
        return f"bit({SIGNATURE_BITS})"


@SignatureField.register_lookup
class HoldsBits(models.Lookup[str]):
    """``signature__holds=bits``: every bit that is set in ``bits`` is set in the column."""

    lookup_name = "holds"

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        column, column_parameters = self.process_lhs(compiler, connection)
        bits, parameters = self.process_rhs(compiler, connection)
        cast = f"CAST({bits} AS bit({SIGNATURE_BITS}))"
        return f"({column} & {cast}) = {cast}", [*column_parameters, *parameters, *parameters]


class Kind(models.TextChoices):
    HANDOUT = "handout", "Handout"
    EXAM_PAPER = "exam_paper", "Exam paper"
    STUDENT_WORK = "student_work", "Student's work"
    OTHER = "other", "Other"


class Document(TenantModel):
    """One handed-in file. ``page_count`` is unknown until a PDF has been opened; ``job`` opens it.

    ``pdf_key``: its searchable PDF, "" until ``pdf_job`` has written it.
    """

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    page_count = models.PositiveSmallIntegerField(null=True)
    pdf_job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    pdf_key = models.CharField(max_length=255, blank=True, default="")
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="document_upload_once")]
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="document_by_time")]

    def __str__(self) -> str:
        return self.title


class Page(TenantModel):
    """One page of a document and what the machine read on it.

    Whether it is queued, running or failed, and why, is its ``job``'s to say; ``read_at`` is set once it was read.
    ``words_key``: the words with their boxes, as JSON in S3; they lie on the picture under ``picture_key``.
    ``confidence`` is NULL for a page without a word.
    """

    id = models.BigAutoField(primary_key=True)
    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="pages")
    position = models.PositiveSmallIntegerField()  # from 1, as people count
    source_key = models.CharField(max_length=255)
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    read_at = models.DateTimeField(null=True)
    text = models.TextField(blank=True, default="")
    folded = models.TextField(blank=True, default="")
    signature = SignatureField(null=True)
    words_key = models.CharField(max_length=255, blank=True, default="")
    picture_key = models.CharField(max_length=255, blank=True, default="")
    confidence = models.FloatField(null=True)
    word_count = models.PositiveIntegerField(null=True)
    weak_count = models.PositiveIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "document", "position"], name="document_page_once")
        ]

    def __str__(self) -> str:
        return f"page {self.pk}"
