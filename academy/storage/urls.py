from django.urls import path

from academy.storage.api import (
    CompleteView,
    MultipartUploadsView,
    MultipartUploadView,
    PartsView,
    UploadsView,
)

urlpatterns = [
    path("uploads", UploadsView.as_view(), name="uploads"),
    path("multipart-uploads", MultipartUploadsView.as_view(), name="multipart-uploads"),
    path("multipart-uploads/<int:upload_id>", MultipartUploadView.as_view(), name="multipart-upload"),
    path("multipart-uploads/<int:upload_id>/parts", PartsView.as_view(), name="multipart-upload-parts"),
    path("multipart-uploads/<int:upload_id>/complete", CompleteView.as_view(), name="multipart-upload-complete"),
]
