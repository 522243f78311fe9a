"""Every URL there is. The only file that names every app."""

from django.conf import settings
from django.urls import include, path

from academy.http.docs import DocsView, SchemaView
from academy.http.health import health, ready
from academy.sms.outbox import outbox_page

urlpatterns = [
    path("health", health, name="health"),
    path("ready", ready, name="ready"),
    path("api/v1/", include("apps.accounts.urls")),
    path("api/v1/", include("apps.students.urls")),
    path("api/v1/", include("apps.courses.urls")),
    path("api/v1/", include("apps.exams.urls")),
    path("api/v1/", include("apps.videos.urls")),
    path("api/v1/", include("apps.homework.urls")),
    path("api/v1/", include("apps.privacy.urls")),
    path("api/v1/", include("academy.storage.urls")),
    path("api/v1/", include("academy.jobs.urls")),
    path("api/v1/", include("academy.streams.urls")),
    path("api/v1/", include("academy.trail.urls")),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(url_name="schema"), name="api-docs"),
]

if settings.SMS_BACKEND == "outbox":
    urlpatterns.append(path("dev/outbox", outbox_page, name="dev-outbox"))

handler400 = "academy.http.errors.bad_request"
handler404 = "academy.http.errors.not_found"
handler500 = "academy.http.errors.server_error"
