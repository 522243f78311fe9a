"""What all pages of the desk have in common: their language and what their browser may load."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from academy.desk.errors import is_desk
from academy.http.security import HEADER, policy
from academy.storage import s3


def desk_policy() -> str:
    """Own files, and the pictures, films and uploads of the media bucket.

    unfold needs two things more. Alpine makes functions of the expressions in its attributes, hence 'unsafe-eval'; no
    script is inline, so that what gets into a page as markup does not run. Its widgets have style attributes.
    """
    media = s3.browser_origins()
    return policy(
        script_src=["'self'", "'unsafe-eval'"],
        style_src=["'self'"],
        style_src_attr=["'unsafe-inline'"],
        font_src=["'self'"],
        img_src=["'self'", "data:", *media],
        media_src=list(media),
        connect_src=["'self'", *media],
        form_action=["'self'"],
    )


class DeskMiddleware:
    """The language that somebody chose, Korean until they do: not their browser's, which is often nobody's choice."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_desk(request):
            return self.get_response(request)
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = self.get_response(request)
        response.headers.setdefault(HEADER, desk_policy())
        return response
