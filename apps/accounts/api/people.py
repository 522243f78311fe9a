"""Who belongs to the academy, for those who manage it."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import RECORDED, about, in_answer, in_path
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.tenancy.models import MAX_TRAIL_MONTHS, MIN_TRAIL_MONTHS
from apps.accounts import queries
from apps.accounts.api.me import OpenSessionSerializer
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission, Role
from apps.accounts.services import people
from apps.accounts.services.academy import set_academy
from apps.accounts.services.access import end_session


class MemberSerializer(serializers.ModelSerializer[User]):
    phone = serializers.CharField()

    class Meta:
        model = User
        fields = (
            "id",
            "name",
            "phone",
            "role",
            "is_active",
            "has_second_factor",
            "created_at",
            "invited_at",
            "suspended_at",
            "last_login",
        )
        read_only_fields = fields


class InvitationSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=80)
    role = serializers.ChoiceField(choices=Role.choices)


class InvitePeopleSerializer(serializers.Serializer[None]):
    people = InvitationSerializer(many=True, allow_empty=False)


class RoleSerializer(serializers.Serializer[None]):
    role = serializers.ChoiceField(choices=Role.choices)


class ListFilterSerializer(serializers.Serializer[None]):
    role = serializers.ChoiceField(choices=Role.choices, required=False, default=None)


class AcademySettingsSerializer(serializers.Serializer[Any]):
    mfa_required_for_staff = serializers.BooleanField()
    trail_months = serializers.IntegerField(min_value=MIN_TRAIL_MONTHS, max_value=MAX_TRAIL_MONTHS, required=False)


class PeopleView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_PEOPLE, "POST": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"GET": about(user=in_answer("id")), "POST": about(user=in_answer("id"))}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[OpenApiParameter("role", enum=list(Role.values))],
        responses=MemberSerializer(many=True),
        operation_id="people_list",
    )
    def get(self, request: Request) -> Response:
        """The academy's people, newest first; with ``?role=`` those of one role."""
        wanted = ListFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        role = wanted.validated_data["role"]
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.people(Role(role) if role else None), request, view=self)
        return paginator.get_paginated_response(MemberSerializer(page, many=True).data)

    @extend_schema(
        request=InvitePeopleSerializer, responses={201: MemberSerializer(many=True)}, operation_id="people_invite"
    )
    def post(self, request: Request) -> Response:
        """Invite people by phone: all of them or none. Each gets a text."""
        given = InvitePeopleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        invited = people.invite_people(
            by=person_of(request),
            invitations=[
                people.Invitation(phone=one["phone"], name=one["name"], role=Role(one["role"]))
                for one in given.validated_data["people"]
            ],
        )
        return Response(MemberSerializer(invited, many=True).data, status=status.HTTP_201_CREATED)


class PersonView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_PEOPLE, "PATCH": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"GET": about(user=in_path("user_id")), "PATCH": about(user=in_path("user_id"))}

    @extend_schema(responses=MemberSerializer, operation_id="people_show")
    def get(self, request: Request, user_id: int) -> Response:
        user = queries.people().filter(pk=user_id).first()
        if user is None:
            raise Missing
        return Response(MemberSerializer(user).data)

    @extend_schema(request=RoleSerializer, responses=MemberSerializer, operation_id="people_change_role")
    def patch(self, request: Request, user_id: int) -> Response:
        """Give a person another role. All their sessions end."""
        given = RoleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = people.change_role(by=person_of(request), user_id=user_id, role=Role(given.validated_data["role"]))
        return Response(MemberSerializer(user).data)


class SuspendView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"POST": about(user=in_path("user_id"))}

    @extend_schema(request=None, responses=MemberSerializer, operation_id="people_suspend")
    def post(self, request: Request, user_id: int) -> Response:
        """Shut a person out. Their sessions and uploads end at once."""
        return Response(MemberSerializer(people.suspend_person(by=person_of(request), user_id=user_id)).data)


class ReactivateView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"POST": about(user=in_path("user_id"))}

    @extend_schema(request=None, responses=MemberSerializer, operation_id="people_reactivate")
    def post(self, request: Request, user_id: int) -> Response:
        """Let a suspended person in again."""
        return Response(MemberSerializer(people.reactivate_person(by=person_of(request), user_id=user_id)).data)


class InvitationView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"POST": about(user=in_path("user_id"))}

    @extend_schema(request=None, responses={202: MemberSerializer}, operation_id="people_invite_again")
    def post(self, request: Request, user_id: int) -> Response:
        """Send the invitation once more."""
        user = people.invite_again(by=person_of(request), user_id=user_id)
        return Response(MemberSerializer(user).data, status=status.HTTP_202_ACCEPTED)


class PersonSessionsView(APIView):
    permissions: ClassVar = {"GET": Permission.MANAGE_PEOPLE, "DELETE": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"GET": about(user=in_path("user_id")), "DELETE": about(user=in_path("user_id"))}

    @extend_schema(responses=OpenSessionSerializer(many=True), operation_id="people_sessions_list")
    def get(self, request: Request, user_id: int) -> Response:
        """Where a person is signed in."""
        user = people.manageable(by=person_of(request), user_id=user_id)
        context = {"session_key": request._request.session.session_key}
        return Response(OpenSessionSerializer(queries.sessions_of(user.pk), many=True, context=context).data)

    @extend_schema(responses={204: None}, operation_id="people_sessions_end")
    def delete(self, request: Request, user_id: int) -> Response:
        """Sign a person out everywhere."""
        people.sign_out_person(by=person_of(request), user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PersonSessionView(APIView):
    permissions: ClassVar = {"DELETE": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"DELETE": about(user=in_path("user_id"))}

    @extend_schema(responses={204: None}, operation_id="people_session_end")
    def delete(self, request: Request, user_id: int, handle: uuid.UUID) -> Response:
        """Sign a person out in one browser."""
        end_session(people.manageable(by=person_of(request), user_id=user_id).pk, handle)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PersonSecondFactorView(APIView):
    permissions: ClassVar = {"DELETE": Permission.MANAGE_PEOPLE}
    personal: ClassVar = {"DELETE": about(user=in_path("user_id"))}

    @extend_schema(responses={204: None}, operation_id="people_second_factor_reset")
    def delete(self, request: Request, user_id: int) -> Response:
        """Remove the second factor of a person who lost it. All their sessions end."""
        people.reset_second_factor(by=person_of(request), user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcademyView(APIView):
    permissions: ClassVar = {"PATCH": Permission.MANAGE_ACADEMY}
    personal: ClassVar = {"PATCH": RECORDED}

    @extend_schema(request=AcademySettingsSerializer, responses=AcademySettingsSerializer, operation_id="academy_set")
    def patch(self, request: Request) -> Response:
        """Whether staff must have a second factor, and how many months the trail is kept."""
        given = AcademySettingsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(AcademySettingsSerializer(set_academy(**given.validated_data)).data)
