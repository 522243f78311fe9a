"""The world of API and isolation tests: two academies whose rows look alike, so that a mix-up shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.models import Course
from apps.documents.models import Document, Page
from apps.exams.models import Batch, BlankSheet, Exam, Objection, Scan, SheetSet
from apps.homework.models import Assignment, PageReading, Submission, Worksheet, WorksheetPage
from apps.lectures.models import Lecture
from apps.students.models import Student
from apps.videos.models import Video
from tests.factories.academies import make_academy
from tests.factories.courses import make_attendance, make_course
from tests.factories.documents import make_document, make_page, record_page
from tests.factories.exams import (
    make_batch,
    make_blank_sheet,
    make_correction,
    make_exam,
    make_film_upload,
    make_objection,
    make_publication,
    make_scan,
    make_sheet_set,
    make_student_sheet,
    make_upload,
    record_scan,
)
from tests.factories.homework import (
    make_assignment,
    make_reminder,
    make_submission,
    make_worksheet,
    record_homework,
)
from tests.factories.jobs import make_answered_request
from tests.factories.lectures import make_lecture, make_playback, make_progress, make_renditions
from tests.factories.looks import make_logo
from tests.factories.notices import make_notice, make_subscription
from tests.factories.people import PASSWORD, make_consent, make_guardianship, make_student, make_user
from tests.factories.rosters import make_roster
from tests.factories.sign_in import (
    make_authenticator,
    make_challenge,
    make_passkey,
    make_passkey_challenge,
    make_recovery_code,
)
from tests.factories.trail import make_trail_entry
from tests.factories.trash import make_deletions
from tests.factories.videos import make_video

PHONES: Final[Mapping[Role, str]] = {role: f"010-2000-000{index}" for index, role in enumerate(Role, start=1)}
STUDENT_NUMBER: Final = "240101"
EXAM_TITLE: Final = "중간고사"
ANSWER_KEY: Final[Mapping[str, str]] = {"q1": "1", "q2": "2", "q3": "3"}


@dataclass(frozen=True, slots=True)
class Cast:
    """One academy and its people, who all have ``PASSWORD``, and its things.

    Teacher and assistant have ``course``, ``student`` is in it, ``exam`` is of it.
    ``scan`` was read and matched; ``video`` is the teacher's and ``own_video`` the student's; ``spare_upload`` and
    ``template_upload`` have not been used; ``film_upload`` is being sent.
    """

    tenant: Tenant
    host: str
    users: Mapping[Role, User]
    student: Student
    course: Course
    exam: Exam
    upload: Upload
    spare_upload: Upload
    template_upload: Upload
    film_upload: Upload
    batch: Batch
    scan: Scan
    objection: Objection
    job: Job
    sheet_set: SheetSet
    blank_sheet: BlankSheet
    video: Video
    own_video: Video
    worksheet: Worksheet
    worksheet_page: WorksheetPage
    assignment: Assignment
    submission: Submission
    page_reading: PageReading
    lecture: Lecture
    document: Document
    page: Page

    @property
    def owner(self) -> User:
        return self.users[Role.OWNER]

    @property
    def teacher(self) -> User:
        return self.users[Role.TEACHER]

    @contextmanager
    def acting(self) -> Iterator[None]:
        """A transaction in which this academy acts."""
        with acting_for(self.tenant), transaction.atomic():
            yield


@dataclass(frozen=True, slots=True)
class World:
    """하나수학 and 두리영어: the same phones, the same student number, the same exam title, in each."""

    hana: Cast
    duri: Cast


def make_world() -> World:
    return World(hana=make_cast("hana", "하나수학"), duri=make_cast("duri", "두리영어"))


def make_cast(slug: str, name: str) -> Cast:
    """An academy with one of everything."""
    tenant = make_academy(slug, name=name)
    with acting_for(tenant), transaction.atomic():
        users = {role: make_user(role, phone=phone, password=PASSWORD) for role, phone in PHONES.items()}
        teacher = users[Role.TEACHER]
        student = make_student(STUDENT_NUMBER, user=users[Role.STUDENT])
        make_guardianship(users[Role.GUARDIAN], student)
        make_consent(student, users[Role.GUARDIAN])
        make_challenge(user=teacher)
        make_subscription(users[Role.GUARDIAN])
        make_notice(users[Role.GUARDIAN])
        make_authenticator(teacher)
        make_recovery_code(teacher)
        make_passkey_challenge(user=teacher)
        for user in users.values():
            make_passkey(user)
        make_trail_entry(teacher, student)
        course = make_course(teachers=[teacher, users[Role.ASSISTANT]], students=[student])
        make_attendance(course, student, by=teacher)
        exam = make_exam(EXAM_TITLE, key=ANSWER_KEY, created_by=teacher, course=course)
        upload = make_upload(created_by=teacher, is_used=True)
        batch = make_batch(exam, upload=upload, created_by=teacher)
        scan = record_scan(make_scan(batch), number=STUDENT_NUMBER, answers={"q1": "1", "q2": "5"})
        make_correction(scan, by=teacher)
        make_publication(exam, by=teacher)
        scan.refresh_from_db()
        objection = make_objection(scan, by=users[Role.STUDENT])
        spare = make_upload(created_by=teacher)
        template = make_upload(created_by=teacher, file_name="template.json", content_type="application/json")
        film = make_film_upload(created_by=teacher)
        make_answered_request(teacher)
        make_logo(created_by=users[Role.MANAGER])
        make_roster(("990101", "새학생", "010-9000-0001"), ("", "번호 없음", ""), created_by=users[Role.MANAGER])
        document = make_document(created_by=teacher)
        page = record_page(make_page(document), "이차함수의 그래프와 직선의 위치 관계")
        job = scan.job
        assert job is not None
        make_student_sheet(exam, student)
        sheet_set = make_sheet_set(exam, student, created_by=teacher)
        blank_sheet = make_blank_sheet(created_by=teacher)
        video = make_video(teacher, page_count=2)
        own_video = make_video(users[Role.STUDENT], page_count=1)
        worksheet = make_worksheet(created_by=teacher)
        worksheet_page = worksheet.pages.get()
        assignment = make_assignment(worksheet, [student], created_by=teacher, course=course)
        make_reminder(assignment, student, users[Role.GUARDIAN], created_by=teacher)
        submission = make_submission(assignment, student, created_by=users[Role.STUDENT])
        page_reading = record_homework(submission, {"1": "attempted", "2": "blank", "3": "unsure"})
        make_deletions(by=users[Role.MANAGER], student=student)
        lecture = make_lecture(course, created_by=teacher)
        make_renditions(lecture)
        make_progress(lecture, student)
        for role in (Role.STUDENT, Role.GUARDIAN):
            make_playback(lecture, users[role], student)
    host = tenant.domains.get(is_primary=True).domain
    return Cast(
        tenant,
        host,
        users,
        student,
        course,
        exam,
        upload,
        spare,
        template,
        film,
        batch,
        scan,
        objection,
        job,
        sheet_set,
        blank_sheet,
        video,
        own_video,
        worksheet,
        worksheet_page,
        assignment,
        submission,
        page_reading,
        lecture,
        document,
        page,
    )
