"""The shapes of courses on the wire."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from academy.http.errors import Invalid
from apps.courses.models import Attendance, AttendanceStatus, Course, Enrolment
from apps.courses.queries import COURSE_COLUMNS, CourseRow, Teacher
from apps.courses.services import MAX_AT_ONCE, MAX_TEACHERS

MAX_ID = 2**63 - 1


class TeacherSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class CourseSerializer(serializers.ModelSerializer[Course]):
    teachers = TeacherSerializer(many=True)

    class Meta:
        model = Course
        fields = (*COURSE_COLUMNS, "teachers")
        read_only_fields = fields


def course_json(row: CourseRow, teachers: list[Teacher]) -> dict[str, Any]:
    return {**row, "teachers": [{"id": teacher.id, "name": teacher.name} for teacher in teachers]}


class NewCourseSerializer(serializers.Serializer[None]):
    name = serializers.CharField(max_length=80)
    subject = serializers.CharField(max_length=40, allow_blank=True, default="")
    grade = serializers.CharField(max_length=40, allow_blank=True, default="")
    schedule = serializers.CharField(max_length=200, allow_blank=True, default="")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True, default=None)


class ChangeCourseSerializer(NewCourseSerializer):
    """What is not named is not changed."""

    is_archived = serializers.BooleanField(required=False)


class CourseFilterSerializer(serializers.Serializer[None]):
    is_archived = serializers.BooleanField(allow_null=True, required=False, default=None)


class SetTeachersSerializer(serializers.Serializer[None]):
    teachers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), max_length=MAX_TEACHERS
    )


class StudentsSerializer(serializers.Serializer[None]):
    students = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), min_length=1, max_length=MAX_AT_ONCE
    )


class EnrolledSerializer(serializers.Serializer[None]):
    enrolled = serializers.IntegerField(help_text="How many are new in the course.")


class WithdrawnSerializer(serializers.Serializer[None]):
    withdrawn = serializers.IntegerField(help_text="How many left the course by this.")


class EnrolmentFilterSerializer(serializers.Serializer[None]):
    with_left = serializers.BooleanField(required=False, default=False)


class EnrolmentSerializer(serializers.ModelSerializer[Enrolment]):
    number = serializers.CharField()
    name = serializers.CharField()

    class Meta:
        model = Enrolment
        fields = ("id", "student", "number", "name", "enrolled_at", "left_at")
        read_only_fields = fields


class NotedSerializer(serializers.Serializer[None]):
    student = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    status = serializers.ChoiceField(choices=AttendanceStatus.choices)
    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class TakeAttendanceSerializer(serializers.Serializer[None]):
    """The whole list of the day."""

    date = serializers.DateField()
    attendance = serializers.ListField(child=NotedSerializer(), max_length=MAX_AT_ONCE)


class TakenSerializer(serializers.Serializer[None]):
    lesson = serializers.IntegerField()
    date = serializers.DateField()
    noted = serializers.IntegerField()


class PeriodSerializer(serializers.Serializer[None]):
    """Days, both included; a side that is not named is open."""

    since = serializers.DateField(required=False, default=None)
    until = serializers.DateField(required=False, default=None)

    def validate(self, attrs: dict[str, date | None]) -> dict[str, date | None]:
        since, until = attrs["since"], attrs["until"]
        if since is not None and until is not None and until < since:
            raise Invalid(gettext("The period ends before it begins."), attr="until")
        return attrs


class AttendanceSerializer(serializers.ModelSerializer[Attendance]):
    date = serializers.DateField()
    course = serializers.IntegerField()
    course_name = serializers.CharField()
    number = serializers.CharField()
    name = serializers.CharField()

    class Meta:
        model = Attendance
        fields = (
            "id",
            "date",
            "course",
            "course_name",
            "student",
            "number",
            "name",
            "status",
            "note",
            "noted_by",
        )
        read_only_fields = fields
