"""Exams over HTTP: make one, print its sheet, set the key, hand in scans, see what was read."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, about, in_answer, note_subjects
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.http.rendering import AnyAccept
from academy.http.security import HEADER, policy
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.academies.pictures import sheet_brand
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import other_makers, queries, services
from apps.exams.models import Batch, Exam, Maker, Scan
from apps.exams.queries import BatchProgress
from apps.exams.requests import wished_exam
from apps.exams.serializers import (
    AnswerKeySerializer,
    BatchSerializer,
    EssayPointsSerializer,
    ExamCourseSerializer,
    ExamSerializer,
    NewExamSerializer,
    NewSheetSetSerializer,
    NewTemplateExamSerializer,
    RegradedSerializer,
    ResultSerializer,
    ScanDetailSerializer,
    ScanSerializer,
    SheetSetSerializer,
    SubmitScansSerializer,
    batch_json,
    key_json,
    regraded_json,
    scan_detail_json,
)
from apps.exams.services import ScoringWish
from sheets.layout import Layout
from sheets.pdf import Prefill, render_pdf

MAX_PREFILLED: Final = 50
"""Copies that are drawn while the browser waits, in a fifth of a second; more are a job."""


def _exam(request: Request, exam_id: int) -> Exam:
    exam = queries.exams_visible_to(person_of(request)).select_related("layout").filter(pk=exam_id).first()
    if exam is None:
        raise Missing
    return exam


class ExamsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_EXAMS, "POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(responses=ExamSerializer(many=True), operation_id="exams_list")
    def get(self, request: Request) -> Response:
        """The exams that this person sees, newest first."""
        paginator = self.pagination_class()
        rows = queries.exam_rows(person_of(request))
        return paginator.get_paginated_response(paginator.paginate_queryset(rows, request, view=self))

    @extend_schema(request=NewExamSerializer, responses={201: ExamSerializer}, operation_id="exams_create")
    def post(self, request: Request) -> Response:
        """A new exam on a sheet of ours."""
        asked = NewExamSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        exam = services.create_exam(created_by=person_of(request), **wished_exam(asked.validated_data))
        return Response(ExamSerializer(exam).data, status=status.HTTP_201_CREATED)


class TemplateExamsView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(
        request=NewTemplateExamSerializer, responses={201: ExamSerializer}, operation_id="exams_create_on_template"
    )
    def post(self, request: Request) -> Response:
        """A new exam on another maker's sheet, described by an OMRChecker ``template.json``."""
        asked = NewTemplateExamSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        exam = other_makers.create_exam_on_template(created_by=person_of(request), **asked.validated_data)
        return Response(ExamSerializer(exam).data, status=status.HTTP_201_CREATED)


class ExamView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_EXAMS, "PATCH": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "PATCH": NOT_PERSONAL}

    @extend_schema(responses=ExamSerializer, operation_id="exams_show")
    def get(self, request: Request, exam_id: int) -> Response:
        return Response(ExamSerializer(_exam(request, exam_id)).data)

    @extend_schema(request=ExamCourseSerializer, responses=ExamSerializer, operation_id="exams_set_course")
    def patch(self, request: Request, exam_id: int) -> Response:
        """Put an exam into a course, whose teachers see it from then on, or with ``null`` out of every one."""
        asked = ExamCourseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        exam = services.set_course(by=person_of(request), exam_id=exam_id, course=asked.validated_data["course"])
        return Response(ExamSerializer(exam).data)


class AnswerKeyView(APIView):
    permissions: ClassVar = {"GET": Permission.MANAGE_EXAMS, "PUT": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"GET": NOT_PERSONAL, "PUT": about()}  # notes whose points change by itself

    @extend_schema(responses=AnswerKeySerializer, operation_id="exams_key_show")
    def get(self, request: Request, exam_id: int) -> Response:
        exam = _exam(request, exam_id)
        return Response(key_json(exam, queries.key_of_exam(exam.pk)))

    @extend_schema(request=AnswerKeySerializer, responses=RegradedSerializer, operation_id="exams_key_set")
    def put(self, request: Request, exam_id: int) -> Response:
        """Set how questions are scored; what was read already is scored anew at once."""
        asked = AnswerKeySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = ScoringWish(**asked.validated_data)
        found = services.set_scoring(by=person_of(request), exam_id=exam_id, wish=wish)
        note_subjects(request._request, "student", [change.student_id for change in found.changes])
        return Response(regraded_json(found))


