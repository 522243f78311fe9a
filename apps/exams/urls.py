from django.urls import path

from apps.exams import api, own_results_api, results_api, review_api

urlpatterns = [
    path("exams", api.ExamsView.as_view(), name="exams"),
    path("exams/on-template", api.TemplateExamsView.as_view(), name="exams-on-template"),
    path("exams/<int:exam_id>", api.ExamView.as_view(), name="exam"),
    path("exams/<int:exam_id>/key", api.AnswerKeyView.as_view(), name="exam-key"),
    path("exams/<int:exam_id>/key/preview", results_api.PreviewKeyView.as_view(), name="exam-key-preview"),
    path("exams/<int:exam_id>/inbox", review_api.InboxView.as_view(), name="exam-inbox"),
    path("exams/<int:exam_id>/publish", results_api.PublishView.as_view(), name="exam-publish"),
    path("exams/<int:exam_id>/unpublish", results_api.UnpublishView.as_view(), name="exam-unpublish"),
    path("exams/<int:exam_id>/analysis", results_api.AnalysisView.as_view(), name="exam-analysis"),
    path("exams/<int:exam_id>/results/export", results_api.ExportResultsView.as_view(), name="exam-results-export"),
    path("exams/<int:exam_id>/sheet.pdf", api.SheetView.as_view(), name="exam-sheet"),
    path("exams/<int:exam_id>/sheet-sets", api.SheetSetsView.as_view(), name="exam-sheet-sets"),
    path("sheet-sets/<int:sheet_set_id>", api.SheetSetView.as_view(), name="sheet-set"),
    path("exams/<int:exam_id>/scans", api.ExamScansView.as_view(), name="exam-scans"),
    path("exams/<int:exam_id>/results", api.ResultsView.as_view(), name="exam-results"),
    path("batches/<int:batch_id>", api.BatchView.as_view(), name="batch"),
    path("batches/<int:batch_id>/cancel", api.CancelBatchView.as_view(), name="batch-cancel"),
    path("scans/<int:scan_id>", api.ScanView.as_view(), name="scan"),
    path("scans/<int:scan_id>/essays", api.EssayPointsView.as_view(), name="scan-essays"),
    path("scans/<int:scan_id>/corrections", review_api.CorrectionsView.as_view(), name="scan-corrections"),
    path(
        "objections/<int:objection_id>/decision", review_api.ObjectionDecisionView.as_view(), name="objection-decision"
    ),
    path("me/results", own_results_api.OwnResultsView.as_view(), name="own-results"),
    path("me/results/<int:exam_id>", own_results_api.OwnResultView.as_view(), name="own-result"),
    path("me/results/<int:exam_id>/objections", own_results_api.ObjectionsView.as_view(), name="own-objections"),
]
