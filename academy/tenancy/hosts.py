"""Which academy a host name belongs to."""

from __future__ import annotations

import time
from typing import Final

from academy.tenancy.models import Domain, Tenant

LOOKUP_SECONDS: Final = 30.0
MAX_CACHED_HOSTS: Final = 10_000

# host -> (good until, tenant). A copy of rows that change rarely; another replica has its own, at most 30 s older.
_cache: dict[str, tuple[float, Tenant | None]] = {}


def tenant_of_host(host: str) -> Tenant | None:
    """The academy that ``host`` (lower case, no port) belongs to, or ``None``. At most 30 s out of date."""
    now = time.monotonic()
    hit = _cache.get(host)
    if hit is not None and hit[0] > now:
        return hit[1]
    domain = Domain.objects.select_related("tenant__plan").filter(domain=host).first()
    tenant: Tenant | None = domain.tenant if domain else None
    if len(_cache) >= MAX_CACHED_HOSTS:
        _cache.clear()  # a flood of invented hosts must not grow the process
    _cache[host] = (now + LOOKUP_SECONDS, tenant)
    return tenant


def forget_hosts() -> None:
    """Empty this process's cache: after a domain or an academy was changed here, and between tests."""
    _cache.clear()
