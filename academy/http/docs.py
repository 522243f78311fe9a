"""The OpenAPI schema and its browser. They describe the API and show nobody's data."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from academy.http.permissions import PUBLIC, DeclaredPermission


class SchemaView(SpectacularAPIView):
    permissions: ClassVar = {"GET": PUBLIC}
    permission_classes: ClassVar = [DeclaredPermission]  # the package's own default allows everything


class DocsView(SpectacularSwaggerView):
    permissions: ClassVar = {"GET": PUBLIC}
    permission_classes: ClassVar = [DeclaredPermission]
