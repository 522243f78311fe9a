"""The shapes of documents on the wire."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework import serializers

from academy.jobs.models import Job
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.documents.models import Document, Kind, Page
from apps.documents.queries import Hit
from apps.documents.tasks import MAX_WORDS_BYTES


class JobStateSerializer(serializers.Serializer[Any]):
    """Of what works on it; all empty while nothing does."""

    job = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    error_code = serializers.CharField()
    error_message = serializers.CharField()


class DocumentSerializer(JobStateSerializer):
    id = serializers.IntegerField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    file_name = serializers.CharField()
    page_count = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class DocumentPageSerializer(JobStateSerializer):
    id = serializers.IntegerField()
    position = serializers.IntegerField()
    confidence = serializers.FloatField(allow_null=True)
    word_count = serializers.IntegerField(allow_null=True)
    weak_count = serializers.IntegerField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class DocumentDetailSerializer(DocumentSerializer):
    pages = DocumentPageSerializer(many=True)


class SubmitDocumentSerializer(serializers.Serializer[None]):
    title = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.OTHER)
    upload = serializers.IntegerField(min_value=1)


class WordSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    box = serializers.ListField(child=serializers.IntegerField(), min_length=4, max_length=4)
    confidence = serializers.FloatField()
    is_weak = serializers.BooleanField()


class LineSerializer(serializers.Serializer[Any]):
    block = serializers.IntegerField()
    language = serializers.CharField()
    words = WordSerializer(many=True)


class PageDetailSerializer(DocumentPageSerializer):
    """``lines`` is null, not empty, while nothing was read; boxes are left, top, width, height on the picture."""

    document = serializers.IntegerField()
    text = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    lines = LineSerializer(many=True, allow_null=True)
    picture_url = serializers.CharField(allow_null=True)


class SearchSerializer(serializers.Serializer[None]):
    q = serializers.CharField(max_length=100, allow_blank=True, default="")
    kind = serializers.ChoiceField(choices=Kind.choices, required=False)


class SnippetSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    highlights = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))


class HitSerializer(serializers.Serializer[Any]):
    page = serializers.IntegerField()
    document = serializers.IntegerField()
    title = serializers.CharField()
    kind = serializers.CharField()
    position = serializers.IntegerField()
    snippet = SnippetSerializer()


class SearchablePdfSerializer(JobStateSerializer):
    """``url`` is null until the file is written; it is good for five minutes."""

    url = serializers.CharField(allow_null=True)


def _job_json(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"job": None, "state": "", "error_code": "", "error_message": ""}
    return {
        "job": job.pk,
        "state": job.state,
        "error_code": job.error_code,
        "error_message": text_of(job.error_code),
    }


def document_json(document: Document) -> dict[str, Any]:
    return {
        "id": document.pk,
        "title": document.title,
        "kind": document.kind,
        "file_name": document.upload.file_name,
        "page_count": document.page_count,
        "created_at": document.created_at,
        **_job_json(document.job),
    }


def page_json(page: Page) -> dict[str, Any]:
    return {
        "id": page.pk,
        "position": page.position,
        "confidence": page.confidence,
        "word_count": page.word_count,
        "weak_count": page.weak_count,
        "read_at": page.read_at,
        **_job_json(page.job),
    }


def page_detail_json(page: Page) -> dict[str, Any]:
    """One page with its words. ``lines`` is null while nothing was read, and where the words were lost."""
    data = page_json(page) | {"document": page.document_id, "text": page.text}
    data |= {"width": None, "height": None, "lines": None, "picture_url": None}
    if page.words_key:
        try:
            words = orjson.loads(s3.read_object(page.words_key, max_bytes=MAX_WORDS_BYTES))
        except s3.ObjectMissing:
            return data
        data |= {name: words[name] for name in ("width", "height", "lines")}
        data["picture_url"] = s3.presign_get(page.picture_key)
    return data


def hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "page": hit.page_id,
        "document": hit.document_id,
        "title": hit.title,
        "kind": hit.kind,
        "position": hit.position,
        "snippet": {"text": hit.snippet.text, "highlights": hit.snippet.highlights},
    }


def searchable_pdf_json(document: Document) -> dict[str, Any]:
    url = s3.presign_get(document.pdf_key) if document.pdf_key else None
    return {"url": url, **_job_json(document.pdf_job)}
