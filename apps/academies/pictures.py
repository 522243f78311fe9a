"""The drawings of the logo in use, as browsers and printers get them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, TypedDict

from academy.http.errors import Missing
from academy.storage import s3
from academy.tenancy.context import acting_tenant

PICTURES: Final = ("logo", "icon")
MAX_BYTES: Final = 4 * 1024 * 1024
"""A drawing holds 172,800 or 262,144 pixels of three bytes."""


def picture(name: str) -> bytes:
    """The PNG of the acting academy's "logo" or "icon". Raises ``Missing`` where there is none."""
    place = acting_tenant().logo_place
    if not place or name not in PICTURES:
        raise Missing
    try:
        return s3.read_object(f"{place}/{name}.png", max_bytes=MAX_BYTES)
    except s3.ObjectMissing as error:
        raise Missing from error


class SheetBrand(TypedDict, total=False):
    """What ``sheets.pdf.render_pdf`` takes of an academy's looks."""

    academy: str
    colour: int
    logo: bytes


def sheet_brand() -> SheetBrand:
    """The acting academy's name, and its colour and logo where it has chosen them."""
    tenant = acting_tenant()
    brand: SheetBrand = {"academy": tenant.name}
    if tenant.colour:
        brand["colour"] = int(tenant.colour[1:], 16)
    with suppress(Missing):
        brand["logo"] = picture("logo")
    return brand
