"""What people do about themselves: password, phone, their sessions, their second factor."""

from __future__ import annotations

import uuid
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, OWN
from academy.http.permissions import PUBLIC, SIGNED_IN, SIGNING_IN
from apps.accounts import queries
from apps.accounts.api.codes import AskedSerializer, PhoneSerializer, asked
from apps.accounts.api.session import CodeSerializer
from apps.accounts.models import Purpose, Session
from apps.accounts.requests import code_cookie, forget_code, person_of
from apps.accounts.services.access import end_session, end_sessions
from apps.accounts.services.codes import ask_for_code
from apps.accounts.services.passwords import change_password, reset_password
from apps.accounts.services.phones import ask_to_change_phone, change_phone
from apps.accounts.services.second_factors import (
    begin_authenticator,
    confirm_authenticator,
    give_up_second_factor,
    renew_recovery_codes,
)


class PasswordField(serializers.CharField):
    def __init__(self, **kwargs: object) -> None:
        super().__init__(max_length=128, trim_whitespace=False, **kwargs)  # type: ignore[arg-type]


class NewPasswordSerializer(serializers.Serializer[None]):
    """``old_password`` is left out by somebody who has none yet."""

    old_password = PasswordField(required=False, default="", allow_blank=True)
    password = PasswordField()


class ResetPasswordSerializer(serializers.Serializer[None]):
    code = serializers.CharField(max_length=16)
    password = PasswordField()


class ConfirmSerializer(serializers.Serializer[None]):
    """``password`` is left out by somebody who has none."""

    password = PasswordField(required=False, default="", allow_blank=True)


class NewPhoneSerializer(ConfirmSerializer):
    phone = serializers.CharField(max_length=32)


class OpenSessionSerializer(serializers.ModelSerializer[Session]):
    id = serializers.UUIDField(source="handle")
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ("id", "user_agent", "address", "created_at", "last_seen_at", "is_current")
        read_only_fields = fields

    def get_is_current(self, session: Session) -> bool:
        return bool(session.session_key == self.context["session_key"])


class AuthenticatorSerializer(serializers.Serializer[None]):
    """For an authenticator app: ``address`` as a QR code, or ``secret`` typed in."""

    secret = serializers.CharField()
    address = serializers.CharField()


class RecoveryCodesSerializer(serializers.Serializer[None]):
    recovery_codes = serializers.ListField(child=serializers.CharField())


class SecondFactorSerializer(serializers.Serializer[None]):
    has_second_factor = serializers.BooleanField()
    recovery_codes_left = serializers.IntegerField()


class PasswordView(APIView):
    permissions: ClassVar = {"POST": SIGNED_IN}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=NewPasswordSerializer, responses={204: None}, operation_id="password_change")
    def post(self, request: Request) -> Response:
        """Set a new password. Every other session ends."""
        given = NewPasswordSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        change_password(request._request, user=person_of(request), **given.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AskToResetPasswordView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=PhoneSerializer, responses={202: AskedSerializer}, operation_id="password_ask_to_reset")
    def post(self, request: Request) -> Response:
        """Text a code to reset the password with. The answer does not tell whether anybody here has this phone."""
        given = PhoneSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        phone = given.validated_data["phone"]
        return asked(ask_for_code(request._request, phone=phone, purpose=Purpose.RESET_PASSWORD))


class ResetPasswordView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=ResetPasswordSerializer, responses={204: None}, operation_id="password_reset")
    def post(self, request: Request) -> Response:
        """Set a new password with the code. Every session ends; log in anew."""
        given = ResetPasswordSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reset_password(request._request, cookie=code_cookie(request), **given.validated_data)
        return forget_code(Response(status=status.HTTP_204_NO_CONTENT))


class PhoneView(APIView):
    permissions: ClassVar = {"POST": SIGNED_IN}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=NewPhoneSerializer, responses={202: AskedSerializer}, operation_id="phone_ask_to_change")
    def post(self, request: Request) -> Response:
        """Text a code to the new phone."""
        given = NewPhoneSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return asked(ask_to_change_phone(request._request, user=person_of(request), **given.validated_data))


