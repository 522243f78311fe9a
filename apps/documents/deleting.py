"""What of this app can be deleted, and brought back for 30 days."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.documents.models import Document, Page
from apps.trash.kinds import Kind, register


def _documents_of(person: User) -> QuerySet[Document]:
    """All of them for who sees everything; of the others' each deletes their own."""
    return Document.objects.all() if person.sees_everything else Document.objects.filter(created_by=person)


DOCUMENT: Final = register(
    Kind(
        model=Document,
        name=_("Document"),
        permission=Permission.SUBMIT_DOCUMENTS,
        visible_to=_documents_of,
        is_makers=True,
        title=lambda document: document.title,
        lost={Page: _("Pages with their text")},
    )
)
