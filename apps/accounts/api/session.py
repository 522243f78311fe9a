"""The session: who am I, log in, log out."""

from __future__ import annotations

from typing import ClassVar

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import LOG_IN, NOT_PERSONAL, OWN
from academy.http.permissions import PUBLIC, SIGNING_IN
from academy.tenancy.context import acting_tenant
from apps.accounts.api.codes import AskedSerializer, PhoneSerializer, asked
from apps.accounts.models import Purpose, SecondFactor, User
from apps.accounts.requests import code_cookie, forget_code, person_of
from apps.accounts.roles import ROLE_PERMISSIONS, Role
from apps.accounts.services.access import log_out
from apps.accounts.services.codes import ask_for_code
from apps.accounts.services.log_in import log_in, log_in_by_code
from apps.accounts.services.second_factors import show_second_factor


class LogInSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class CodeSerializer(serializers.Serializer[None]):
    code = serializers.CharField(max_length=16)


class AcademySerializer(serializers.Serializer[None]):
    """``colour`` is "#rrggbb", "" where the academy has chosen none; ``logo`` is the picture's address, "" for none."""

    slug = serializers.CharField()
    name = serializers.CharField()
    colour = serializers.CharField()
    logo = serializers.CharField()


class PersonSerializer(serializers.Serializer[None]):
    """``permissions`` is empty while ``second_factor_due`` names what the session still lacks."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    phone = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    permissions = serializers.ListField(child=serializers.CharField())
    has_password = serializers.BooleanField()
    has_second_factor = serializers.BooleanField()
    second_factor_due = serializers.ChoiceField(choices=[factor.value for factor in SecondFactor], allow_null=True)


class SessionSerializer(serializers.Serializer[None]):
    academy = AcademySerializer()
    person = PersonSerializer(allow_null=True)
    csrf_token = serializers.CharField()


def session_of(request: Request) -> dict[str, object]:
    """What ``SessionSerializer`` describes, after whatever this request did to the session."""
    tenant, user = acting_tenant(), request.user
    person = None
    if isinstance(user, User):
        due = user.second_factor_due(request._request.session)
        person = {
            "id": user.pk,
            "name": user.name,
            "phone": str(user.phone),
            "role": user.role,
            "permissions": sorted(ROLE_PERMISSIONS[Role(user.role)]) if due is None else [],
            "has_password": user.has_usable_password(),
            "has_second_factor": user.has_second_factor,
            "second_factor_due": due,
        }
    return {
        "academy": {
            "slug": tenant.slug,
            "name": tenant.name,
            "colour": tenant.colour,
            "logo": tenant.picture_url("logo"),
        },
        "person": person,
        "csrf_token": get_token(request._request),
    }


class SessionView(APIView):
    permissions: ClassVar = {"GET": PUBLIC, "POST": PUBLIC, "DELETE": SIGNING_IN}
    personal: ClassVar = {"GET": OWN, "POST": LOG_IN, "DELETE": OWN}

    @extend_schema(responses=SessionSerializer, operation_id="session_show")
    def get(self, request: Request) -> Response:
        """Which academy this is and who is signed in; sets the CSRF cookie."""
        return Response(session_of(request))

    @extend_schema(request=LogInSerializer, responses={201: SessionSerializer}, operation_id="session_start")
    def post(self, request: Request) -> Response:
        """Log in with phone and password."""
        given = LogInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        request.user = log_in(request._request, **given.validated_data)
        return Response(session_of(request), status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None}, operation_id="session_end")
    def delete(self, request: Request) -> Response:
        """Log out here."""
        log_out(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AskForCodeView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=PhoneSerializer, responses={202: AskedSerializer}, operation_id="session_ask_for_code")
    def post(self, request: Request) -> Response:
        """Text a code to log in with. The answer does not tell whether anybody here has this phone."""
        given = PhoneSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return asked(ask_for_code(request._request, phone=given.validated_data["phone"], purpose=Purpose.LOG_IN))


class LogInByCodeView(APIView):
    permissions: ClassVar = {"POST": PUBLIC}
    personal: ClassVar = {"POST": LOG_IN}

    @extend_schema(request=CodeSerializer, responses={201: SessionSerializer}, operation_id="session_start_by_code")
    def post(self, request: Request) -> Response:
        """Log in with the code, in the browser that asked for it."""
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        cookie = code_cookie(request)
        request.user = log_in_by_code(request._request, cookie=cookie, code=given.validated_data["code"])
        return forget_code(Response(session_of(request), status=status.HTTP_201_CREATED))


class ShowSecondFactorView(APIView):
    permissions: ClassVar = {"POST": SIGNING_IN}
    personal: ClassVar = {"POST": LOG_IN}

    @extend_schema(request=CodeSerializer, responses=SessionSerializer, operation_id="session_show_second_factor")
    def post(self, request: Request) -> Response:
        """Complete the log-in with a code of the authenticator app, or a recovery code."""
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        show_second_factor(request._request, person_of(request), given.validated_data["code"])
        return Response(session_of(request))
