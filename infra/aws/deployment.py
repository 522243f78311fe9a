"""What differs between two deployments besides their size: accounts, names, and what exists before the first stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from infra.aws.sizes import Size

IMAGE_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class BadContext(ValueError):
    """A value of the CDK context is missing or malformed."""


@dataclass(frozen=True)
class Deployment:
    """One deployment. ``zones`` are named, so that a synthesis needs no account to ask."""

    size: Size
    account: str
    region: str
    zones: tuple[str, str, str]
    base_domain: str
    platform_host: str
    image_digest: str
    """Of the one image that every service runs, in the repository ``academy``."""
    pooler_digest: str
    """Of infra/pgbouncer's image, in the repository ``academy-pgbouncer``."""
    edge_certificate_arn: str
    """In us-east-1, for ``*.base_domain``: CloudFront's."""
    certificate_arn: str
    """In the region, for the same names: the load balancer's."""
    cloudfront_prefix_list: str
    """``com.amazonaws.global.cloudfront.origin-facing`` of the region: who may reach the load balancer."""
    alarm_mail: str
    github_repository: str

    def __post_init__(self) -> None:
        for digest in (self.image_digest, self.pooler_digest):
            if not IMAGE_DIGEST.fullmatch(digest):
                raise BadContext(f"{digest!r} is no image digest: sha256: and 64 hexadecimal digits")
        if len(set(self.zones)) != 3 or not all(zone.startswith(self.region) for zone in self.zones):
            raise BadContext(f"three zones of {self.region} are needed, not {self.zones}")
        if not re.fullmatch(r"[0-9]{12}", self.account):
            raise BadContext(f"{self.account!r} is no account: twelve digits")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.github_repository):
            raise BadContext(f"{self.github_repository!r} is not owner/name")

    @property
    def prefix(self) -> str:
        return f"academy-{self.size.name}"

    @property
    def media_bucket(self) -> str:
        return f"{self.prefix}-media-{self.account}"
