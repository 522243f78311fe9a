"""Courses over HTTP: who teaches whom, and who was there."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, about, in_answer, in_path
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.courses import queries, services
from apps.courses.models import AttendanceStatus
from apps.courses.requests import child_of
from apps.courses.serializers import (
    AttendanceSerializer,
    ChangeCourseSerializer,
    CourseFilterSerializer,
    CourseSerializer,
    EnrolledSerializer,
    EnrolmentFilterSerializer,
    EnrolmentSerializer,
    NewCourseSerializer,
    PeriodSerializer,
    SetTeachersSerializer,
    StudentsSerializer,
    TakeAttendanceSerializer,
    TakenSerializer,
    WithdrawnSerializer,
    course_json,
)
from apps.students.queries import students_visible_to


def _course_response(request: Request, course_id: int, *, status: int = status.HTTP_200_OK) -> Response:
    row = queries.course_rows(person_of(request), child_of(request)).filter(pk=course_id).first()
    if row is None:
        raise Missing
    return Response(course_json(row, queries.teachers_of([course_id])[course_id]), status=status)


def _check_visible(request: Request, course_id: int) -> None:
    if not queries.courses_visible_to(person_of(request)).filter(pk=course_id).exists():
        raise Missing


class CoursesView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_COURSES, "POST": Permission.MANAGE_COURSES}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[CourseFilterSerializer], responses=CourseSerializer(many=True), operation_id="courses_list"
    )
    def get(self, request: Request) -> Response:
        """The courses that this person sees, newest first; with ``?is_archived=`` only archived or running ones."""
        wanted = CourseFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        rows = queries.course_rows(person_of(request), child_of(request), **wanted.validated_data)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        teachers = queries.teachers_of(row["id"] for row in page)
        return paginator.get_paginated_response([course_json(row, teachers[row["id"]]) for row in page])

    @extend_schema(request=NewCourseSerializer, responses={201: CourseSerializer}, operation_id="courses_create")
    def post(self, request: Request) -> Response:
        """A new course, without teachers and students."""
        asked = NewCourseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        course = services.create_course(**asked.validated_data)
        return _course_response(request, course.pk, status=status.HTTP_201_CREATED)


class CourseView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_COURSES, "PATCH": Permission.MANAGE_COURSES}
    personal: ClassVar = {"GET": NOT_PERSONAL, "PATCH": NOT_PERSONAL}

    @extend_schema(responses=CourseSerializer, operation_id="courses_show")
    def get(self, request: Request, course_id: int) -> Response:
        return _course_response(request, course_id)

    @extend_schema(request=ChangeCourseSerializer, responses=CourseSerializer, operation_id="courses_change")
    def patch(self, request: Request, course_id: int) -> Response:
        """Change a course; archive it, or take that back, by ``is_archived``."""
        asked = ChangeCourseSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        services.change_course(course_id=course_id, **asked.validated_data)
        return _course_response(request, course_id)


class CourseTeachersView(APIView):
    permissions: ClassVar = {"PUT": Permission.MANAGE_COURSES}
    personal: ClassVar = {"PUT": about()}  # what changes has an entry of its own

    @extend_schema(request=SetTeachersSerializer, responses=CourseSerializer, operation_id="courses_set_teachers")
    def put(self, request: Request, course_id: int) -> Response:
        """Who teaches the course, assistants included: the whole list."""
        asked = SetTeachersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        services.set_teachers(course_id=course_id, user_ids=asked.validated_data["teachers"])
        return _course_response(request, course_id)


class CourseStudentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_STUDENTS, "POST": Permission.MANAGE_COURSES}
    personal: ClassVar = {"GET": about(student=in_answer("student")), "POST": about()}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[EnrolmentFilterSerializer],
        responses=EnrolmentSerializer(many=True),
        operation_id="courses_students_list",
    )
    def get(self, request: Request, course_id: int) -> Response:
        """Who is in the course, who came last first; with ``?with_left=true`` also who left it."""
        wanted = EnrolmentFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        _check_visible(request, course_id)
        rows = queries.enrolment_rows(course_id, **wanted.validated_data)
        paginator = self.pagination_class()
        return paginator.get_paginated_response(paginator.paginate_queryset(rows, request, view=self))

    @extend_schema(request=StudentsSerializer, responses={201: EnrolledSerializer}, operation_id="courses_enrol")
    def post(self, request: Request, course_id: int) -> Response:
        """Take students into the course: all of them or none."""
        asked = StudentsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        enrolled = services.enrol_students(course_id=course_id, student_ids=asked.validated_data["students"])
        return Response({"enrolled": enrolled}, status=status.HTTP_201_CREATED)


class WithdrawView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_COURSES}
    personal: ClassVar = {"POST": about()}

    @extend_schema(request=StudentsSerializer, responses=WithdrawnSerializer, operation_id="courses_withdraw")
    def post(self, request: Request, course_id: int) -> Response:
        """Let students leave the course: all of them or none."""
        asked = StudentsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        withdrawn = services.withdraw_students(course_id=course_id, student_ids=asked.validated_data["students"])
        return Response({"withdrawn": withdrawn})


class CourseAttendanceView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_ATTENDANCE, "PUT": Permission.TAKE_ATTENDANCE}
    personal: ClassVar = {"GET": about(student=in_answer("student")), "PUT": about()}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[PeriodSerializer],
        responses=AttendanceSerializer(many=True),
        operation_id="courses_attendance_list",
    )
    def get(self, request: Request, course_id: int) -> Response:
        """Who was at the course's lessons, what was noted last first; between ``?since=`` and ``?until=``."""
        period = PeriodSerializer(data=request.query_params)
        period.is_valid(raise_exception=True)
        _check_visible(request, course_id)
        rows = queries.attendance_rows(
            queries.attendances_visible_to(person_of(request)).filter(lesson__course=course_id),
            first=period.validated_data["since"],
            last=period.validated_data["until"],
        )
        paginator = self.pagination_class()
        return paginator.get_paginated_response(paginator.paginate_queryset(rows, request, view=self))

    @extend_schema(request=TakeAttendanceSerializer, responses=TakenSerializer, operation_id="courses_attendance_take")
    def put(self, request: Request, course_id: int) -> Response:
        """Who was at the lesson of one day: the whole list, in place of the one before."""
        asked = TakeAttendanceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        noted = [
            services.Noted(one["student"], AttendanceStatus(one["status"]), one["note"])
            for one in asked.validated_data["attendance"]
        ]
        lesson = services.take_attendance(
            by=person_of(request), course_id=course_id, day=asked.validated_data["date"], noted=noted
        )
        return Response({"lesson": lesson.pk, "date": lesson.date, "noted": len(noted)})


class StudentAttendanceView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_ATTENDANCE}
    personal: ClassVar = {"GET": about(student=in_path("student_id"))}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[PeriodSerializer],
        responses=AttendanceSerializer(many=True),
        operation_id="students_attendance_list",
    )
    def get(self, request: Request, student_id: int) -> Response:
        """At which lessons of the courses that this person sees the student was; ``?since=``, ``?until=``."""
        period = PeriodSerializer(data=request.query_params)
        period.is_valid(raise_exception=True)
        if not students_visible_to(person_of(request)).filter(pk=student_id).exists():
            raise Missing
        rows = queries.attendance_rows(
            queries.attendances_visible_to(person_of(request)).filter(student=student_id),
            first=period.validated_data["since"],
            last=period.validated_data["until"],
        )
        paginator = self.pagination_class()
        return paginator.get_paginated_response(paginator.paginate_queryset(rows, request, view=self))
