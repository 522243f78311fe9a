"""Passkeys over HTTP. What browsers exchange is the JSON of WebAuthn (``PublicKeyCredential.toJSON``)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import LOG_IN, NOT_PERSONAL, OWN
from academy.http.permissions import PUBLIC, SIGNED_IN, SIGNING_IN
from apps.accounts import queries
from apps.accounts.api.me import ConfirmSerializer
from apps.accounts.api.session import SessionSerializer, session_of
from apps.accounts.models import Passkey
from apps.accounts.requests import person_of
from apps.accounts.services import passkeys
from apps.accounts.services.ceremonies import CHALLENGE_SECONDS

# WebAuthn writes these names in camel case.
# ruff: noqa: N815


class Base64UrlField(serializers.RegexField):
    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(r"^[A-Za-z0-9_-]*\Z", max_length=max_length, **kwargs)


class CredentialSerializer(serializers.Serializer[None]):
    id = Base64UrlField(1364)
    rawId = Base64UrlField(1364)
    type = serializers.ChoiceField(choices=["public-key"])


class MadeResponseSerializer(serializers.Serializer[None]):
    clientDataJSON = Base64UrlField(4096)
    attestationObject = Base64UrlField(32_768)
    transports = serializers.ListField(
        child=serializers.CharField(max_length=20), max_length=10, required=False, default=list
    )


class MadeCredentialSerializer(CredentialSerializer):
    """What ``navigator.credentials.create`` gave."""

    response = MadeResponseSerializer()


class ShownResponseSerializer(serializers.Serializer[None]):
    clientDataJSON = Base64UrlField(4096)
    authenticatorData = Base64UrlField(4096)
    signature = Base64UrlField(2048)
    userHandle = Base64UrlField(128, required=False, allow_null=True, allow_blank=True)


class ShownCredentialSerializer(CredentialSerializer):
    """What ``navigator.credentials.get`` gave."""

    response = ShownResponseSerializer()


class DescriptorSerializer(serializers.Serializer[None]):
    id = serializers.CharField()
    type = serializers.CharField()
    transports = serializers.ListField(child=serializers.CharField(), required=False)


class GetOptionsSerializer(serializers.Serializer[None]):
    """For ``PublicKeyCredential.parseRequestOptionsFromJSON``."""

    challenge = serializers.CharField()
    timeout = serializers.IntegerField(help_text="Milliseconds.")
    rpId = serializers.CharField()
    allowCredentials = DescriptorSerializer(many=True)
    userVerification = serializers.CharField()


class RelyingPartySerializer(serializers.Serializer[None]):
    id = serializers.CharField()
    name = serializers.CharField()


class NamedUserSerializer(serializers.Serializer[None]):
    id = serializers.CharField()
    name = serializers.CharField()
    displayName = serializers.CharField()


class AlgorithmSerializer(serializers.Serializer[None]):
    type = serializers.CharField()
    alg = serializers.IntegerField()


class SelectionSerializer(serializers.Serializer[None]):
    residentKey = serializers.CharField()
    requireResidentKey = serializers.BooleanField()
    userVerification = serializers.CharField()


class CreateOptionsSerializer(serializers.Serializer[None]):
    """For ``PublicKeyCredential.parseCreationOptionsFromJSON``."""

    rp = RelyingPartySerializer()
    user = NamedUserSerializer()
    challenge = serializers.CharField()
    pubKeyCredParams = AlgorithmSerializer(many=True)
    timeout = serializers.IntegerField(help_text="Milliseconds.")
    excludeCredentials = DescriptorSerializer(many=True)
    authenticatorSelection = SelectionSerializer()
    attestation = serializers.CharField()


class PasskeySerializer(serializers.ModelSerializer[Passkey]):
    """``host`` is where it is good; ``is_backed_up`` says that its maker keeps copies, e.g. in a cloud."""

    class Meta:
        model = Passkey
        fields = ("id", "name", "host", "created_at", "last_used_at", "is_backed_up")
        read_only_fields = fields


class NameSerializer(serializers.Serializer[None]):
    name = serializers.CharField(max_length=80)


class NewPasskeySerializer(NameSerializer):
    credential = MadeCredentialSerializer()


class AddedPasskeySerializer(serializers.Serializer[None]):
    """``recovery_codes`` is empty unless this is the first second factor of somebody who works here."""

    passkey = PasskeySerializer()
    recovery_codes = serializers.ListField(child=serializers.CharField())


def _asked(options: dict[str, Any], cookie: str) -> Response:
    response = Response(options)
    response.set_cookie(
        settings.PASSKEY_COOKIE_NAME,
        cookie,
        max_age=CHALLENGE_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )
    return response


def _cookie(request: Request) -> str | None:
    return request.COOKIES.get(settings.PASSKEY_COOKIE_NAME)


def _used(response: Response) -> Response:
    response.delete_cookie(settings.PASSKEY_COOKIE_NAME, samesite="Strict")
    return response


class AskToLogInView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses=GetOptionsSerializer, operation_id="session_ask_for_passkey")
    def post(self, request: Request) -> Response:
        """What to have signed by a passkey to log in. Names nobody: the authenticator knows whose passkeys it has."""
        return _asked(*passkeys.ask_to_log_in(request._request))


class LogInByPasskeyView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": LOG_IN}

    @extend_schema(
        request=ShownCredentialSerializer, responses={201: SessionSerializer}, operation_id="session_start_by_passkey"
    )
    def post(self, request: Request) -> Response:
        """Log in with a passkey, in the browser that asked. No second factor is due afterwards."""
        given = ShownCredentialSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        request.user = passkeys.log_in_by_passkey(
            request._request, cookie=_cookie(request), credential=given.validated_data
        )
        return _used(Response(session_of(request), status=status.HTTP_201_CREATED))


class AskToShowView(APIView):
    permissions: ClassVar = {"POST": SIGNING_IN}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses=GetOptionsSerializer, operation_id="session_ask_to_show_passkey")
    def post(self, request: Request) -> Response:
        """What to have signed by one of one's passkeys, as the second factor or to confirm who one is."""
        return _asked(*passkeys.ask_to_show(request._request, person_of(request)))


