from django.urls import path

from apps.courses import api

urlpatterns = [
    path("courses", api.CoursesView.as_view(), name="courses"),
    path("courses/<int:course_id>", api.CourseView.as_view(), name="course"),
    path("courses/<int:course_id>/teachers", api.CourseTeachersView.as_view(), name="course-teachers"),
    path("courses/<int:course_id>/students", api.CourseStudentsView.as_view(), name="course-students"),
    path("courses/<int:course_id>/students/withdraw", api.WithdrawView.as_view(), name="course-withdraw"),
    path("courses/<int:course_id>/attendance", api.CourseAttendanceView.as_view(), name="course-attendance"),
    path("students/<int:student_id>/attendance", api.StudentAttendanceView.as_view(), name="student-attendance"),
]
