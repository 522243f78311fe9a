"""Homework over HTTP: register a worksheet, give it, hand it in, see which problems were attempted, correct that."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, OWN, about, in_answer, in_path
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from academy.jobs.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.homework import queries, services
from apps.homework.models import Assignment, Submission
from apps.homework.serializers import (
    AssignmentSerializer,
    CorrectionsSerializer,
    MissingStudentSerializer,
    NewAssignmentSerializer,
    NewSubmissionSerializer,
    NewWorksheetSerializer,
    OwnSubmissionSerializer,
    PageReadingSerializer,
    RegionsSerializer,
    StandingSerializer,
    SubmissionDetailSerializer,
    SubmissionSerializer,
    WorksheetDetailSerializer,
    WorksheetPageSerializer,
    WorksheetSerializer,
    page_reading_json,
    standing_json,
    submission_detail_json,
    submission_json,
    worksheet_json,
    worksheet_page_json,
)
from apps.students.queries import students_visible_to
from apps.students.requests import student_asking, student_meant
from sheets.homework import Region


def _assignment(request: Request, assignment_id: int) -> Assignment:
    assignment: Assignment | None = queries.assignments_with_counts(person_of(request)).filter(pk=assignment_id).first()
    if assignment is None:
        raise Missing
    return assignment


class WorksheetsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK, "POST": Permission.MANAGE_HOMEWORK}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(responses=WorksheetSerializer(many=True), operation_id="worksheets_list")
    def get(self, request: Request) -> Response:
        """The academy's worksheets, newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.worksheets_with_job(), request, view=self) or []
        return paginator.get_paginated_response([worksheet_json(worksheet) for worksheet in page])

    @extend_schema(
        request=NewWorksheetSerializer,
        responses={202: WorksheetSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="worksheets_register",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Register a sent file, PDF or photo, as a blank worksheet. Where its problems are is proposed in the
        background.
        """
        asked = NewWorksheetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        worksheet = services.register_worksheet(
            title=asked.validated_data["title"],
            upload_id=asked.validated_data["upload"],
            created_by=person_of(request),
        )
        return Response(worksheet_json(worksheet), status=status.HTTP_202_ACCEPTED)


class WorksheetView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"GET": NOT_PERSONAL}

    @extend_schema(responses=WorksheetDetailSerializer, operation_id="worksheets_show")
    def get(self, request: Request, worksheet_id: int) -> Response:
        """A worksheet, its pages, and where the problems are."""
        worksheet = queries.worksheets_with_job().filter(pk=worksheet_id).first()
        if worksheet is None:
            raise Missing
        pages = [worksheet_page_json(page) for page in queries.pages_of_worksheet(worksheet.pk)]
        return Response({**worksheet_json(worksheet), "pages": pages})


class RegionsView(APIView):
    permissions: ClassVar = {"PUT": Permission.MANAGE_HOMEWORK}
    personal: ClassVar = {"PUT": NOT_PERSONAL}

    @extend_schema(request=RegionsSerializer, responses=WorksheetPageSerializer, operation_id="worksheets_set_regions")
    def put(self, request: Request, worksheet_page_id: int) -> Response:
        """Say where the problems of a page are, all of them; null goes back to what was proposed."""
        asked = RegionsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = asked.validated_data["regions"]
        regions = None if found is None else [Region.from_json(region) for region in found]
        return Response(worksheet_page_json(services.set_regions(worksheet_page_id=worksheet_page_id, regions=regions)))


class AssignmentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK, "POST": Permission.MANAGE_HOMEWORK}
    personal: ClassVar = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}
    pagination_class = NewestFirst

    @extend_schema(responses=AssignmentSerializer(many=True), operation_id="homework_list")
    def get(self, request: Request) -> Response:
        """The academy's homework, newest first, with how many have handed it in."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.assignments_with_counts(person_of(request)), request, view=self)
        return paginator.get_paginated_response(AssignmentSerializer(page, many=True).data)

    @extend_schema(
        request=NewAssignmentSerializer, responses={201: AssignmentSerializer}, operation_id="homework_assign"
    )
    def post(self, request: Request) -> Response:
        """Give homework to students."""
        asked = NewAssignmentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        assignment = services.assign_homework(
            title=asked.validated_data["title"],
            worksheet_id=asked.validated_data["worksheet"],
            due_at=asked.validated_data["due_at"],
            students=asked.validated_data.get("students"),
            created_by=person_of(request),
            course=asked.validated_data["course"],
        )
        return Response(AssignmentSerializer(_assignment(request, assignment.pk)).data, status=status.HTTP_201_CREATED)


class AssignmentView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"GET": about(student=in_answer("student"))}

    @extend_schema(responses=StandingSerializer(many=True), operation_id="homework_results")
    def get(self, request: Request, assignment_id: int) -> Response:
        """Where every student who has to do it stands, by number."""
        rows = queries.standing_of_class(_assignment(request, assignment_id))
        return Response([standing_json(row) for row in rows])


class MissingView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"GET": about(student=in_answer("id"))}

    @extend_schema(responses=MissingStudentSerializer(many=True), operation_id="homework_missing")
    def get(self, request: Request, assignment_id: int) -> Response:
        """Who has handed in nothing yet: the list to remind."""
        assignment = _assignment(request, assignment_id)
        return Response(MissingStudentSerializer(queries.students_missing(assignment.pk), many=True).data)


