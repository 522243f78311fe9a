"""Every address of an academy's host that is no service's leads to the app, whose router knows the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from academy.http.security import policy
from academy.storage import s3
from academy.tenancy.context import acting_tenant

MANIFEST_PATH: Final = "/manifest.webmanifest"
# What the server answers itself; below them the app is never the answer, not even to what is missing.
SERVED_PREFIXES: Final = ("/api/", "/admin/", "/static/", "/dev/", "/health", "/ready")
THEME_COLOUR: Final = "#ffffff"


class FrontendMiddleware:
    """Answers for the app, inside the tenancy middleware: an unknown host and a suspended academy have none.

    Its scripts and styles are plain files (WhiteNoise, ``settings.FRONTEND_FILES``). Until it is built there is none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        index = Path(settings.FRONTEND_INDEX)
        self.index = index.read_bytes() if index.is_file() else None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_manifest = request.path == MANIFEST_PATH
        is_asked = request.method in {"GET", "HEAD"} and (is_manifest or is_page_of_the_app(request.path))
        if self.index is None or not is_asked or acting_tenant().is_platform:
            return self.get_response(request)
        if is_manifest:
            return _manifest()
        return HttpResponse(
            self.index, headers={"Cache-Control": "no-store", "Content-Security-Policy": content_security_policy()}
        )


def is_page_of_the_app(path: str) -> bool:
    """Whether the app's router has this path. A file that is missing stays missing: no page answers for a script."""
    last = path.rpartition("/")[2]
    return "." not in last and f"{path}/" not in SERVED_PREFIXES and not path.startswith(SERVED_PREFIXES)


def content_security_policy() -> str:
    """Nothing inline, nothing of other origins but the files that people send and see.

    Films come as a file, as a playlist of ours, or put together by the app ("blob:").
    """
    files = s3.browser_origins()
    return policy(
        script_src=["'self'"],
        style_src=["'self'"],
        font_src=["'self'"],
        img_src=["'self'", "blob:", "data:", *files],
        media_src=["'self'", "blob:", *files],
        connect_src=["'self'", *files],
        manifest_src=["'self'"],
        worker_src=["'self'"],
        form_action=["'self'"],
    )


def _manifest() -> HttpResponse:
    """What a phone shows of the app on its home screen: the academy's name."""
    tenant = acting_tenant()
    name, icon = tenant.name, tenant.picture_url("icon")
    large = icon or "/icons/512.png"
    manifest = {
        "id": "/",
        "name": name,
        "short_name": name,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "orientation": "portrait",
        "background_color": THEME_COLOUR,
        "theme_color": THEME_COLOUR,
        "icons": [
            *([] if icon else [{"src": "/icons/192.png", "sizes": "192x192", "type": "image/png"}]),
            {"src": large, "sizes": "512x512", "type": "image/png"},
            {"src": large, "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        ],
    }
    return HttpResponse(
        orjson.dumps(manifest), content_type="application/manifest+json", headers={"Cache-Control": "no-cache"}
    )
