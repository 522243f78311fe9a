"""What the API shows of documents. Each query loads all that its serializer touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, ExpressionWrapper, F, FloatField, Func, IntegerField, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Length, Replace, Round
from django.db.models.lookups import GreaterThan

from academy.jobs.models import UNFINISHED_STATES, JobState
from apps.documents.folding import Snippet, signature, snippet_of, terms_of
from apps.documents.models import Document, Page

MAX_HITS: Final = 50
MAX_RANKED: Final = 1000
"""Pages that are weighed against each other, the newest: a word on all of 10,000 pages would take half a second."""
MAX_TERMS: Final = 8


def documents_with_job() -> QuerySet[Document]:
    return Document.objects.select_related("job", "pdf_job", "upload")


def pages_of_document(document_id: int) -> QuerySet[Page]:
    """In order, with their jobs and without their texts."""
    pages = Page.objects.filter(document_id=document_id).select_related("job").order_by("position")
    return pages.defer("text", "folded", "signature")


def pages_with_document() -> QuerySet[Page]:
    return Page.objects.select_related("job", "document").defer("folded", "signature")


def is_read(document: Document) -> bool:
    """Whether every page there is has been read or has failed, and one at least was read."""
    pages = Page.objects.filter(document_id=document.pk)
    if document.page_count is None or pages.filter(job__state__in=UNFINISHED_STATES).exists():
        return False
    return pages.filter(job__state=JobState.SUCCEEDED).exists()


@dataclass(frozen=True, slots=True)
class DocumentProgress:
    """Pages of a document; a cancelled one counts as failed."""

    waiting: int = 0
    read: int = 0
    failed: int = 0


def progress_of_documents(ids: list[int]) -> dict[int, DocumentProgress]:
    """How far each of the documents is."""
    is_waiting = Q(job__state__in=UNFINISHED_STATES)
    is_read = Q(job__state=JobState.SUCCEEDED)
    counts = (
        Page.objects.filter(document__in=ids)
        .order_by()
        .values("document_id")
        .annotate(
            waiting=Count("pk", filter=is_waiting),
            read=Count("pk", filter=is_read),
            failed=Count("pk", filter=~is_waiting & ~is_read),
        )
    )
    found = {
        row["document_id"]: DocumentProgress(waiting=row["waiting"], read=row["read"], failed=row["failed"])
        for row in counts
    }
    return {pk: found.get(pk, DocumentProgress()) for pk in ids}


@dataclass(frozen=True, slots=True)
class Hit:
    """A page on which everything stands that was looked for."""

    page_id: int
    document_id: int
    title: str
    kind: str
    position: int
    snippet: Snippet
    picture_key: str = ""


class _Position(Func):
    function = "STRPOS"
    output_field = IntegerField()


def search_pages(query: str, *, kind: str | None = None) -> list[Hit]:
    """The pages with every word of ``query``, those that name them most often for their length first; 50 at most.

    Words stand anywhere, also within longer ones, and however Korean is spaced. Nothing for no word. Of more than
    1,000 pages the newest are weighed.
    """
    terms = terms_of(query)[:MAX_TERMS]
    if not terms:
        return []
    pages = Page.objects.filter(signature__holds=signature(" ".join(terms)))
    for term in terms:
        pages = pages.filter(GreaterThan(_Position(F("folded"), Value(term)), Value(0)))
    if kind is not None:
        pages = pages.filter(document__kind=kind)
    newest = pages.order_by("-pk").values("pk")[:MAX_RANKED]
    found = Page.objects.filter(pk__in=newest).annotate(rank=_rank(terms)).order_by("-rank", "-pk")[:MAX_HITS]
    columns = ("pk", "document_id", "document__title", "document__kind", "position", "text", "picture_key")
    rows = found.values_list(*columns)
    return [
        Hit(page_id, document_id, title, of_kind, position, snippet_of(text, terms), picture_key)
        for page_id, document_id, title, of_kind, position, text, picture_key in rows
    ]


def _rank(terms: list[str]) -> Round:
    """How much of the page the words make up, each by its root so that all weigh; rounded, so that newest is next."""
    parts = [_share_of(term) for term in terms]
    total: Combinable = parts[0]
    for part in parts[1:]:
        total = total + part
    return Round(ExpressionWrapper(total, FloatField()))


def _share_of(term: str) -> Func:
    """The root of the share (in per mille) of a page's letters that are occurrences of ``term``."""
    length, without = Length("folded"), Length(Replace(F("folded"), Value(term), Value("")))
    per_mille = ExpressionWrapper((length - without) * Value(1000) / (length + Value(200)), FloatField())
    return Func(per_mille, function="SQRT", output_field=FloatField())