class SheetView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_EXAMS}
    personal: ClassVar = {"GET": about()}  # notes whom it prints by itself
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY}, operation_id="exams_sheet")
    def get(self, request: Request, exam_id: int) -> HttpResponse:
        """The printable answer sheet; with ``?prefilled=1`` one per student, name and number filled in."""
        exam = _exam(request, exam_id)
        if exam.layout.maker != Maker.OWN:
            raise services.NotPrintable(gettext("This sheet is printed by its own maker."))
        layout = Layout.from_json(exam.layout.definition)
        copies: list[Prefill] = []
        if request.query_params.get("prefilled") == "1":
            fitting = queries.students_with_number_of(layout.number_digits, exam=exam, person=person_of(request))
            numbered = list(fitting[: MAX_PREFILLED + 1])
            if len(numbered) > MAX_PREFILLED:
                raise services.TooManyCopies(
                    gettext("For more than {count} students, order a set of sheets.").format(count=MAX_PREFILLED)
                )
            copies = [Prefill(name=student.name, number=student.number) for student in numbered]
            note_subjects(request._request, "student", [student.pk for student in numbered])
        pdf = render_pdf(layout, sheet_id=exam.sheet_code, heading=exam.title, copies=copies, **sheet_brand())
        return HttpResponse(
            pdf,
            content_type="application/pdf",
            headers={
                "Content-Disposition": f'inline; filename="sheet-{exam.pk}.pdf"',
                "Cache-Control": "no-store",
                HEADER: policy(object_src=["'self'"], style_src=["'unsafe-inline'"]),  # what browsers show PDFs with
            },
        )


class SheetSetsView(APIView):
    permissions: ClassVar = {"POST": Permission.SUBMIT_SCANS}
    personal: ClassVar = {"POST": about()}  # notes whom it prints by itself

    @extend_schema(
        request=NewSheetSetSerializer, responses={202: SheetSetSerializer}, operation_id="exams_sheets_order"
    )
    def post(self, request: Request, exam_id: int) -> Response:
        """Have sheets printed for students, each with name, number and a code of its own, in one file."""
        asked = NewSheetSetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = services.order_sheet_set(
            exam_id=exam_id,
            students=asked.validated_data.get("students"),
            has_versions=asked.validated_data["has_versions"],
            created_by=person_of(request),
        )
        note_subjects(request._request, "student", wanted.students)
        return Response(SheetSetSerializer(wanted).data, status=status.HTTP_202_ACCEPTED)


class SheetSetView(APIView):
    permissions: ClassVar = {"GET": Permission.SUBMIT_SCANS}
    personal: ClassVar = {"GET": about()}  # notes whose sheets are in the file by itself

    @extend_schema(responses=SheetSetSerializer, operation_id="sheet_sets_show")
    def get(self, request: Request, sheet_set_id: int) -> Response:
        """Whether the sheets are printed yet, and where the file is: a link that works for five minutes."""
        wanted = queries.sheet_sets_with_job(person_of(request)).filter(pk=sheet_set_id).first()
        if wanted is None:
            raise Missing
        if wanted.pdf_key:
            note_subjects(request._request, "student", wanted.students)
        return Response(SheetSetSerializer(wanted).data)


