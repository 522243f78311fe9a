"""The environment that the application reads, as it is on the embedded stack. Names and meaning: .env.example."""

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.local.aws import RunningAws
from infra.local.postgres import RunningPostgres
from infra.local.state import read_private, write_private

DEFAULT_PUBLIC_PORT = 8000
MEDIA_BUCKET = "academy-media"


@dataclass(frozen=True)
class Services:
    """What the application talks to."""

    postgres: RunningPostgres
    aws: RunningAws


def application_environment(services: Services, *, secret_key: str, public_port: int) -> dict[str, str]:
    """The variables of the application and of boto3, complete."""
    postgres, aws = services.postgres, services.aws
    return {
        "ACADEMY_ENV": "local",
        "DJANGO_SETTINGS_MODULE": "academy.settings",
        "SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.url("academy_app"),
        "MIGRATION_DATABASE_URL": postgres.url("academy_owner"),
        "DISPATCHER_DATABASE_URL": postgres.url("academy_dispatcher"),
        "AWS_REGION": aws.region,
        "AWS_DEFAULT_REGION": aws.region,  # the name that boto3 reads
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MEDIA_BUCKET": MEDIA_BUCKET,
        "QUEUE_PREFIX": "academy",
        "BASE_DOMAIN": "localhost",
        "PLATFORM_HOST": "platform.localhost",
        "PUBLIC_PORT": str(public_port),
        "OMP_THREAD_LIMIT": "1",
        "VAPID_PRIVATE_KEY": _vapid_key(secret_key),
        "VAPID_SUBJECT": "mailto:nobody@localhost",
    }


def _vapid_key(secret_key: str) -> str:
    """As stable as ``secret_key``, from which it is derived: devices that were asked once are known after a restart."""
    digest = hashlib.sha256(b"vapid:" + secret_key.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def inherited_environment() -> dict[str, str]:
    """Ours, without what could lead a child to real AWS or to another server's settings."""
    misleading = ("AWS_", "PG", "GUNICORN_")
    return {name: value for name, value in os.environ.items() if not name.startswith(misleading)}


def remembered_secret_key(state_dir: Path) -> str:
    """Django's SECRET_KEY of this state folder, made the first time: sessions outlive a restart."""
    file = state_dir / "secret-key.json"
    match read_private(file):
        case {"secret_key": str(secret_key)}:
            return secret_key
    secret_key = secrets.token_urlsafe(48)
    write_private(file, {"secret_key": secret_key})
    return secret_key
