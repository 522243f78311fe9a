"""What differs between two deployments besides their size: accounts, names, and what exists before the first stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from infra.aws.sizes import Size

# Keys of the application's secret that a deployment may name: where crashes go, and what a collector asks for.
TELEMETRY_SECRETS: Final = ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS")
IMAGE_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# The models of the premium workers, which a deployment may leave out.
OCR_SETTINGS: Final = (
    "ocr_model_url",
    "ocr_model_name",
    "ocr_onnx_recogniser",
    "ocr_onnx_alphabet",
    "ocr_onnx_detector",
)
# Who is told of crashes and traces, if anybody.
TELEMETRY_SETTINGS: Final = ("otlp_endpoint", "otlp_share", "telemetry_secrets")
# What a deployment may leave out.
OPTIONAL_SETTINGS: Final = (*OCR_SETTINGS, *TELEMETRY_SETTINGS, "vapid_subject")


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
    ocr_model_url: str = ""
    """Of a vision model that doubtful lines are shown to; its key is OCR_MODEL_KEY of the application's secret."""
    ocr_model_name: str = ""
    ocr_onnx_recogniser: str = ""
    """Networks in the image, path and SHA-256 each: .env.example."""
    ocr_onnx_alphabet: str = ""
    ocr_onnx_detector: str = ""
    vapid_subject: str = ""
    """Whom push services write to about notices ("mailto:..."); its key is VAPID_PRIVATE_KEY of the same secret."""
    otlp_endpoint: str = ""
    """Of a collector of traces; none are recorded without one."""
    otlp_share: str = ""
    """Of the requests that are recorded, from 0 to 1; .env.example has the default."""
    telemetry_secrets: str = ""
    """Which of SENTRY_DSN and OTEL_EXPORTER_OTLP_HEADERS the application's secret holds, by commas."""

    def __post_init__(self) -> None:
        if bool(self.ocr_model_url) != bool(self.ocr_model_name):
            raise BadContext("ocr_model_url and ocr_model_name go together")
        if self.ocr_model_url and not self.ocr_model_url.startswith("https://"):
            raise BadContext(f"{self.ocr_model_url!r} is not https")
        if self.vapid_subject and not self.vapid_subject.startswith(("mailto:", "https://")):
            raise BadContext(f"{self.vapid_subject!r} is neither mailto: nor https://")
        if bool(self.ocr_onnx_recogniser) != bool(self.ocr_onnx_alphabet):
            raise BadContext("ocr_onnx_recogniser and ocr_onnx_alphabet go together")
        if self.ocr_onnx_detector and not self.ocr_onnx_recogniser:
            raise BadContext("ocr_onnx_detector needs ocr_onnx_recogniser")
        if self.otlp_endpoint and not self.otlp_endpoint.startswith(("https://", "http://")):
            raise BadContext(f"otlp_endpoint is {self.otlp_endpoint!r}: not an http address")
        if self.otlp_share and not re.fullmatch(r"0(\.[0-9]+)?|1(\.0+)?", self.otlp_share):
            raise BadContext(f"otlp_share is {self.otlp_share!r}: not between 0 and 1")
        if unknown := set(self.named_telemetry_secrets) - set(TELEMETRY_SECRETS):
            raise BadContext(f"telemetry_secrets names {', '.join(sorted(unknown))}")
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
    def ocr_environment(self) -> dict[str, str]:
        """What the premium workers read text by, apart from the key; nothing where nothing is configured."""
        return {name.upper(): getattr(self, name) for name in OCR_SETTINGS if getattr(self, name)}

    @property
    def push_environment(self) -> dict[str, str]:
        """What notices are pushed by, apart from the key; nothing where none are."""
        return {"VAPID_SUBJECT": self.vapid_subject} if self.vapid_subject else {}

    @property
    def named_telemetry_secrets(self) -> list[str]:
        return [name.strip() for name in self.telemetry_secrets.split(",") if name.strip()]

    @property
    def telemetry_environment(self) -> dict[str, str]:
        """What crashes and traces are told by: the deployment, the release, and the collector where there is one."""
        found = {"DEPLOYMENT": self.prefix, "RELEASE": self.image_digest}
        if self.otlp_endpoint:
            found["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.otlp_endpoint
        if self.otlp_share:
            found["OTEL_TRACES_SAMPLER_ARG"] = self.otlp_share
        return found

    @property
    def prefix(self) -> str:
        return f"academy-{self.size.name}"

    @property
    def media_bucket(self) -> str:
        return f"{self.prefix}-media-{self.account}"
