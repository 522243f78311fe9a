from django.urls import path

from apps.exams import api

urlpatterns = [
    path("exams", api.ExamsView.as_view(), name="exams"),
    path("exams/on-template", api.TemplateExamsView.as_view(), name="exams-on-template"),
    path("exams/<int:exam_id>", api.ExamView.as_view(), name="exam"),
    path("exams/<int:exam_id>/key", api.AnswerKeyView.as_view(), name="exam-key"),
    path("exams/<int:exam_id>/sheet.pdf", api.SheetView.as_view(), name="exam-sheet"),
    path("exams/<int:exam_id>/sheet-sets", api.SheetSetsView.as_view(), name="exam-sheet-sets"),
    path("sheet-sets/<int:sheet_set_id>", api.SheetSetView.as_view(), name="sheet-set"),
    path("exams/<int:exam_id>/scans", api.ExamScansView.as_view(), name="exam-scans"),
    path("exams/<int:exam_id>/results", api.ResultsView.as_view(), name="exam-results"),
    path("batches/<int:batch_id>", api.BatchView.as_view(), name="batch"),
    path("batches/<int:batch_id>/cancel", api.CancelBatchView.as_view(), name="batch-cancel"),
    path("scans/<int:scan_id>", api.ScanView.as_view(), name="scan"),
    path("scans/<int:scan_id>/essays", api.EssayPointsView.as_view(), name="scan-essays"),
    path("me/results", api.OwnResultsView.as_view(), name="own-results"),
    path("me/results/<int:exam_id>", api.OwnResultView.as_view(), name="own-result"),
]
