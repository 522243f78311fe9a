from django.urls import path

from academy.storage.api import UploadsView

urlpatterns = [path("uploads", UploadsView.as_view(), name="uploads")]
