"""Students over HTTP."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.utils.translation import get_language, gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.http.disclosures import OWN, about, in_answer, in_path
from academy.http.errors import Missing
from academy.http.pagination import NewestFirst
from apps.accounts.models import User
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.students import queries, services
from apps.students.consent_texts import CURRENT_VERSION, LANGUAGES, consent_text
from apps.students.models import EARLIEST_BIRTH_YEAR, LATEST_BIRTH_YEAR, GuardianConsent, Student
from apps.students.requests import CHILD_KEY, choose_child


class StudentSerializer(serializers.ModelSerializer[Student]):
    class Meta:
        model = Student
        fields = ("id", "number", "name", "created_at")
        read_only_fields = fields


class BirthYearField(serializers.IntegerField):
    def __init__(self, **kwargs: object) -> None:
        limits = {"min_value": EARLIEST_BIRTH_YEAR, "max_value": LATEST_BIRTH_YEAR}
        super().__init__(allow_null=True, **limits, **kwargs)  # type: ignore[arg-type]  # DRF's own options


class NewStudentSerializer(serializers.Serializer[None]):
    number = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=80)
    birth_year = BirthYearField(required=False, default=None)


class BirthYearSerializer(serializers.Serializer[None]):
    """``null``: not known."""

    birth_year = BirthYearField()


class GuardianSerializer(serializers.ModelSerializer[User]):
    phone = serializers.CharField()

    class Meta:
        model = User
        fields = ("id", "name", "phone", "is_active")
        read_only_fields = fields


class NewGuardianSerializer(serializers.Serializer[None]):
    """``name`` is for somebody new; who is a guardian already keeps theirs."""

    phone = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=80)


class ChildSerializer(serializers.ModelSerializer[Student]):
    is_chosen = serializers.SerializerMethodField()

    class Meta:
        model = Student
        fields = ("id", "number", "name", "is_chosen")
        read_only_fields = fields

    def get_is_chosen(self, student: Student) -> bool:
        return bool(student.pk == self.context["chosen"])


class ChooseChildSerializer(serializers.Serializer[None]):
    student = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class AccountSerializer(serializers.Serializer[None]):
    phone = serializers.CharField(max_length=32)


class ConsentSerializer(serializers.ModelSerializer[GuardianConsent]):
    class Meta:
        model = GuardianConsent
        fields = ("id", "signed_by", "how", "text_version", "text_language", "consented_at", "withdrawn_at")
        read_only_fields = fields


class ConsentTextSerializer(serializers.Serializer[None]):
    version = serializers.IntegerField()
    language = serializers.ChoiceField(choices=LANGUAGES)
    body = serializers.CharField(help_text="Markdown.")


class ConsentStateSerializer(serializers.Serializer[None]):
    """``needs_consent``: the student may be under 14. ``text`` is what consent would be given to now."""

    student = serializers.IntegerField()
    birth_year = serializers.IntegerField(allow_null=True)
    needs_consent = serializers.BooleanField()
    has_consent = serializers.BooleanField()
    text = ConsentTextSerializer()
    consents = ConsentSerializer(many=True)


class GiveConsentSerializer(serializers.Serializer[None]):
    """The version and the language of the text that the guardian was shown."""

    version = serializers.IntegerField(min_value=1, max_value=32_767)
    language = serializers.ChoiceField(choices=LANGUAGES)


class NoteConsentSerializer(GiveConsentSerializer):
    """``guardian`` is the account of who signed, if they have one here."""

    signed_by = serializers.CharField(max_length=80)
    signed_on = serializers.DateField()
    guardian = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True, default=None)

    def validate_signed_on(self, day: date) -> date:
        if day.year < EARLIEST_BIRTH_YEAR:
            raise serializers.ValidationError(gettext("This day is too long ago."))
        return day


def _state_of(student: Student) -> dict[str, object]:
    consents = list(queries.consents_of(student.pk))
    language = "en" if (get_language() or "").startswith("en") else "ko"
    return {
        "student": student.pk,
        "birth_year": student.birth_year,
        "needs_consent": student.needs_consent,
        "has_consent": any(consent.withdrawn_at is None for consent in consents),
        "text": {"version": CURRENT_VERSION, "language": language, "body": consent_text(CURRENT_VERSION, language)},
        "consents": ConsentSerializer(consents, many=True).data,
    }


class StudentsView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_STUDENTS, "POST": Permission.MANAGE_STUDENTS}
    personal: ClassVar = {"GET": about(student=in_answer("id")), "POST": about(student=in_answer("id"))}
    pagination_class = NewestFirst

    @extend_schema(responses=StudentSerializer(many=True), operation_id="students_list")
    def get(self, request: Request) -> Response:
        """The students whom this person sees, newest first."""
        paginator = self.pagination_class()
        rows = queries.student_rows(person_of(request))
        return paginator.get_paginated_response(paginator.paginate_queryset(rows, request, view=self))

    @extend_schema(request=NewStudentSerializer, responses={201: StudentSerializer}, operation_id="students_create")
    def post(self, request: Request) -> Response:
        """A new student."""
        asked = NewStudentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student = services.create_student(**asked.validated_data)
        return Response(StudentSerializer(student).data, status=status.HTTP_201_CREATED)


class GuardiansView(APIView):
    permissions: ClassVar = {"GET": Permission.MANAGE_STUDENTS, "POST": Permission.MANAGE_STUDENTS}
    personal: ClassVar = dict.fromkeys(("GET", "POST"), about(student=in_path("student_id"), user=in_answer("id")))

    @extend_schema(responses=GuardianSerializer(many=True), operation_id="guardians_list")
    def get(self, request: Request, student_id: int) -> Response:
        """Who may act for the student."""
        if not queries.students_visible_to(person_of(request)).filter(pk=student_id).exists():
            raise Missing
        return Response(GuardianSerializer(queries.guardians_of(student_id), many=True).data)

    @extend_schema(request=NewGuardianSerializer, responses={201: GuardianSerializer}, operation_id="guardians_add")
    def post(self, request: Request, student_id: int) -> Response:
        """Let somebody act for the student. Who is new here is invited by text."""
        asked = NewGuardianSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        guardian = services.add_guardian(by=person_of(request), student_id=student_id, **asked.validated_data)
        return Response(GuardianSerializer(guardian).data, status=status.HTTP_201_CREATED)


class GuardianView(APIView):
    permissions: ClassVar = {"DELETE": Permission.MANAGE_STUDENTS}
    personal: ClassVar = {"DELETE": about(student=in_path("student_id"), user=in_path("user_id"))}

    @extend_schema(responses={204: None}, operation_id="guardians_remove")
    def delete(self, request: Request, student_id: int, user_id: int) -> Response:
        """Let this person no longer act for the student."""
        services.remove_guardian(by=person_of(request), student_id=student_id, user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChildrenView(APIView):
    permissions: ClassVar = {"GET": Permission.VIEW_CHILDREN}
    personal: ClassVar = {"GET": OWN}

    @extend_schema(responses=ChildSerializer(many=True), operation_id="children_list")
    def get(self, request: Request) -> Response:
        """The children whom this guardian may act for."""
        children = queries.children_of(person_of(request).pk)
        context = {"chosen": request._request.session.get(CHILD_KEY)}
        return Response(ChildSerializer(children, many=True, context=context).data)


class ChildView(APIView):
    permissions: ClassVar = {"PUT": Permission.VIEW_CHILDREN}
    personal: ClassVar = {"PUT": OWN}

    @extend_schema(request=ChooseChildSerializer, responses=ChildSerializer, operation_id="children_choose")
    def put(self, request: Request) -> Response:
        """Act for this child from now on, in this session."""
        asked = ChooseChildSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        student = choose_child(request, asked.validated_data["student"])
        return Response(ChildSerializer(student, context={"chosen": student.pk}).data)


class BirthYearView(APIView):
    permissions: ClassVar = {"PUT": Permission.MANAGE_STUDENTS}
    personal: ClassVar = {"PUT": about(student=in_path("student_id"))}

    @extend_schema(
        request=BirthYearSerializer, responses=ConsentStateSerializer, operation_id="students_set_birth_year"
    )
    def put(self, request: Request, student_id: int) -> Response:
        """Note the year of birth. A student who may be under 14 and has no consent is signed out."""
        asked = BirthYearSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(_state_of(services.set_birth_year(student_id=student_id, **asked.validated_data)))


class AccountView(APIView):
    permissions: ClassVar = {"POST": Permission.MANAGE_STUDENTS}
    personal: ClassVar = {"POST": about(student=in_path("student_id"), user=in_answer("id"))}

    @extend_schema(request=AccountSerializer, responses={201: GuardianSerializer}, operation_id="students_give_account")
    def post(self, request: Request, student_id: int) -> Response:
        """Let the student sign in with this phone. Refused (``consent_due``) while a guardian's consent is due."""
        asked = AccountSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = services.give_account(by=person_of(request), student_id=student_id, **asked.validated_data)
        return Response(GuardianSerializer(user).data, status=status.HTTP_201_CREATED)


