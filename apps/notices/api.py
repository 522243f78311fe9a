"""Notices over HTTP: whether this browser gets them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import OWN
from academy.http.permissions import SIGNED_IN
from apps.accounts.requests import person_of
from apps.notices import web_push
from apps.notices.queries import is_offered, is_subscribed
from apps.notices.services import subscribe, unsubscribe


class OwnNoticesSerializer(serializers.Serializer[None]):
    """``key``: the server's, for ``PushManager.subscribe``; "" where nothing is pushed. ``is_on``: to this browser."""

    key = serializers.CharField()
    is_on = serializers.BooleanField()


class SubscribeSerializer(serializers.Serializer[None]):
    """As the browser's ``PushSubscription`` tells them; keys in base64url."""

    endpoint = serializers.CharField(max_length=1000)
    p256dh = serializers.CharField(max_length=88)
    auth = serializers.CharField(max_length=24)
    language = serializers.ChoiceField(choices=[code for code, _ in settings.LANGUAGES])


class OwnNoticesView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "PUT": SIGNED_IN, "DELETE": SIGNED_IN}
    personal: ClassVar = {"GET": OWN, "PUT": OWN, "DELETE": OWN}

    @extend_schema(responses=OwnNoticesSerializer, operation_id="own_notices_show")
    def get(self, request: Request) -> Response:
        """Whether notices are pushed here, and to this browser."""
        is_on = is_subscribed(request._request.session.session_key)
        return Response({"key": web_push.public_key() if is_offered() else "", "is_on": is_on})

    @extend_schema(request=SubscribeSerializer, responses={204: None}, operation_id="own_notices_subscribe")
    def put(self, request: Request) -> Response:
        """Want notices in this browser for as long as one is signed in."""
        given = SubscribeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        session_key = request._request.session.session_key or ""
        subscribe(by=person_of(request), session_key=session_key, **given.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses={204: None}, operation_id="own_notices_unsubscribe")
    def delete(self, request: Request) -> Response:
        """Want none in this browser any more."""
        unsubscribe(session_key=request._request.session.session_key or "")
        return Response(status=status.HTTP_204_NO_CONTENT)
