"""From what a request costs here to what a deployment needs: a model, not a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

BUSY: Final = 0.6
"""Of a processor: beyond it, requests that arrive at random wait for each other."""
HOURS: Final = 730
VCPU_USD: Final = 0.0466
GIB_USD: Final = 0.0051
"""An hour of Fargate in Seoul, on demand; look the prices up before you believe a sum."""
GIB_PER_VCPU: Final = 2

# Name -> requests a second at the peak, size of infra/aws that is meant for it. 10,000 people a day ask 200,000 times,
# a fifth of it in the hour after school, twice as often in its worst minutes; 100,000 were planned with 2,000 a second.
CASES: Final[Mapping[str, tuple[float, str]]] = {
    "10,000 people a day": (200_000 / 5 / 3600 * 2, "m"),
    "2,000 requests a second": (2_000.0, "l"),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """Of one case. Connections: one for each process, of which there is one for each processor."""

    case: str
    rate: float
    web_vcpus: int
    database_vcpus: int
    connections: int
    web_usd: int
    statements: float
    size: str


def needs(web_ms: float, database_ms: float, statements: float) -> list[Needs]:
    """``web_ms`` and ``database_ms``: processor time of one request of the mix; ``statements``: what it sends."""
    found = []
    for case, (rate, size) in CASES.items():
        web = ceil(rate * web_ms / 1000 / BUSY)
        usd = web * HOURS * (VCPU_USD + GIB_PER_VCPU * GIB_USD)
        database = ceil(rate * database_ms / 1000 / BUSY)
        found.append(Needs(case, rate, web, database, web, round(usd), rate * statements, size))
    return found
