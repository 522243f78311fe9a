"""Courses of one academy: teachers, enrolments with their history, lessons and attendance."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.students.models import Student


class Course(TenantModel):
    """A class that meets. It is never deleted, only archived: what happened in it stays."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    subject = models.CharField(max_length=40, blank=True, default="")
    grade = models.CharField(max_length=40, blank=True, default="")
    schedule = models.CharField(max_length=200, blank=True, default="")  # as people write it: 월수금 17:00-18:30
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    is_archived = models.BooleanField(default=False)

    trail_values = ("starts_on", "ends_on", "is_archived")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gte=models.F("starts_on")),
                name="course_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CourseTeacher(TenantModel):
    """That ``user`` teaches, or assists in, ``course``."""

    id = models.BigAutoField(primary_key=True)
    course = TenantForeignKey(Course, on_delete=models.CASCADE, related_name="teachings")
    user = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="teachings")

    trail_values = ("course_id",)  # it decides what the person sees

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "course"], name="course_teacher_once")
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} in course {self.course_id}"


class Enrolment(TenantModel):
    """A student's time in a course. Whoever comes back gets a new one; ``left_at`` is NULL while it lasts."""

    id = models.BigAutoField(primary_key=True)
    course = TenantForeignKey(Course, on_delete=models.CASCADE, related_name="enrolments")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="enrolments")
    enrolled_at = models.DateTimeField(default=timezone.now)
    left_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "course", "student"],
                condition=models.Q(left_at=None),
                name="enrolment_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(left_at=None) | models.Q(left_at__gte=models.F("enrolled_at")),
                name="enrolment_ends_after_it_begins",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "course", "id"], name="enrolment_by_course")]

    def __str__(self) -> str:
        return f"student {self.student_id} in course {self.course_id}"


class Lesson(TenantModel):
    """A day on which a course met."""

    id = models.BigAutoField(primary_key=True)
    course = TenantForeignKey(Course, on_delete=models.CASCADE, related_name="lessons")
    date = models.DateField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "course", "date"], name="lesson_once_a_day")]

    def __str__(self) -> str:
        return f"course {self.course_id} on {self.date}"


class AttendanceStatus(models.TextChoices):
    PRESENT = "present", "Present"
    LATE = "late", "Late"
    ABSENT = "absent", "Absent"
    EXCUSED = "excused", "Excused"


class Attendance(TenantModel):
    """Whether a student was at a lesson, and who last said so."""

    id = models.BigAutoField(primary_key=True)
    lesson = TenantForeignKey(Lesson, on_delete=models.CASCADE, related_name="attendances")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="attendances")
    status = models.CharField(max_length=8, choices=AttendanceStatus)
    note = models.CharField(max_length=200, blank=True, default="")
    noted_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "lesson", "student"], name="attendance_once")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "student", "id"], name="attendance_by_student")]

    def __str__(self) -> str:
        return f"student {self.student_id} at lesson {self.lesson_id}: {self.status}"
