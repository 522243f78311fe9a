"""Documents on the desk: hand one in, read its pages, search all of them, fetch the searchable PDF."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import orjson
from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin, SimpleListFilter, display, register
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.finding import SHOWN, Finder, Group, Hit, finders
from academy.desk.forms import DeskForm, SentFiles
from academy.desk.labels import label, moment
from academy.desk.options import DeskAdmin
from academy.desk.pages import carry_out, page
from academy.desk.searching import query_of
from academy.desk.sending import PAGES, send_first
from academy.desk.site import MenuEntry, academy_desk
from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import Missing
from academy.jobs.models import JobState, is_unfinished
from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.documents import queries, services
from apps.documents.deleting import DOCUMENT
from apps.documents.folding import terms_of, words_with
from apps.documents.models import Document, Kind, Page
from apps.documents.tasks import MAX_WORDS_BYTES
from apps.trash.admin import REMOVED, removal_page, remove_url

_SEEN: Final = Permission.VIEW_DOCUMENTS

KINDS: Final[dict[str, str | Promise]] = {
    Kind.HANDOUT: _("Handout"),
    Kind.EXAM_PAPER: _("Exam paper"),
    Kind.STUDENT_WORK: _("Student's work"),
    Kind.OTHER: _("Other"),
}

academy_desk.menu.append(
    MenuEntry(_("Materials"), _("Search in documents"), "search", "documents_document_search", _SEEN, 38)
)


class DocumentForm(DeskForm):
    title = forms.CharField(
        label=_("Name of the document"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Handout of chapter 3")}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=list(KINDS.items()))
    uploads = SentFiles()


class KindFilter(SimpleListFilter):
    title = _("Kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002
        return list(KINDS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:  # noqa: ARG002
        return queryset.filter(kind=self.value()) if self.value() in KINDS else queryset


@register(Document, site=academy_desk)
class DocumentAdmin(DeskAdmin):
    name: ClassVar = _("Document")
    plural: ClassVar = _("Documents")
    permissions: ClassVar = {"view": _SEEN, "add": Permission.SUBMIT_DOCUMENTS}
    personal: ClassVar = {"list": NOT_PERSONAL, "detail": NOT_PERSONAL, "add": NOT_PERSONAL}
    entry: ClassVar = MenuEntry(_("Materials"), _("Documents"), "article", "documents_document_changelist", _SEEN, 37)
    add_title: ClassVar = _("Send a document")
    list_subtitle: ClassVar = _("Handouts and papers, read page by page: what stands on them can be searched.")
    is_live_list = True
    list_display = ("title", "kind_shown", "sent", "pages_read", "state")
    list_filter = (KindFilter,)
    search_fields = ("title",)
    search_help_text = _("Name of the document")
    found_by = ("title",)
    field_names: ClassVar = {"title": _("Name of the document")}

    def visible_to(self, person: User) -> QuerySet[Document]:
        """Documents are the academy's: all staff share them."""
        return queries.documents_with_job() if person.may(_SEEN) else Document.objects.none()

    def links(self, request: HttpRequest) -> list[tuple[Any, str, str]]:
        return [*super().links(request), (_("Search in documents"), "search", self.url("search"))]

    def prepare(self, rows: list[Document]) -> None:  # type: ignore[override]
        progress = queries.progress_of_documents([row.pk for row in rows])
        for row in rows:
            row.progress = progress[row.pk]  # type: ignore[attr-defined]  # for the columns below

    @display(description=_("Kind"))
    def kind_shown(self, document: Document) -> str:
        return str(KINDS[document.kind])

    @display(description=_("Sent"))
    def sent(self, document: Document) -> str:
        return moment(document.created_at)

    @display(description=_("Pages"))
    def pages_read(self, document: Any) -> str:
        return f"{document.progress.read} / {document.page_count}" if document.page_count is not None else "–"

    @display(description=_("State"))
    def state(self, document: Any) -> SafeString:
        return state_of(document, document.progress)

    # ---------------------------------------------------------------- pages

    def add(self, request: HttpRequest) -> HttpResponse:
        by = person_of(request)

        def take(given: dict[str, Any]) -> str:
            [(_name, upload_id), *_others] = given["uploads"]
            document = services.submit_document(
                title=given["title"], kind=given["kind"], upload_id=upload_id, created_by=by
            )
            return self.url("change", document.pk)

        return send_first(
            self,
            request,
            DocumentForm(request.POST or None),
            take,
            PAGES,
            title=self.add_title,
            submit=_("Send"),
            lead=_("A PDF of many pages, or the picture of one."),
            drop=_("Drop a document here"),
        )

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A document open at one page, with what is searched for marked on it: ``?page=2&q=...``."""
        document: Document | None = self.visible_to(person_of(request)).filter(pk=object_id).first()
        if document is None:
            raise Missing
        pages = list(queries.pages_of_document(document.pk))
        query = query_of(request)
        wanted = request.GET.get("page", "")
        here = next((one for one in pages if str(one.position) == wanted), pages[0] if pages else None)
        progress = queries.progress_of_documents([document.pk])[document.pk]
        is_written = is_unfinished(document.pdf_job)
        shown = {
            "delete_url": remove_url(self, request, DOCUMENT, document),
            "title": document.title,
            "document": document,
            "kind": KINDS[document.kind],
            "state": state_of(document, progress),
            "progress": progress,
            "sent": moment(document.created_at),
            "reason": text_of(document.job.error_code) if document.job is not None else "",
            "is_live": progress.waiting > 0 or is_unfinished(document.job) or is_written,
            "query": query,
            "pages": [_link(one, query, here) for one in pages] if len(pages) > 1 else [],
            "here": _open(here, query) if here is not None else None,
            "pdf_url": s3.presign_get(document.pdf_key) if document.pdf_key else "",
            "is_written": is_written,
            "can_write": progress.read > 0 and not progress.waiting,
            "pdf_reason": text_of(document.pdf_job.error_code) if document.pdf_job is not None else "",
            "write_url": self.url("pdf", document.pk),
            "search_url": self.url("search"),
        }
        return self.render(request, "documents/document.html", shown)

    @page(
        "<int:object_id>/remove/", "remove", REMOVED, GET=Permission.SUBMIT_DOCUMENTS, POST=Permission.SUBMIT_DOCUMENTS
    )
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return removal_page(self, request, DOCUMENT, object_id)

    @page("<int:object_id>/pdf/", "pdf", NOT_PERSONAL, POST=_SEEN)
    def write_pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if not self.visible_to(person_of(request)).filter(pk=object_id).exists():
            raise Missing

        def act() -> None:
            services.request_searchable_pdf(document_id=object_id)

        done = gettext("The searchable PDF is being written. It appears here by itself.")
        return carry_out(request, act, done=done, back=self.url("change", object_id))

    @page("search/", "search", NOT_PERSONAL, GET=_SEEN)
    def search(self, request: HttpRequest) -> HttpResponse:
        """The pages on which all words stand, the most telling first."""
        query, kind = query_of(request), request.GET.get("kind", "")
        hits = queries.search_pages(query, kind=kind if kind in KINDS else None)
        if query and not terms_of(query):
            messages.error(request, gettext("Type a word to look for."))
        shown = {
            "title": _("Search in documents"),
            "query": query,
            "kinds": [(value, words, value == kind) for value, words in KINDS.items()],
            "most": queries.MAX_HITS,
            "hits": [
                {
                    "hit": hit,
                    "kind": KINDS[hit.kind],
                    "parts": _parts(hit.snippet.text, hit.snippet.highlights),
                    "picture_url": s3.presign_get(hit.picture_key) if hit.picture_key else "",
                    "url": f"{self.url('change', hit.document_id)}?{urlencode({'page': hit.position, 'q': query})}",
                }
                for hit in hits
            ],
        }
        return self.render(request, "documents/search.html", shown)


def _standing_in_documents(query: str) -> Group:
    """The pages on which all words stand."""
    admin = academy_desk._registry[Document]
    hits = queries.search_pages(query)
    shown = [
        Hit(
            hit.title,
            f"{gettext('Page %(number)s') % {'number': hit.position}} · {hit.snippet.text}",
            f"{admin.url('change', hit.document_id)}?{urlencode({'page': hit.position, 'q': query})}",
        )
        for hit in hits[:SHOWN]
    ]
    more = f"{admin.url('search')}?{urlencode({'q': query})}" if len(hits) > SHOWN else ""
    return Group(_("What stands in documents"), "find_in_page", shown, more)


finders.append(Finder(_SEEN, _standing_in_documents))


def state_of(document: Document, progress: queries.DocumentProgress) -> SafeString:
    if is_unfinished(document.job) or progress.waiting:
        return label(_("Reading"), "info")
    if not progress.read:
        return label(_("Not readable"), "danger")
    return label(_("Some could not be read"), "warning") if progress.failed else label(_("Done"), "success")


def _link(one: Page, query: str, here: Page | None) -> dict[str, Any]:
    return {
        "number": one.position,
        "query": urlencode({"page": one.position, **({"q": query} if query else {})}),
        "is_here": here is not None and one.pk == here.pk,
        "is_failed": one.job is not None and one.job.state == JobState.FAILED,
        "is_awaited": is_unfinished(one.job),
    }


def _open(here: Page, query: str) -> dict[str, Any]:
    """The page that is looked at: picture, text, and the boxes of the words that are looked for."""
    row = queries.pages_with_document().get(pk=here.pk)
    shown: dict[str, Any] = {
        "number": row.position,
        "text": row.text,
        "is_read": row.read_at is not None,
        "is_live": is_unfinished(row.job),
        "reason": text_of(row.job.error_code) if row.job is not None else "",
        "percent": f"{row.confidence:.0%}" if row.confidence is not None else "",
        "weak_count": row.weak_count,
        "picture_url": s3.presign_get(row.picture_key) if row.picture_key else "",
        "boxes": [],
    }
    terms = terms_of(query)
    if terms and row.words_key:
        try:
            found = orjson.loads(s3.read_object(row.words_key, max_bytes=MAX_WORDS_BYTES))
        except s3.ObjectMissing:
            return shown
        shown |= {"width": found["width"], "height": found["height"], "boxes": _boxes(found["lines"], terms)}
    return shown


def _boxes(lines: list[dict[str, Any]], terms: list[str]) -> list[list[int]]:
    boxes = []
    for line in lines:
        marked = words_with([word["text"] for word in line["words"]], terms)
        boxes += [line["words"][place]["box"] for place in sorted(marked)]
    return boxes


def _parts(text: str, highlights: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The text in pieces, and whether each is what was looked for: no markup comes from a page."""
    parts, last = [], 0
    for start, end in highlights:
        parts += [(text[last:start], False), (text[start:end], True)]
        last = end
    return [(piece, is_hit) for piece, is_hit in [*parts, (text[last:], False)] if piece]
