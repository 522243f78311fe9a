from django.urls import path

from apps.students import api

urlpatterns = [
    path("students", api.StudentsView.as_view(), name="students"),
    path("students/<int:student_id>/guardians", api.GuardiansView.as_view(), name="guardians"),
    path("students/<int:student_id>/guardians/<int:user_id>", api.GuardianView.as_view(), name="guardian"),
    path("students/<int:student_id>/birth-year", api.BirthYearView.as_view(), name="student-birth-year"),
    path("students/<int:student_id>/account", api.AccountView.as_view(), name="student-account"),
    path("students/<int:student_id>/consent", api.ConsentView.as_view(), name="consent"),
    path("me/children/<int:student_id>/consent", api.ChildConsentView.as_view(), name="child-consent"),
    path("me/children", api.ChildrenView.as_view(), name="children"),
    path("me/child", api.ChildView.as_view(), name="child"),
]
