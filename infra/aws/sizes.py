"""How large each part is for 500, 10,000 and 100,000 users. One dataclass, three constants: nothing else differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Processes:
    """One ECS service: vCPU units (1024 are one), MiB, and between how many tasks it scales."""

    cpu: int
    memory_mib: int
    at_least: int
    at_most: int


@dataclass(frozen=True)
class Size:
    """One deployment's size; ``name`` is the CDK context ``size`` and part of every stack's name."""

    name: str
    users: int
    database_class: str
    """Of Graviton, without the leading ``db.``."""
    database_gib: int
    database_connections: int
    """``max_connections``, set rather than left to the formula of RDS, so that the pools can be checked against it."""
    pool_size: int
    """PostgreSQL connections of one task's PgBouncer."""
    nat_gateways: int
    api: Processes
    web_concurrency: int
    streams: Processes
    cpu: Processes
    video: Processes
    premium: Processes
    premium_machine: str
    dispatcher: Processes
    budget_usd: int
    """A month's budget: mail at 80 % of it spent and at 100 % foreseen."""

    @property
    def most_connections(self) -> int:
        """What PostgreSQL sees when everything is at its largest, during a rolling deploy of every service at once.

        API, workers: one pool per task. Streams: the pool and a listener. Dispatchers: two each. Doubled, since a
        rolling deploy may have the old and the new tasks side by side.
        """
        pooled = sum(part.at_most for part in (self.api, self.streams, self.cpu, self.video, self.premium))
        return 2 * (pooled * self.pool_size + self.streams.at_most + 2 * self.dispatcher.at_most)


UP_TO_500: Final = Size(
    name="s",
    users=500,
    database_class="t4g.medium",
    database_gib=50,
    database_connections=250,
    pool_size=4,
    nat_gateways=1,
    api=Processes(512, 1024, 2, 4),
    web_concurrency=2,
    streams=Processes(256, 512, 2, 2),
    cpu=Processes(1024, 2048, 1, 6),
    video=Processes(2048, 8192, 1, 3),
    premium=Processes(3072, 14_000, 1, 2),
    premium_machine="g4dn.xlarge",
    dispatcher=Processes(256, 512, 1, 1),
    budget_usd=1_500,
)
UP_TO_10_000: Final = Size(
    name="m",
    users=10_000,
    database_class="m7g.xlarge",
    database_gib=300,
    database_connections=1_000,
    pool_size=5,
    nat_gateways=3,
    api=Processes(1024, 2048, 3, 16),
    web_concurrency=2,
    streams=Processes(512, 1024, 2, 8),
    cpu=Processes(2048, 4096, 2, 40),
    video=Processes(4096, 16_384, 1, 16),
    premium=Processes(3072, 14_000, 1, 6),
    premium_machine="g4dn.xlarge",
    dispatcher=Processes(512, 1024, 2, 2),
    budget_usd=7_500,
)
UP_TO_100_000: Final = Size(
    name="l",
    users=100_000,
    database_class="r7g.4xlarge",
    database_gib=2_000,
    database_connections=4_000,
    pool_size=6,
    nat_gateways=3,
    api=Processes(2048, 4096, 6, 80),
    web_concurrency=4,
    streams=Processes(1024, 2048, 4, 32),
    cpu=Processes(4096, 8192, 4, 120),
    video=Processes(4096, 16_384, 2, 60),
    premium=Processes(3072, 14_000, 2, 24),
    premium_machine="g5.xlarge",
    dispatcher=Processes(1024, 2048, 2, 3),
    budget_usd=45_000,
)
SIZES: Final = {size.name: size for size in (UP_TO_500, UP_TO_10_000, UP_TO_100_000)}
