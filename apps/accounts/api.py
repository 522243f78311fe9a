"""The session: who am I, log in, log out."""

from __future__ import annotations

from typing import ClassVar

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.permissions import PUBLIC, SIGNED_IN
from academy.tenancy.context import acting_tenant
from apps.accounts import services
from apps.accounts.models import User
from apps.accounts.roles import ROLE_PERMISSIONS, Role


class LogInSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class AcademySerializer(serializers.Serializer[None]):
    slug = serializers.CharField()
    name = serializers.CharField()


class PersonSerializer(serializers.Serializer[None]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    phone = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    permissions = serializers.ListField(child=serializers.CharField())


class SessionSerializer(serializers.Serializer[None]):
    academy = AcademySerializer()
    person = PersonSerializer(allow_null=True)
    csrf_token = serializers.CharField()


def _session_of(request: Request) -> dict[str, object]:
    tenant, user = acting_tenant(), request.user
    person = None
    if isinstance(user, User):
        person = {
            "id": user.pk,
            "name": user.name,
            "phone": str(user.phone),
            "role": user.role,
            "permissions": sorted(ROLE_PERMISSIONS[Role(user.role)]),
        }
    return {
        "academy": {"slug": tenant.slug, "name": tenant.name},
        "person": person,
        "csrf_token": get_token(request._request),
    }


class SessionView(APIView):
    permissions: ClassVar = {"GET": PUBLIC, "POST": PUBLIC, "DELETE": SIGNED_IN}

    @extend_schema(responses=SessionSerializer, operation_id="session_show")
    def get(self, request: Request) -> Response:
        """Which academy this is and who is signed in; sets the CSRF cookie."""
        return Response(_session_of(request))

    @extend_schema(request=LogInSerializer, responses=SessionSerializer, operation_id="session_start")
    def post(self, request: Request) -> Response:
        """Log in with phone and password."""
        asked = LogInSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        request.user = services.log_in(request._request, **asked.validated_data)
        return Response(_session_of(request), status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None}, operation_id="session_end")
    def delete(self, request: Request) -> Response:
        """Log out here."""
        services.log_out(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)
