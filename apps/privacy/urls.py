from django.urls import path

from apps.privacy import api

urlpatterns = [
    path("privacy/exports", api.ExportsView.as_view(), name="exports"),
    path("privacy/exports/<int:export_id>", api.ExportView.as_view(), name="export"),
    path("privacy/erasures", api.ErasuresView.as_view(), name="erasures"),
    path("privacy/erasures/<int:erasure_id>", api.ErasureView.as_view(), name="erasure"),
    path("privacy/erasures/<int:erasure_id>/approval", api.ErasureApprovalView.as_view(), name="erasure-approval"),
]