class ExamScansView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS, "POST": Permission.SUBMIT_SCANS}
    personal: ClassVar = {"GET": about(student=in_answer("student", "id")), "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(responses=ScanSerializer(many=True), operation_id="exams_scans_list")
    def get(self, request: Request, exam_id: int) -> Response:
        """The exam's scanned pages, newest first."""
        exam = _exam(request, exam_id)
        paginator = self.pagination_class()
        scans = queries.scans_with_job_and_student(person_of(request)).filter(exam=exam)
        page = paginator.paginate_queryset(scans, request, view=self)
        return paginator.get_paginated_response(ScanSerializer(page, many=True).data)

    @extend_schema(
        request=SubmitScansSerializer,
        responses={202: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="exams_scans_submit",
    )
    @idempotent
    def post(self, request: Request, exam_id: int) -> Response:
        """Hand in a sent file: one page, or a PDF or a ZIP of many. It is read in the background."""
        asked = SubmitScansSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        batch = services.submit_scans(
            exam_id=exam_id, upload_id=asked.validated_data["upload"], created_by=person_of(request)
        )
        # Nothing of it can have been read: its job is only seen once this request has committed.
        return Response(batch_json(batch, BatchProgress(batch.page_count, 0, 0), []), status=status.HTTP_202_ACCEPTED)


class BatchView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=BatchSerializer, operation_id="batches_show")
    def get(self, request: Request, batch_id: int) -> Response:
        """How far a handed-in file is, and what went wrong with which page."""
        return Response(_batch_json(person_of(request), batch_id))


class CancelBatchView(APIView):
    permissions: ClassVar = {"POST": Permission.SUBMIT_SCANS}
    personal: ClassVar = {"POST": NOT_PERSONAL}

    @extend_schema(request=None, responses=BatchSerializer, operation_id="batches_cancel")
    def post(self, request: Request, batch_id: int) -> Response:
        """Cancel what of a handed-in file is not read yet."""
        services.cancel_batch(by=person_of(request), batch_id=batch_id)
        return Response(_batch_json(person_of(request), batch_id))


def _batch_json(person: User, batch_id: int) -> dict[str, Any]:
    visible = queries.batches_visible_to(person)
    batch: Batch | None = visible.select_related("job", "upload").filter(pk=batch_id).first()
    if batch is None:
        raise Missing
    return batch_json(batch, queries.progress_of_batch(batch), queries.failures_of_batch(batch))


class ScanView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS}
    personal: ClassVar = {
        "GET": about(is_recorded=True, student=in_answer("student", "id"))
    }  # the picture says more than we read

    @extend_schema(responses=ScanDetailSerializer, operation_id="scans_show")
    def get(self, request: Request, scan_id: int) -> Response:
        """One page: what was read, how sure, how it scores, and the picture with the reading drawn on it."""
        scans = queries.with_corrections(queries.scans_with_job_and_student(person_of(request)))
        scan: Scan | None = scans.filter(pk=scan_id).first()
        if scan is None:
            raise Missing
        return Response(scan_detail_json(scan, queries.rules_of_exam(scan.exam_id)))


class EssayPointsView(APIView):
    permissions: ClassVar = {"PUT": Permission.MANAGE_EXAMS}
    personal: ClassVar = {"PUT": about(student=in_answer("student", "id"))}

    @extend_schema(request=EssayPointsSerializer, responses=ScanDetailSerializer, operation_id="scans_essays_set")
    def put(self, request: Request, scan_id: int) -> Response:
        """Give points for the essays of a page; they stay when the page is read again."""
        asked = EssayPointsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        services.give_essay_points(by=person_of(request), scan_id=scan_id, **asked.validated_data)
        scans = queries.with_corrections(queries.scans_with_job_and_student(person_of(request)))
        scan: Scan = scans.get(pk=scan_id)
        return Response(scan_detail_json(scan, queries.rules_of_exam(scan.exam_id)))


class ResultsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_SCANS}
    personal: ClassVar = {"GET": about(student=in_answer("student_id"))}

    @extend_schema(responses=ResultSerializer(many=True), operation_id="exams_results")
    def get(self, request: Request, exam_id: int) -> Response:
        """Points per student with a matched sheet, by number."""
        results = queries.results_of_exam(_exam(request, exam_id).pk)
        return Response(ResultSerializer(results, many=True).data)
