"""What the acting academy looks like."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from academy.storage import s3
from academy.tenancy.context import acting_tenant
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from apps.academies.models import Logo
from apps.accounts.models import User
from tests.factories.exams import make_upload


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG: Final = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0" + b"\x1d\x4f\x91" * 3)),
        _chunk(b"IEND", b""),
    )
)
"""Three blue pixels."""


def make_logo(*, created_by: User) -> Logo:
    """A picture that was drawn and is not in use."""
    upload = make_upload(created_by=created_by, is_used=True, file_name="logo.png", content_type="image/png")
    logo = Logo(upload=upload, created_by=created_by)
    logo.save()
    Logo.objects.filter(pk=logo.pk).update(
        logo_key=s3.tenant_key("logos", str(logo.pk), "1", "logo.png"),
        icon_key=s3.tenant_key("logos", str(logo.pk), "1", "icon.png"),
    )
    logo.refresh_from_db()
    return logo


def use_logo(logo: Logo, *, data: bytes = PNG) -> None:
    """Put the logo to use, with its pictures in S3."""
    for key in (logo.logo_key, logo.icon_key):
        s3.write_object(key, data, content_type="image/png")
    place = logo.logo_key.rpartition("/")[0]
    Tenant.objects.filter(pk=acting_tenant().pk).update(logo_place=place)
    acting_tenant().logo_place = place
    forget_hosts()
