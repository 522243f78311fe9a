"""The OpenAPI schema and its browser. They describe the API and show nobody's data."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from academy.http.disclosures import NOT_PERSONAL
from academy.http.permissions import PUBLIC, DeclaredPermission
from academy.http.security import HEADER, policy

# Swagger UI writes style elements and draws its icons from data URLs.
_POLICY: Final = policy(
    script_src=["'self'"],
    style_src=["'self'", "'unsafe-inline'"],
    img_src=["'self'", "data:"],
    connect_src=["'self'"],
)


class SchemaView(SpectacularAPIView):
    permissions = {"GET": PUBLIC}
    personal = {"GET": NOT_PERSONAL}
    permission_classes = [DeclaredPermission]  # the package's own default allows everything


class DocsView(SpectacularSwaggerSplitView):
    """Its script is a request of its own, so that the page needs none inline."""

    permissions = {"GET": PUBLIC}
    personal = {"GET": NOT_PERSONAL}
    permission_classes = [DeclaredPermission]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        final.headers[HEADER] = _POLICY
        return final
