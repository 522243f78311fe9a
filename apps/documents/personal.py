"""What documents say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.documents.models import Document, Page

HOLDINGS = (
    Holding(
        model=Document,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title", "kind", "page_count"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {
    Page: "what is printed on the academy's papers: whom it may name, no row says",
}
