"""Students over HTTP."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.students import queries, services
from apps.students.models import Student
from apps.students.requests import CHILD_KEY, choose_child


class StudentSerializer(serializers.ModelSerializer[Student]):
    class Meta:
        model = Student
        fields = ("id", "number", "name", "created_at")
        read_only_fields = fields


class NewStudentSerializer(serializers.Serializer[None]):
    number = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=80)


class GuardianSerializer(serializers.ModelSerializer[User]):
    phone = serializers.CharField()

    class Meta:
        model = User
        fields = ("id", "name", "phone", "is_active")
        read_only_fields = fields


class NewGuardianSerializer(serializers.Serializer[None]):
    """``name`` is for somebody new; who is a guardian already keeps theirs."""

    phone = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=80)


class ChildSerializer(serializers.ModelSerializer[Student]):
    is_chosen = serializers.SerializerMethodField()

    class Meta:
        model = Student
        fields = ("id", "number", "name", "is_chosen")
        read_only_fields = fields

    def get_is_chosen(self, student: Student) -> bool:
        return bool(student.pk == self.context["chosen"])


class ChooseChildSerializer(serializers.Serializer[None]):
    student = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class StudentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_STUDENTS, "POST": Permission.MANAGE_STUDENTS}
    pagination_class = NewestFirst

    @extend_schema(responses=StudentSerializer(many=True), operation_id="students_list")
    def get(self, request: Request) -> Response:
        """The academy's students, newest first."""
        paginator = self.pagination_class()
        return paginator.get_paginated_response(paginator.paginate_queryset(queries.student_rows(), request, view=self))

    @extend_schema(request=NewStudentSerializer, responses={201: StudentSerializer}, operation_id="students_create")
    def post(self, request: Request) -> Response:
        """A new student."""
        asked = NewStudentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student = services.create_student(**asked.validated_data)
        return Response(StudentSerializer(student).data, status=status.HTTP_201_CREATED)


class GuardiansView(APIView):
    permissions: ClassVar = {"GET": Permission.MANAGE_STUDENTS, "POST": Permission.MANAGE_STUDENTS}

    @extend_schema(responses=GuardianSerializer(many=True), operation_id="guardians_list")
    def get(self, request: Request, student_id: int) -> Response:
        """Who may act for the student."""
        if not queries.students().filter(pk=student_id).exists():
            raise Missing
        return Response(GuardianSerializer(queries.guardians_of(student_id), many=True).data)

    @extend_schema(request=NewGuardianSerializer, responses={201: GuardianSerializer}, operation_id="guardians_add")
    def post(self, request: Request, student_id: int) -> Response:
        """Let somebody act for the student. Who is new here is invited by text."""
        asked = NewGuardianSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        guardian = services.add_guardian(by=person_of(request), student_id=student_id, **asked.validated_data)
        return Response(GuardianSerializer(guardian).data, status=status.HTTP_201_CREATED)


class GuardianView(APIView):
    permissions: ClassVar = {"DELETE": Permission.MANAGE_STUDENTS}

    @extend_schema(responses={204: None}, operation_id="guardians_remove")
    def delete(self, request: Request, student_id: int, user_id: int) -> Response:
        """Let this person no longer act for the student."""
        services.remove_guardian(student_id=student_id, user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChildrenView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_CHILDREN}

    @extend_schema(responses=ChildSerializer(many=True), operation_id="children_list")
    def get(self, request: Request) -> Response:
        """The children whom this guardian may act for."""
        children = queries.children_of(person_of(request).pk)
        context = {"chosen": request._request.session.get(CHILD_KEY)}
        return Response(ChildSerializer(children, many=True, context=context).data)


class ChildView(APIView):
    permissions: ClassVar = {"PUT": Permission.VIEW_CHILDREN}

    @extend_schema(request=ChooseChildSerializer, responses=ChildSerializer, operation_id="children_choose")
    def put(self, request: Request) -> Response:
        """Act for this child from now on, in this session."""
        asked = ChooseChildSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student = choose_child(request, asked.validated_data["student"])
        return Response(ChildSerializer(student, context={"chosen": student.pk}).data)