class VerifyPhoneView(APIView):
    permissions: ClassVar = {"POST": SIGNED_IN}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(request=CodeSerializer, responses={204: None}, operation_id="phone_change")
    def post(self, request: Request) -> Response:
        """Be known by the new phone from now on. Every other session ends."""
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        change_phone(
            request._request, user=person_of(request), cookie=code_cookie(request), code=given.validated_data["code"]
        )
        return forget_code(Response(status=status.HTTP_204_NO_CONTENT))


class OwnSessionsView(APIView):
    permissions: ClassVar = {"GET": SIGNED_IN, "DELETE": SIGNED_IN}
    personal: ClassVar = {"GET": OWN, "DELETE": OWN}

    @extend_schema(responses=OpenSessionSerializer(many=True), operation_id="own_sessions_list")
    def get(self, request: Request) -> Response:
        """Where one is signed in."""
        rows = queries.sessions_of(person_of(request).pk)
        context = {"session_key": request._request.session.session_key}
        return Response(OpenSessionSerializer(rows, many=True, context=context).data)

    @extend_schema(responses={204: None}, operation_id="own_sessions_end")
    def delete(self, request: Request) -> Response:
        """Sign out everywhere else."""
        end_sessions(person_of(request).pk, but=request._request.session.session_key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnSessionView(APIView):
    permissions: ClassVar = {"DELETE": SIGNED_IN}
    personal: ClassVar = {"DELETE": OWN}

    @extend_schema(responses={204: None}, operation_id="own_session_end")
    def delete(self, request: Request, handle: uuid.UUID) -> Response:
        """Sign out in one browser."""
        end_session(person_of(request).pk, handle)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecondFactorView(APIView):
    permissions: ClassVar = {"GET": SIGNING_IN, "POST": SIGNING_IN, "DELETE": SIGNED_IN}
    personal: ClassVar = {"GET": OWN, "POST": OWN, "DELETE": OWN}

    @extend_schema(responses=SecondFactorSerializer, operation_id="second_factor_show")
    def get(self, request: Request) -> Response:
        user = person_of(request)
        left = queries.recovery_codes_left(user.pk)
        return Response({"has_second_factor": user.has_second_factor, "recovery_codes_left": left})

    @extend_schema(request=None, responses={201: AuthenticatorSerializer}, operation_id="second_factor_begin")
    def post(self, request: Request) -> Response:
        """A new secret for an authenticator app. It counts once it is confirmed."""
        secret, address = begin_authenticator(person_of(request), session=request._request.session)
        return Response({"secret": secret, "address": address}, status=status.HTTP_201_CREATED)

    @extend_schema(request=ConfirmSerializer, responses={204: None}, operation_id="second_factor_give_up")
    def delete(self, request: Request) -> Response:
        """Go without a second factor, where the academy lets one."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        give_up_second_factor(request._request, person_of(request), given.validated_data["password"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmSecondFactorView(APIView):
    permissions: ClassVar = {"POST": SIGNING_IN}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(
        request=CodeSerializer, responses={201: RecoveryCodesSerializer}, operation_id="second_factor_confirm"
    )
    def post(self, request: Request) -> Response:
        """Put the authenticator app to use with a first code of it. Answers recovery codes, once."""
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        codes = confirm_authenticator(request._request, person_of(request), given.validated_data["code"])
        return Response({"recovery_codes": codes}, status=status.HTTP_201_CREATED)


class RecoveryCodesView(APIView):
    permissions: ClassVar = {"POST": SIGNED_IN}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(
        request=ConfirmSerializer, responses={201: RecoveryCodesSerializer}, operation_id="recovery_codes_renew"
    )
    def post(self, request: Request) -> Response:
        """New recovery codes instead of the old ones, answered once."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        codes = renew_recovery_codes(request._request, person_of(request), given.validated_data["password"])
        return Response({"recovery_codes": codes}, status=status.HTTP_201_CREATED)
