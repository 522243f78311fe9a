"""Every URL of the platform's host: the same API, and the operators' site at /admin/."""

from django.urls import path

from academy.desk.site import platform_desk
from academy.operations import admin as _operations  # noqa: F401  registers the operators' pages
from academy.urls import handler400, handler403, handler404, handler500, shared
from apps.accounts import admin as _accounts  # noqa: F401  registers the log-in

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [*shared, path("admin/", platform_desk.urls)]
