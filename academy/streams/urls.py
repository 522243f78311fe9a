from django.urls import path

from academy.streams.api import EventsView

urlpatterns = [path("events", EventsView.as_view(), name="events")]
