"""Students over HTTP."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.pagination import NewestFirst
from apps.accounts.roles import Permission
from apps.students import queries, services
from apps.students.models import Student


class StudentSerializer(serializers.ModelSerializer[Student]):
    class Meta:
        model = Student
        fields = ("id", "number", "name", "created_at")
        read_only_fields = fields


class NewStudentSerializer(serializers.Serializer[None]):
    number = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=80)


class StudentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_STUDENTS, "POST": Permission.MANAGE_STUDENTS}

    @extend_schema(responses=StudentSerializer(many=True), operation_id="students_list")
    def get(self, request: Request) -> Response:
        """The academy's students, newest first."""
        paginator = NewestFirst()
        page = paginator.paginate_queryset(queries.students(), request, view=self)
        return paginator.get_paginated_response(StudentSerializer(page, many=True).data)

    @extend_schema(request=NewStudentSerializer, responses={201: StudentSerializer}, operation_id="students_create")
    def post(self, request: Request) -> Response:
        """A new student."""
        asked = NewStudentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student = services.create_student(**asked.validated_data)
        return Response(StudentSerializer(student).data, status=status.HTTP_201_CREATED)
