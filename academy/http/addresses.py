"""Where a request comes from, as far as that can be known."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.http import HttpRequest

UNKNOWN: Final = "unknown"

# Somebody who has one IPv6 address has 2^64 of them.
_COUNTED_BITS: Final = {4: 32, 6: 64}
# What is shown and kept of an address: enough to recognise a place, not a household.
_SHOWN_BITS: Final = {4: 24, 6: 48}


def counted_address(request: HttpRequest) -> str:
    """Whom a limit per address counts: the IPv4 address, or the /64 of an IPv6 address."""
    return _network(request, _COUNTED_BITS)


def shown_address(request: HttpRequest) -> str:
    """The neighbourhood of the address: /24, or /48 for IPv6."""
    return _network(request, _SHOWN_BITS)


def _network(request: HttpRequest, bits: dict[int, int]) -> str:
    address = client_address(request)
    if address is None:
        return UNKNOWN
    return str(ip_network((address, bits[address.version]), strict=False))


def client_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The address of the last hop that we trust no longer.

    Each trusted proxy appends whom it was called by to ``X-Forwarded-For``; what is left of those was written by
    whoever called, and is not read.
    """
    hops = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    trusted: int = settings.TRUSTED_PROXY_COUNT
    text = hops[-trusted] if 0 < trusted <= len(hops) else request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
