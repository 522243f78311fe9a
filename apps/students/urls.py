from django.urls import path

from apps.students import api

urlpatterns = [
    path("students", api.StudentsView.as_view(), name="students"),
    path("students/<int:student_id>/guardians", api.GuardiansView.as_view(), name="guardians"),
    path("students/<int:student_id>/guardians/<int:user_id>", api.GuardianView.as_view(), name="guardian"),
    path("me/children", api.ChildrenView.as_view(), name="children"),
    path("me/child", api.ChildView.as_view(), name="child"),
]
