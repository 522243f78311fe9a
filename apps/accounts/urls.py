from django.urls import path

from apps.accounts.api import SessionView

urlpatterns = [path("session", SessionView.as_view(), name="session")]
