"""One's own results over HTTP: published, with the sheet, beside the class, and objecting to what was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import OWN
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries, results
from apps.exams.corrections import Markable, effective_reading, markable_fields
from apps.exams.models import Objection, Scan
from apps.exams.objecting import MAX_NOTE_CHARACTERS, objections_left, raise_objection
from apps.exams.objections import what_stands
from apps.exams.queries import ScoringRules
from apps.exams.results import OwnResultRow, Rank
from apps.exams.scoring import Outcome
from apps.exams.serializers import (
    MAX_ANSWER_CHARACTERS,
    AnswerSerializer,
    EssaySerializer,
    ObjectionSerializer,
    read_page_json,
)
from apps.students.requests import student_asking


class ResultExamSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    course = serializers.CharField(allow_null=True)


class OwnAnswerSerializer(serializers.Serializer[Any]):
    """``accepted``: any one of them is right, in the choices as printed; null while right answers are not shown."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not of the form
    marked = serializers.ListField(child=serializers.CharField())
    accepted = serializers.ListField(child=serializers.CharField(), allow_null=True)
    outcome = serializers.ChoiceField(choices=[(outcome.value, outcome.name) for outcome in Outcome])
    points = serializers.DecimalField(max_digits=6, decimal_places=2, allow_null=True)


class OwnPageAnswerSerializer(AnswerSerializer):
    """``choices``: what can be marked, in printed order; empty where a number, or what several fields say, is."""

    choices = serializers.ListField(child=serializers.CharField())
    has_several = serializers.BooleanField()


class OwnPageSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="For objecting to what was read on it.")
    page = serializers.IntegerField(allow_null=True)
    answers = OwnPageAnswerSerializer(many=True)
    essays = EssaySerializer(many=True)
    overlay_url = serializers.CharField(
        allow_null=True, help_text="The picture with what was read drawn on it, good for 5 minutes."
    )


class OwnObjectionSerializer(ObjectionSerializer):
    """``page``: the id of it; ``read_as``: what stood there when it was asked; ``is_final``: it stands as decided."""

    page = serializers.IntegerField()
    read_as = serializers.ListField(child=serializers.CharField())
    is_final = serializers.BooleanField()


class ClassStandingSerializer(serializers.Serializer[Any]):
    """``histogram``: people in tenths of ``max_points``, ``own_bin`` the place of the student's among them, from 0."""

    mean = serializers.FloatField()
    max_points = serializers.FloatField()
    histogram = serializers.ListField(child=serializers.IntegerField())
    own_bin = serializers.IntegerField()


class OwnResultSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="Of the exam.")
    title = serializers.CharField()
    exam = ResultExamSerializer()
    points = serializers.DecimalField(max_digits=10, decimal_places=2)
    max_points = serializers.DecimalField(max_digits=10, decimal_places=2)
    page_count = serializers.IntegerField()
    read_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField()
    rank = serializers.IntegerField(allow_null=True)
    rank_people = serializers.IntegerField(allow_null=True, help_text="Among how many the rank is.")


class OwnResultDetailSerializer(OwnResultSerializer):
    """``overlay_url``: the first page with what was read drawn on it, good for 5 minutes; ``pages``: all of them.

    ``class_standing``: null unless the academy shows ranks and enough sat the exam. ``objections``: the newest first;
    ``objections_left``: how many more can be raised, 0 where sheets are not shown.
    """

    answers = OwnAnswerSerializer(many=True)
    overlay_url = serializers.CharField(allow_null=True)
    pages = OwnPageSerializer(many=True)
    class_standing = ClassStandingSerializer(allow_null=True)
    objections = OwnObjectionSerializer(many=True)
    objections_left = serializers.IntegerField()


def _own_result_json(row: OwnResultRow, rank: Rank | None) -> dict[str, Any]:
    return {
        "id": row["id"],
        "title": row["title"],
        "exam": {"id": row["id"], "title": row["title"], "course": row["course_name"]},
        "points": row["points"],
        "max_points": row["max_points"],
        "page_count": row["page_count"],
        "read_at": row["read_at"],
        "published_at": row["published_at"],
        "rank": rank.place if rank else None,
        "rank_people": rank.people if rank else None,
    }


class OwnResultsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_OWN_RESULTS}
    personal: ClassVar = {"GET": OWN}
    pagination_class = NewestFirst

    @extend_schema(responses=OwnResultSerializer(many=True), operation_id="own_results_list")
    def get(self, request: Request) -> Response:
        """The published results of the student who asks, or of the child that a guardian chose; newest exam first."""
        student = student_asking(request)
        paginator = self.pagination_class()
        rows = paginator.paginate_queryset(results.published_results_of(student.pk), request, view=self) or []
        totals = results.totals_of([row["id"] for row in rows if row["shows_rank"]])
        shown = [_own_result_json(row, results.rank_in(totals[row["id"]], student.pk)) for row in rows]
        return paginator.get_paginated_response(OwnResultSerializer(shown, many=True).data)


class OwnResultView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_OWN_RESULTS}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=OwnResultDetailSerializer, operation_id="own_results_show")
    def get(self, request: Request, exam_id: int) -> Response:
        """One of them, with the answers, and the pages if the academy shows them."""
        student = student_asking(request)
        row = results.published_results_of(student.pk).filter(pk=exam_id).first()
        if row is None:
            raise Missing
        found = results.pages_of_result(exam_id=exam_id, student_id=student.pk).select_related("exam__layout")
        pages = list(found)
        rank = standing = None
        if row["shows_rank"]:
            totals = results.totals_of([exam_id])[exam_id]
            rank = results.rank_in(totals, student.pk)
            standing = results.class_standing_in(totals, student.pk)
        rules = queries.rules_of_exam(exam_id)
        markable = markable_fields(pages[0].exam.layout) if pages else {}
        shown_pages = [_own_page_json(page, row, rules, markable) for page in pages]
        objections = results.own_objections(exam_id, student.pk)
        shown = _own_result_json(row, rank) | {
            "answers": list(results.own_answers(pages, rules, has_accepted=row["shows_answers"])),
            "overlay_url": shown_pages[0]["overlay_url"] if shown_pages else None,
            "pages": shown_pages,
            "class_standing": standing,
            "objections": [_own_objection_json(objection, pages) for objection in objections],
            "objections_left": objections_left(objections) if row["shows_sheet"] else 0,
        }
        return Response(OwnResultDetailSerializer(shown).data)


def _own_page_json(
    page: Scan, row: OwnResultRow, rules: ScoringRules, markable: Mapping[str, Markable]
) -> dict[str, Any]:
    found = {"id": page.pk, "page": page.page, **read_page_json(page, effective_reading(page), rules)}
    for answer in found["answers"]:
        field = markable.get(answer["label"], Markable())
        answer |= {"choices": list(field.choices), "has_several": field.has_several}
    if not row["shows_sheet"]:
        found["overlay_url"] = None
        found["essays"] = [{**essay, "url": None} for essay in found["essays"]]
    return found


def _own_objection_json(objection: Objection, pages: list[Scan]) -> dict[str, Any]:
    page = next((page for page in pages if page.pk == objection.scan_id), None)
    stands = what_stands(page, objection.label) if page is not None else None
    return {
        **ObjectionSerializer(objection).data,
        "page": objection.scan_id,
        "read_as": objection.read_as if objection.label else [],
        "is_final": objection.decided_as is not None and objection.decided_as == stands,
    }


class RaiseObjectionSerializer(serializers.Serializer[None]):
    """Of an answer ``values`` says what was marked, nothing in it for blank; of an essay or a page the note alone."""

    page = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    label = serializers.CharField(max_length=80, allow_blank=True, default="")  # type: ignore[assignment]  # of the answer, not of the form
    values = serializers.ListField(
        child=serializers.CharField(max_length=MAX_ANSWER_CHARACTERS), max_length=10, allow_null=True, default=None
    )
    note = serializers.CharField(max_length=MAX_NOTE_CHARACTERS, allow_blank=True, default="")


class ObjectionsView(APIView):
    permissions: ClassVar = {"POST": Permission.OBJECT_TO_RESULTS}
    personal: ClassVar = {"POST": OWN}

    @extend_schema(
        request=RaiseObjectionSerializer, responses={201: OwnObjectionSerializer}, operation_id="own_results_object"
    )
    def post(self, request: Request, exam_id: int) -> Response:
        """Say that something on a page of one's own was read wrong. Staff decide; no score changes before."""
        asked = RaiseObjectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        objection = raise_objection(
            by=person_of(request),
            student_id=student_asking(request).pk,
            exam_id=exam_id,
            scan_id=given.pop("page"),
            **given,
        )
        shown = _own_objection_json(objection, [])
        return Response(OwnObjectionSerializer(shown).data, status=status.HTTP_201_CREATED)
