"""A row of every tenant model in each of the two academies, for walks over the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import models, transaction

from academy.storage.models import Upload, UploadState
from academy.tenancy.base import TenantModel
from academy.tenancy.checks import tenant_models
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role
from apps.courses.models import Course
from apps.exams.models import Objection, Scan, SheetSet
from apps.homework.models import PageReading
from apps.lectures.models import Lecture
from sheets.payload import TOKEN_LENGTH
from tests.factories import (
    Cast,
    World,
    client_of,
    make_assignment,
    make_attendance,
    make_batch,
    make_consent,
    make_course,
    make_erasure,
    make_exam,
    make_export,
    make_film_upload,
    make_guardianship,
    make_lecture,
    make_passkey,
    make_playback,
    make_progress,
    make_renditions,
    make_scan,
    make_student,
    make_submission,
    make_upload,
    make_user,
    make_worksheet,
    record_homework,
    record_scan,
)
from tests.factories.exams import make_objection, make_publication, make_sheet_set, make_student_sheet

BYSTANDER_PHONE: Final = "010-3000-0000"

# In what the colleague's course is made of, and nowhere else.
COLLEAGUE: Final = "colleague"
COLLEAGUE_NUMBER: Final = "240102"
COLLEAGUE_PHONES: Final[Mapping[Role, str]] = {
    Role.TEACHER: "010-4000-0001",
    Role.ASSISTANT: "010-4000-0002",
    Role.STUDENT: "010-4000-0003",
    Role.GUARDIAN: "010-4000-0004",
}


def every_tenant_model() -> list[type[TenantModel]]:
    """The system check stops a model of a tenant app that is no ``TenantModel``; this is for the type checker."""
    return [model for model in tenant_models() if issubclass(model, TenantModel)]


@dataclass(frozen=True, slots=True)
class Key:
    """A key from one tenant model to another."""

    model: type[TenantModel]
    field: models.ForeignKey[Any, Any]
    target: type[TenantModel]

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"


def tenant_foreign_keys() -> list[Key]:
    """Every key from one tenant model to another, whatever its class."""
    return [
        Key(model, field, field.related_model)
        for model in every_tenant_model()
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and issubclass(field.related_model, TenantModel)
    ]


def error_of(call: Callable[[], object]) -> Exception | None:
    """What ``call`` raises, ``None`` when it goes through; what it did to the database is undone on an error."""
    try:
        with transaction.atomic():
            call()
    except Exception as error:  # noqa: BLE001  handed to the caller, who judges it
        return error
    return None


def complete(world: World) -> None:
    """Add to each academy a guardian to whom things are done, and a colleague's course with all that it can have.

    All these people are signed in, and asked for what everybody may ask for.
    """
    for cast in (world.hana, world.duri):
        with cast.acting():
            bystander = make_user(Role.GUARDIAN, phone=BYSTANDER_PHONE, name="지나가는 사람")
            people = {role: make_user(role, phone=phone, name=COLLEAGUE) for role, phone in COLLEAGUE_PHONES.items()}
            _make_course_of(people)
            for person in people.values():
                make_passkey(person)
            for person in (*cast.users.values(), bystander, *people.values()):
                make_export(person)
                make_erasure(person)
        for user in (bystander, *people.values()):
            client_of(user)


def _make_course_of(people: Mapping[Role, User]) -> None:
    teacher = people[Role.TEACHER]
    student = make_student(COLLEAGUE_NUMBER, name=COLLEAGUE, user=people[Role.STUDENT])
    make_guardianship(people[Role.GUARDIAN], student)
    make_consent(student, people[Role.GUARDIAN])
    course = make_course(COLLEAGUE, teachers=[teacher, people[Role.ASSISTANT]], students=[student])
    make_attendance(course, student, by=teacher)
    exam = make_exam(COLLEAGUE, key={"q1": "1"}, created_by=teacher, course=course)
    upload = make_upload(created_by=teacher, is_used=True, file_name=f"{COLLEAGUE}.jpg")
    record_scan(make_scan(make_batch(exam, upload=upload, created_by=teacher)), number=COLLEAGUE_NUMBER)
    make_student_sheet(exam, student, token="3" * TOKEN_LENGTH)
    make_sheet_set(exam, student, created_by=teacher)
    make_publication(exam, by=teacher)
    make_objection(Scan.objects.get(exam=exam), by=people[Role.STUDENT])
    assignment = make_assignment(make_worksheet(created_by=teacher), [student], created_by=teacher, course=course)
    record_homework(make_submission(assignment, student, created_by=people[Role.STUDENT]))
    lecture = make_lecture(course, created_by=teacher, title=COLLEAGUE)
    make_renditions(lecture)
    make_progress(lecture, student)
    for role in (Role.STUDENT, Role.GUARDIAN):
        make_playback(lecture, people[role], student)
    make_upload(created_by=teacher, file_name=f"{COLLEAGUE}-spare.jpg")
    make_upload(created_by=teacher, file_name=f"{COLLEAGUE}-template.json", content_type="application/json")
    make_film_upload(created_by=teacher, file_name=f"{COLLEAGUE}.mp4")


def colleague_of(cast: Cast) -> Cast:
    """The same academy as another teacher's: their course, and the people and things of it in place of ``cast``'s."""
    with cast.acting():
        people = {role: User.objects.get(phone=parse_phone(phone)) for role, phone in COLLEAGUE_PHONES.items()}
        course = Course.objects.get(teachings__user=people[Role.TEACHER])
        scan = Scan.objects.select_related("exam", "batch__upload", "student", "job").get(exam__course=course)
        begun = Upload.objects.filter(created_by=people[Role.TEACHER], state=UploadState.PRESIGNED).order_by("pk")
        spare, template, film = begun
        page_reading = PageReading.objects.select_related("submission__assignment").get(
            submission__assignment__course=course
        )
        assert scan.student is not None
        assert scan.job is not None
        return replace(
            cast,
            users={**cast.users, **people},
            student=scan.student,
            course=course,
            exam=scan.exam,
            upload=scan.batch.upload,
            spare_upload=spare,
            template_upload=template,
            film_upload=film,
            batch=scan.batch,
            scan=scan,
            objection=Objection.objects.get(scan=scan),
            job=scan.job,
            assignment=page_reading.submission.assignment,
            submission=page_reading.submission,
            page_reading=page_reading,
            lecture=Lecture.objects.get(course=course),
            sheet_set=SheetSet.objects.get(exam=scan.exam),
        )


def bystander_of(cast: Cast) -> User:
    with cast.acting():
        return User.objects.get(phone=parse_phone(BYSTANDER_PHONE))


def row_of(cast: Cast, model: type[TenantModel]) -> TenantModel:
    """One row of ``model``. A model without any is one that ``make_world`` does not know yet: teach it."""
    with cast.acting():
        row = model.objects.order_by("pk").first()
    assert row is not None, f"tests/factories/world.py makes no {model._meta.label}"
    return row
