from django.urls import path

from apps.students.api import StudentsView

urlpatterns = [path("students", StudentsView.as_view(), name="students")]
