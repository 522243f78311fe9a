from django.urls import path

from apps.notices import api

urlpatterns = [path("me/notices", api.OwnNoticesView.as_view(), name="own-notices")]
