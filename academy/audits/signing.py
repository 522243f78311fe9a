"""Documents that prove themselves: JSON with a signature that only this deployment can make."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from django.utils.crypto import salted_hmac


def sign(content: Mapping[str, Any], *, purpose: str) -> dict[str, Any]:
    """``content`` with a ``signature`` under a key derived from ``SECRET_KEY`` and ``purpose``."""
    return {**content, "signature": _signature(content, purpose)}


def is_genuine(document: Mapping[str, Any], *, purpose: str) -> bool:
    """Whether the document is as it was signed, for this purpose, by somebody with this ``SECRET_KEY``."""
    content = {name: value for name, value in document.items() if name != "signature"}
    return hmac.compare_digest(_signature(content, purpose), str(document.get("signature", "")))


def _signature(content: Mapping[str, Any], purpose: str) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return salted_hmac(purpose, canonical, algorithm="sha256").hexdigest()
