from django.urls import path

from apps.documents import api

urlpatterns = [
    path("documents", api.DocumentsView.as_view(), name="documents"),
    path("documents/search", api.SearchView.as_view(), name="documents-search"),
    path("documents/<int:document_id>", api.DocumentView.as_view(), name="document"),
    path("documents/<int:document_id>/searchable-pdf", api.SearchablePdfView.as_view(), name="document-pdf"),
    path("pages/<int:page_id>", api.PageView.as_view(), name="page"),
]
