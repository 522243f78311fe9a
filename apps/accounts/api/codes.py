"""What endpoints that ask for codes share: what they are told, and the answer."""

from __future__ import annotations

from rest_framework import serializers, status
from rest_framework.response import Response

from apps.accounts.requests import keep_code
from apps.accounts.services.codes import CODE_DIGITS, CODE_SECONDS


class PhoneSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)


class AskedSerializer(serializers.Serializer[None]):
    digits = serializers.IntegerField()
    good_for_seconds = serializers.IntegerField()


def asked(cookie: str) -> Response:
    """The answer to every asking, whoever has the phone."""
    response = Response({"digits": CODE_DIGITS, "good_for_seconds": CODE_SECONDS}, status=status.HTTP_202_ACCEPTED)
    return keep_code(response, cookie)
