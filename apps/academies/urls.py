from django.urls import path

from apps.academies.api import PictureView

urlpatterns = [
    path("academy/logo", PictureView.as_view(picture="logo"), name="academy-logo"),
    path("academy/icon", PictureView.as_view(picture="icon"), name="academy-icon"),
]
