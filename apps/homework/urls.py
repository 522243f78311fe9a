from django.urls import path

from apps.homework import api

urlpatterns = [
    path("worksheets", api.WorksheetsView.as_view(), name="worksheets"),
    path("worksheets/<int:worksheet_id>", api.WorksheetView.as_view(), name="worksheet"),
    path("worksheet-pages/<int:worksheet_page_id>/regions", api.RegionsView.as_view(), name="worksheet-regions"),
    path("homework", api.AssignmentsView.as_view(), name="homework"),
    path("homework/<int:assignment_id>", api.AssignmentView.as_view(), name="homework-results"),
    path("homework/<int:assignment_id>/missing", api.MissingView.as_view(), name="homework-missing"),
    path("homework/<int:assignment_id>/submissions", api.SubmissionsView.as_view(), name="homework-submissions"),
    path("submissions/<int:submission_id>", api.SubmissionView.as_view(), name="submission"),
    path("submissions/<int:submission_id>/reread", api.RereadView.as_view(), name="submission-reread"),
    path(
        "page-readings/<int:page_reading_id>/corrections",
        api.CorrectionsView.as_view(),
        name="page-reading-corrections",
    ),
    path("students/<int:student_id>/homework", api.StudentHomeworkView.as_view(), name="student-homework"),
    path("me/homework", api.OwnHomeworkView.as_view(), name="own-homework"),
    path(
        "me/homework/<int:assignment_id>/submissions", api.OwnSubmissionsView.as_view(), name="own-homework-submissions"
    ),
    path("me/submissions/<int:submission_id>", api.OwnSubmissionView.as_view(), name="own-submission"),
]