class ShowPasskeyView(APIView):
    permissions: ClassVar = {"POST": SIGNING_IN}
    personal: ClassVar = {"POST": LOG_IN}

    @extend_schema(request=ShownCredentialSerializer, responses=SessionSerializer, operation_id="session_show_passkey")
    def post(self, request: Request) -> Response:
        """Complete the log-in with a passkey, or confirm who one is for the next ten minutes."""
        given = ShownCredentialSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        passkeys.show_passkey(
            request._request, person_of(request), cookie=_cookie(request), credential=given.validated_data
        )
        return _used(Response(session_of(request)))


class AskToAddView(APIView):
    permissions: ClassVar = {"POST": SIGNING_IN}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=ConfirmSerializer, responses=CreateOptionsSerializer, operation_id="passkeys_ask_to_add")
    def post(self, request: Request) -> Response:
        """What to make a passkey for. Needs the password, or a log-in of the last ten minutes."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return _asked(*passkeys.begin_passkey(request._request, person_of(request), **given.validated_data))


class PasskeysView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "POST": SIGNING_IN}
    personal: ClassVar = {"GET": OWN, "POST": OWN}

    @extend_schema(responses=PasskeySerializer(many=True), operation_id="passkeys_list")
    def get(self, request: Request) -> Response:
        """One's own passkeys, the newest first."""
        return Response(PasskeySerializer(queries.passkeys_of(person_of(request).pk), many=True).data)

    @extend_schema(request=NewPasskeySerializer, responses={201: AddedPasskeySerializer}, operation_id="passkeys_add")
    def post(self, request: Request) -> Response:
        """Keep the passkey that was made. The first second factor of staff comes with recovery codes, once."""
        given = NewPasskeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        passkey, codes = passkeys.add_passkey(
            request._request, person_of(request), cookie=_cookie(request), **given.validated_data
        )
        body = {"passkey": PasskeySerializer(passkey).data, "recovery_codes": codes}
        return _used(Response(body, status=status.HTTP_201_CREATED))


class PasskeyView(APIView):
    permissions: ClassVar = {"PATCH": SIGNED_IN, "DELETE": SIGNED_IN}
    personal: ClassVar = {"PATCH": OWN, "DELETE": OWN}

    @extend_schema(request=NameSerializer, responses=PasskeySerializer, operation_id="passkeys_rename")
    def patch(self, request: Request, passkey_id: int) -> Response:
        given = NameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        renamed = passkeys.rename_passkey(person_of(request), passkey_id=passkey_id, **given.validated_data)
        return Response(PasskeySerializer(renamed).data)

    @extend_schema(request=ConfirmSerializer, responses={204: None}, operation_id="passkeys_remove")
    def delete(self, request: Request, passkey_id: int) -> Response:
        """Take a passkey out of use. Every other session ends. Needs what adding one needs."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        passkeys.remove_passkey(
            request._request, person_of(request), passkey_id=passkey_id, password=given.validated_data["password"]
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
