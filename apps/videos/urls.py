from django.urls import path

from apps.videos import api

urlpatterns = [
    path("videos", api.VideosView.as_view(), name="videos"),
    path("videos/<int:video_id>", api.VideoView.as_view(), name="video"),
]
