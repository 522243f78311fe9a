from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Prints a new key that push services know this deployment by (RFC 8292). Keep it as a secret, and for good:"
        " with another one every device has to be asked anew."
    )
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:  # noqa: ARG002
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        key = urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        self.stdout.write(f"VAPID_PRIVATE_KEY={key}")
