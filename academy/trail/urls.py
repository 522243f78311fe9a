from django.urls import path

from academy.trail.api import TrailExportView, TrailView

urlpatterns = [
    path("trail", TrailView.as_view(), name="trail"),
    path("trail/export", TrailExportView.as_view(), name="trail-export"),
]
