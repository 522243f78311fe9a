"""What endpoints that ask for codes share: the answer, and the cookie that binds the code to the browser."""

from __future__ import annotations

from django.conf import settings
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.services.codes import CODE_DIGITS, CODE_SECONDS


class PhoneSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)


class AskedSerializer(serializers.Serializer[None]):
    digits = serializers.IntegerField()
    good_for_seconds = serializers.IntegerField()


def asked(cookie: str) -> Response:
    """The answer to every asking, whoever has the phone."""
    response = Response({"digits": CODE_DIGITS, "good_for_seconds": CODE_SECONDS}, status=status.HTTP_202_ACCEPTED)
    response.set_cookie(
        settings.CODE_COOKIE_NAME,
        cookie,
        max_age=CODE_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )
    return response


def code_cookie(request: Request) -> str | None:
    """The cookie of the last asking in this browser."""
    return request.COOKIES.get(settings.CODE_COOKIE_NAME)


def forget_code(response: Response) -> Response:
    """``response``, which also tells the browser that the code is used."""
    response.delete_cookie(settings.CODE_COOKIE_NAME, samesite="Strict")
    return response
