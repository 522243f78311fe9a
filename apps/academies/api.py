"""The academy's pictures, which whoever is about to log in sees, too."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL
from academy.http.permissions import PUBLIC
from academy.http.rendering import AnyAccept
from academy.tenancy.context import acting_tenant
from apps.academies import pictures


class PictureView(APIView):
    permissions: ClassVar = {"GET": PUBLIC}
    personal: ClassVar = {"GET": NOT_PERSONAL}
    content_negotiation_class = AnyAccept
    picture = ""

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponse:
        """The academy's logo or icon, drawn by us. The session names its address, another one for each new logo."""
        tenant, asked = acting_tenant(), request.get_full_path()
        if asked != tenant.picture_url(self.picture):
            tenant.refresh_from_db(fields=["logo_place"])  # another process knows the new one already
        data = pictures.picture(self.picture)
        is_named = asked == tenant.picture_url(self.picture)
        cached = "public, max-age=31536000, immutable" if is_named else "no-cache"
        return HttpResponse(data, content_type="image/png", headers={"Cache-Control": cached})
