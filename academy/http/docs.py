"""The OpenAPI schema and its browser. They describe the API and show nobody's data."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from academy.http.permissions import PUBLIC, DeclaredPermission


class SchemaView(SpectacularAPIView):
    permissions = {"GET": PUBLIC}
    permission_classes = [DeclaredPermission]  # the package's own default allows everything


class DocsView(SpectacularSwaggerView):
    permissions = {"GET": PUBLIC}
    permission_classes = [DeclaredPermission]