class SubmissionsView(APIView):
    permissions: ClassVar = {"POST": Permission.SUBMIT_HOMEWORK}
    personal: ClassVar = {"POST": about(student=in_answer("student"))}

    @extend_schema(
        request=NewSubmissionSerializer,
        responses={202: SubmissionSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="homework_submit",
    )
    @idempotent
    def post(self, request: Request, assignment_id: int) -> Response:
        """Hand in sent files for a student. They are read in the background."""
        asked = NewSubmissionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        submission = services.submit_for_student(
            assignment_id=assignment_id,
            student_id=asked.validated_data["student"],
            uploads=asked.validated_data["uploads"],
            created_by=person_of(request),
        )
        return Response(submission_json(submission), status=status.HTTP_202_ACCEPTED)


class SubmissionView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"GET": about(is_recorded=True, student=in_answer("student"))}  # the pictures say more

    @extend_schema(responses=SubmissionDetailSerializer, operation_id="submissions_show")
    def get(self, request: Request, submission_id: int) -> Response:
        """What was read on each page, how sure, with the picture of each problem."""
        seen = queries.submissions_visible_to(person_of(request)).filter(pk=submission_id)
        submission: Submission | None = queries.submissions_with_job().filter(pk__in=seen.values("pk")).first()
        if submission is None:
            raise Missing
        return Response(_detail(submission))


def _detail(submission: Submission) -> dict[str, Any]:
    pages = queries.pages_of_submission(submission.pk)
    return submission_detail_json(submission, pages, queries.copied_files(submission))


class RereadView(APIView):
    permissions: ClassVar = {"POST": Permission.SUBMIT_HOMEWORK}
    personal: ClassVar = {"POST": about(student=in_answer("student"))}

    @extend_schema(request=None, responses={202: SubmissionSerializer}, operation_id="submissions_reread")
    def post(self, request: Request, submission_id: int) -> Response:
        """Read a hand-in again, as after the worksheet's regions were corrected. Corrections of verdicts stay."""
        submission = services.reread_submission(submission_id=submission_id, by=person_of(request))
        return Response(submission_json(submission), status=status.HTTP_202_ACCEPTED)


class CorrectionsView(APIView):
    permissions: ClassVar = {"PUT": Permission.SUBMIT_HOMEWORK}
    personal: ClassVar = {"PUT": NOT_PERSONAL}

    @extend_schema(request=CorrectionsSerializer, responses=PageReadingSerializer, operation_id="submissions_correct")
    def put(self, request: Request, page_reading_id: int) -> Response:
        """Say what is true of problems that were misread; it stays when the page is read again."""
        asked = CorrectionsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        page = services.correct_page(
            page_reading_id=page_reading_id, verdicts=asked.validated_data["verdicts"], by=person_of(request)
        )
        return Response(page_reading_json(page, is_copy=False))


class StudentHomeworkView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_HOMEWORK}
    personal: ClassVar = {"GET": about(student=in_path("student_id"))}

    @extend_schema(responses=StandingSerializer(many=True), operation_id="students_homework")
    def get(self, request: Request, student_id: int) -> Response:
        """A student's homework over time, the latest due first."""
        person = person_of(request)
        student = students_visible_to(person).filter(pk=student_id).first()
        if student is None:
            raise Missing
        seen = queries.assignments_visible_to(person)
        return Response([standing_json(row) for row in queries.standing_of_student(student, seen)])


class OwnHomeworkView(APIView):
    permissions: ClassVar = {"GET": Permission.OWN_HOMEWORK}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=StandingSerializer(many=True), operation_id="own_homework_list")
    def get(self, request: Request) -> Response:
        """One's own homework, or the chosen child's, the latest due first."""
        return Response([standing_json(row) for row in queries.standing_of_student(student_asking(request))])


class OwnSubmissionsView(APIView):
    permissions: ClassVar = {"POST": Permission.OWN_HOMEWORK}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(
        request=OwnSubmissionSerializer,
        responses={202: SubmissionSerializer},
        parameters=[IDEMPOTENCY_KEY],
        operation_id="own_homework_submit",
    )
    @idempotent
    def post(self, request: Request, assignment_id: int) -> Response:
        """Hand in one's own sent files, or a child's: the named one's, else the chosen one's."""
        asked = OwnSubmissionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student_id = asked.validated_data["student"]
        student = student_asking(request) if student_id is None else student_meant(request, student_id)
        submission = services.submit_homework(
            assignment_id=assignment_id,
            student_id=student.pk,
            uploads=asked.validated_data["uploads"],
            created_by=person_of(request),
        )
        return Response(submission_json(submission), status=status.HTTP_202_ACCEPTED)


class OwnSubmissionView(APIView):
    permissions: ClassVar = {"GET": Permission.OWN_HOMEWORK}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=SubmissionDetailSerializer, operation_id="own_submissions_show")
    def get(self, request: Request, submission_id: int) -> Response:
        """What was read of one's own hand-in, or the chosen child's."""
        own = queries.submissions_with_job().filter(student_id=student_asking(request).pk)
        submission: Submission | None = own.filter(pk=submission_id).first()
        if submission is None:
            raise Missing
        return Response(submission_detail_json(submission, queries.pages_of_submission(submission.pk), ()))
