"""What documents say about people.

Only staff hand documents in (``Permission.SUBMIT_DOCUMENTS``), so that a document's row is about the member of staff
who did, and its pages are the academy's papers: erasing that person takes their name off and leaves the papers.
A scan of a student's work says of whom it is nowhere but in its ink. No row leads from a student to it, a name is not
one person's, and guessing would delete or hand out another's work: nothing is done by itself, and each certificate of
an erasure says that such pages may remain, and that a search for the name finds them.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.documents.models import Document, Page

HOLDINGS = (
    Holding(
        model=Page,
        about=lambda subject: Q(document__created_by__in=subject.users),
        fate=Fate.KEPT,
        shown=("id", "document_id", "position", "read_at"),  # not its text, which may be of others
        why="scanned papers of the academy: whom a page names no row says; searching for the name finds those that do",
    ),
    Holding(
        model=Document,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "title", "kind", "page_count"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