class ConsentView(APIView):
    permissions: ClassVar = {
        "GET": Permission.MANAGE_STUDENTS,
        "POST": Permission.MANAGE_STUDENTS,
        "DELETE": Permission.MANAGE_STUDENTS,
    }
    personal: ClassVar = dict.fromkeys(("GET", "POST", "DELETE"), about(student=in_path("student_id")))

    @extend_schema(responses=ConsentStateSerializer, operation_id="consent_show")
    def get(self, request: Request, student_id: int) -> Response:
        """What guardians agreed to for this student, and the text of today."""
        student = queries.students().filter(pk=student_id).first()
        if student is None:
            raise Missing
        return Response(_state_of(student))

    @extend_schema(request=NoteConsentSerializer, responses={201: ConsentSerializer}, operation_id="consent_note")
    def post(self, request: Request, student_id: int) -> Response:
        """Note a consent that was signed on paper."""
        asked = NoteConsentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        consent = services.note_consent(by=person_of(request), student_id=student_id, **asked.validated_data)
        return Response(ConsentSerializer(consent).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None}, operation_id="consent_note_withdrawal")
    def delete(self, request: Request, student_id: int) -> Response:
        """Note that a guardian withdrew. The student's sessions end at once while they may be under 14."""
        services.withdraw_consent(by=person_of(request), student_id=student_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChildConsentView(APIView):
    permissions: ClassVar = {
        "GET": Permission.VIEW_CHILDREN,
        "POST": Permission.CONSENT_FOR_CHILDREN,
        "DELETE": Permission.CONSENT_FOR_CHILDREN,
    }
    personal: ClassVar = {"GET": OWN, "POST": OWN, "DELETE": OWN}

    @extend_schema(responses=ConsentStateSerializer, operation_id="children_consent_show")
    def get(self, request: Request, student_id: int) -> Response:
        """Whether one's child needs a consent, has one, and the text of today."""
        child = queries.children_of(person_of(request).pk).filter(pk=student_id).first()
        if child is None:
            raise Missing
        return Response(_state_of(child))

    @extend_schema(
        request=GiveConsentSerializer, responses={201: ConsentSerializer}, operation_id="children_consent_give"
    )
    def post(self, request: Request, student_id: int) -> Response:
        """Consent for one's child, to the version of the text that one was shown."""
        asked = GiveConsentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        consent = services.give_consent(guardian=person_of(request), student_id=student_id, **asked.validated_data)
        return Response(ConsentSerializer(consent).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None}, operation_id="children_consent_withdraw")
    def delete(self, request: Request, student_id: int) -> Response:
        """Withdraw. The child's sessions end at once while they may be under 14."""
        services.withdraw_consent(by=person_of(request), student_id=student_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
