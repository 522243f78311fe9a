"""How browsers keep the app's files."""

from __future__ import annotations

import re
from typing import Final

from academy.http.security import HEADER, policy

HASHED_PREFIX: Final = "/assets/"
"""Below it every file's name holds the hash of its content."""
_HASHED: Final = re.compile(r"^/assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")


def is_immutable(path: str, url: str) -> bool:  # noqa: ARG001 - WhiteNoise gives both
    return bool(_HASHED.match(url)) or bool(re.match(r"^/static/.+\.[0-9a-f]{12}\..+$", url))


def add_headers(headers: dict[str, str], path: str, url: str) -> None:  # noqa: ARG001 - as above
    """The service worker is asked for anew each time: it is what tells of a new version.

    It runs under the policy that it comes with, and fetches the app's files to keep them.
    """
    if url == "/sw.js":
        headers["Cache-Control"] = "no-cache"
        headers[HEADER] = policy(script_src=["'self'"], connect_src=["'self'"])
