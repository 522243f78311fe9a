"""Documents over HTTP: hand one in, see what was read of each page, search, fetch the searchable PDF."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.documents import queries, services
from apps.documents.models import Document, Page
from apps.documents.serializers import (
    DocumentDetailSerializer,
    DocumentSerializer,
    HitSerializer,
    PageDetailSerializer,
    SearchablePdfSerializer,
    SearchSerializer,
    SubmitDocumentSerializer,
    document_json,
    hit_json,
    page_detail_json,
    page_json,
    searchable_pdf_json,
)


def _document(document_id: int) -> Document:
    document: Document | None = queries.documents_with_job().filter(pk=document_id).first()
    if document is None:
        raise Missing
    return document


class DocumentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_DOCUMENTS, "POST": Permission.SUBMIT_DOCUMENTS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(responses=DocumentSerializer(many=True), operation_id="documents_list")
    def get(self, request: Request) -> Response:
        """The academy's documents, newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.documents_with_job(), request, view=self) or []
        return paginator.get_paginated_response([document_json(document) for document in page])

    @extend_schema(
        request=SubmitDocumentSerializer,
        responses={202: DocumentSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="documents_submit",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Hand in a sent file: one picture, or a PDF of many pages. It is read in the background."""
        asked = SubmitDocumentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        document = services.submit_document(
            title=asked.validated_data["title"],
            kind=asked.validated_data["kind"],
            upload_id=asked.validated_data["upload"],
            created_by=person_of(request),
        )
        return Response(document_json(document), status=status.HTTP_202_ACCEPTED)


class DocumentView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_DOCUMENTS}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=DocumentDetailSerializer, operation_id="documents_show")
    def get(self, request: Request, document_id: int) -> Response:
        """One document and how far each of its pages is."""
        document = _document(document_id)
        pages = [page_json(page) for page in queries.pages_of_document(document.pk)]
        return Response(document_json(document) | {"pages": pages})


class PageView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_DOCUMENTS}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=PageDetailSerializer, operation_id="pages_show")
    def get(self, request: Request, page_id: int) -> Response:
        """One page: its text, its words with their boxes and how sure each is, and the picture they lie on."""
        page: Page | None = queries.pages_with_document().filter(pk=page_id).first()
        if page is None:
            raise Missing
        return Response(page_detail_json(page))


class SearchView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_DOCUMENTS}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(parameters=[SearchSerializer], responses=HitSerializer(many=True), operation_id="documents_search")
    def get(self, request: Request) -> Response:
        """The pages on which every word of ``q`` stands, the most telling first; 50 at most."""
        asked = SearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        hits = queries.search_pages(asked.validated_data["q"], kind=asked.validated_data.get("kind"))
        return Response([hit_json(hit) for hit in hits])


class SearchablePdfView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_DOCUMENTS, "POST": Permission.VIEW_DOCUMENTS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}

    @extend_schema(responses=SearchablePdfSerializer, operation_id="documents_searchable_pdf")
    def get(self, request: Request, document_id: int) -> Response:
        """A short-lived link to the searchable PDF, once it has been asked for and written."""
        return Response(searchable_pdf_json(_document(document_id)))

    @extend_schema(
        request=None, responses={202: SearchablePdfSerializer}, operation_id="documents_request_searchable_pdf"
    )
    def post(self, request: Request, document_id: int) -> Response:
        """Have the searchable PDF written: the pages' pictures with their text invisibly over them."""
        document = services.request_searchable_pdf(document_id=document_id)
        return Response(searchable_pdf_json(document), status=status.HTTP_202_ACCEPTED)
