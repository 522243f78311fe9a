"""Every URL there is. The only file that names every app."""

from importlib import import_module

from django.conf import settings
from django.urls import include, path

from academy.desk.site import academy_desk
from academy.http.docs import DocsView, SchemaView
from academy.http.health import health
from academy.operations.readiness import ready
from academy.sms.outbox import outbox_page

# What answers on every host.
shared = [
    path("health", health, name="health"),
    path("ready", ready, name="ready"),
    path("api/v1/", include("apps.accounts.urls")),
    path("api/v1/", include("apps.academies.urls")),
    path("api/v1/", include("apps.notices.urls")),
    path("api/v1/", include("apps.students.urls")),
    path("api/v1/", include("apps.courses.urls")),
    path("api/v1/", include("apps.exams.urls")),
    path("api/v1/", include("apps.videos.urls")),
    path("api/v1/", include("apps.homework.urls")),
    path("api/v1/", include("apps.lectures.urls")),
    path("api/v1/", include("apps.documents.urls")),
    path("api/v1/", include("apps.privacy.urls")),
    path("api/v1/", include("academy.storage.urls")),
    path("api/v1/", include("academy.jobs.urls")),
    path("api/v1/", include("academy.streams.urls")),
    path("api/v1/", include("academy.trail.urls")),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(url_name="schema"), name="api-docs"),
]

if settings.SMS_BACKEND == "outbox":
    shared.append(path("dev/outbox", outbox_page, name="dev-outbox"))

# These register their pages on the desk.
for module in (
    "apps.accounts.admin",
    "apps.academies.admin",
    "apps.trash.admin",
    "apps.students.admin",
    "apps.courses.admin",
    "apps.rosters.admin",
    "apps.exams.admin",
    "apps.homework.admin",
    "apps.videos.admin",
    "apps.lectures.admin",
    "apps.documents.admin",
    "academy.jobs.admin",
):
    import_module(module)

urlpatterns = [*shared, path("admin/", academy_desk.urls)]

handler400 = "academy.desk.errors.bad_request"
handler403 = "academy.desk.errors.forbidden"
handler404 = "academy.desk.errors.not_found"
handler500 = "academy.desk.errors.server_error"
