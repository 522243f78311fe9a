"""What the API shows of students."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.students.models import Student


def students() -> QuerySet[Student]:
    return Student.objects.all()
