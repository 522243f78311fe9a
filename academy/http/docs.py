"""The OpenAPI schema and its browser. They describe the API and show nobody's data."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.permissions import PUBLIC, DeclaredPermission


class SchemaView(SpectacularAPIView):
    permissions = {"GET": PUBLIC}
    personal = {"GET": NOT_PERSONAL}
    permission_classes = [DeclaredPermission]  # the package's own default allows everything


class DocsView(SpectacularSwaggerView):
    permissions = {"GET": PUBLIC}
    personal = {"GET": NOT_PERSONAL}
    permission_classes = [DeclaredPermission]
