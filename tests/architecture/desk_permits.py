"""Who gets through at which page of the two admin sites, by hand a second time; and what the walk puts into them.

A page that is not entered here fails the walk. ``EVERYBODY``: with a session or without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from django.db.models.functions import Now
from django.test import Client

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.documents.models import Document
from apps.exams.models import Exam, Scan
from apps.homework.models import Assignment, Submission
from apps.lectures.models import Lecture
from apps.rosters.models import Roster
from apps.trash.models import Deletion
from apps.videos.models import Video
from tests.architecture.objects import _session_of, playback_of
from tests.architecture.permits import ASSISTANTS, EVERYBODY, MANAGERS, OWNERS, TEACHERS
from tests.architecture.rows import bystander_of, row_of
from tests.db.test_exams_template import template
from tests.factories import PASSWORD, Cast, make_upload

STAFF: Final = ASSISTANTS
OPERATORS: Final = frozenset({Role.OPERATOR})

_LOG_IN: Final = {
    ("jsi18n", "GET"): EVERYBODY,
    ("login", "GET"): EVERYBODY,
    ("login", "POST"): EVERYBODY,
    ("ask-for-code", "GET"): EVERYBODY,
    ("ask-for-code", "POST"): EVERYBODY,
    ("log-in-by-code", "GET"): EVERYBODY,
    ("log-in-by-code", "POST"): EVERYBODY,
    ("language", "POST"): EVERYBODY,
}


def _inside(roles: Collection[Role]) -> dict[tuple[str, str], Collection[Role]]:
    return {
        ("index", "GET"): roles,
        ("second-factor", "GET"): roles,
        ("second-factor", "POST"): roles,
        ("set-up-factor", "GET"): roles,
        ("set-up-factor", "POST"): roles,
        ("logout", "POST"): roles,
        ("account", "GET"): roles,
        ("account", "POST"): roles,
        ("end-sessions", "POST"): roles,
        ("end-session", "POST"): roles,
    }


# Site -> (URL name, method) -> the roles that it is meant for.
PERMITS: Final[Mapping[str, Mapping[tuple[str, str], Collection[Role] | str]]] = {
    "desk": {
        **_LOG_IN,
        **_inside(STAFF),
        ("search", "GET"): STAFF,
        ("accounts_user_changelist", "GET"): MANAGERS,
        ("accounts_user_add", "GET"): MANAGERS,
        ("accounts_user_add", "POST"): MANAGERS,
        ("accounts_user_change", "GET"): MANAGERS,
        ("accounts_user_role", "POST"): MANAGERS,
        ("accounts_user_suspend", "POST"): MANAGERS,
        ("accounts_user_reactivate", "POST"): MANAGERS,
        ("accounts_user_invite-again", "POST"): MANAGERS,
        ("accounts_user_sign-out", "POST"): MANAGERS,
        ("accounts_user_reset-factor", "POST"): MANAGERS,
        ("accounts_user_invite-many", "GET"): MANAGERS,
        ("accounts_user_invite-many", "POST"): MANAGERS,
        ("accounts_user_history", "GET"): MANAGERS,
        ("accounts_user_export", "GET"): MANAGERS,
        ("accounts_user_export", "POST"): MANAGERS,
        ("students_student_changelist", "GET"): STAFF,
        ("students_student_history", "GET"): MANAGERS,
        ("students_student_export", "GET"): MANAGERS,
        ("students_student_export", "POST"): MANAGERS,
        ("students_student_add", "GET"): MANAGERS,
        ("students_student_add", "POST"): MANAGERS,
        ("students_student_change", "GET"): STAFF,
        ("students_student_change", "POST"): MANAGERS,
        ("students_student_add-guardian", "POST"): MANAGERS,
        ("students_student_remove-guardian", "POST"): MANAGERS,
        ("courses_course_changelist", "GET"): STAFF,
        ("courses_course_export", "GET"): MANAGERS,
        ("courses_course_export", "POST"): MANAGERS,
        ("courses_course_add", "GET"): MANAGERS,
        ("courses_course_add", "POST"): MANAGERS,
        ("courses_course_change", "GET"): STAFF,
        ("courses_course_change", "POST"): MANAGERS,
        ("courses_course_teachers", "POST"): MANAGERS,
        ("courses_course_archive", "POST"): MANAGERS,
        ("courses_course_restore", "POST"): MANAGERS,
        ("courses_course_enrol", "GET"): MANAGERS,
        ("courses_course_enrol", "POST"): MANAGERS,
        ("courses_course_withdraw", "POST"): MANAGERS,
        ("courses_course_attendance", "GET"): STAFF,
        ("courses_course_attendance", "POST"): STAFF,
        ("courses_course_month", "GET"): STAFF,
        ("rosters_roster_changelist", "GET"): MANAGERS,
        ("rosters_roster_add", "GET"): MANAGERS,
        ("rosters_roster_add", "POST"): MANAGERS,
        ("rosters_roster_template", "GET"): MANAGERS,
        ("rosters_roster_change", "GET"): MANAGERS,
        ("rosters_roster_columns", "POST"): MANAGERS,
        ("rosters_roster_take", "POST"): MANAGERS,
        ("rosters_roster_left", "POST"): MANAGERS,
        ("exams_exam_changelist", "GET"): STAFF,
        ("exams_exam_add", "GET"): TEACHERS,
        ("exams_exam_add", "POST"): TEACHERS,
        ("exams_exam_change", "GET"): STAFF,
        ("exams_exam_key", "GET"): TEACHERS,
        ("exams_exam_key", "POST"): TEACHERS,
        ("exams_exam_sheets", "GET"): STAFF,
        ("exams_exam_sheets", "POST"): STAFF,
        ("exams_exam_inbox", "GET"): STAFF,
        ("exams_exam_publish", "GET"): TEACHERS,
        ("exams_exam_publish", "POST"): TEACHERS,
        ("exams_exam_withdraw", "POST"): TEACHERS,
        ("exams_exam_analysis", "GET"): STAFF,
        ("exams_exam_export", "POST"): TEACHERS,
        ("exams_blanksheet_changelist", "GET"): TEACHERS,
        ("exams_blanksheet_add", "GET"): TEACHERS,
        ("exams_blanksheet_add", "POST"): TEACHERS,
        ("exams_blanksheet_template", "GET"): TEACHERS,
        ("exams_blanksheet_template", "POST"): TEACHERS,
        ("exams_blanksheet_change", "GET"): TEACHERS,
        ("exams_blanksheet_change", "POST"): TEACHERS,
        ("exams_batch_changelist", "GET"): STAFF,
        ("exams_batch_add", "GET"): STAFF,
        ("exams_batch_change", "GET"): STAFF,
        ("exams_scan_changelist", "GET"): STAFF,
        ("exams_scan_change", "GET"): STAFF,
        ("exams_scan_correct", "POST"): STAFF,
        ("exams_scan_correct-one", "POST"): STAFF,
        ("homework_assignment_changelist", "GET"): STAFF,
        ("homework_assignment_add", "GET"): TEACHERS,
        ("homework_assignment_add", "POST"): TEACHERS,
        ("homework_assignment_change", "GET"): STAFF,
        ("homework_assignment_hand-in", "GET"): STAFF,
        ("homework_assignment_hand-in", "POST"): STAFF,
        ("homework_submission_changelist", "GET"): STAFF,
        ("homework_submission_change", "GET"): STAFF,
        ("homework_submission_correct", "POST"): STAFF,
        ("homework_submission_reread", "POST"): STAFF,
        ("homework_worksheet_changelist", "GET"): STAFF,
        ("homework_worksheet_add", "GET"): TEACHERS,
        ("homework_worksheet_add", "POST"): TEACHERS,
        ("homework_worksheet_change", "GET"): STAFF,
        ("homework_worksheet_page", "GET"): STAFF,
        ("homework_worksheet_page", "POST"): TEACHERS,
        ("videos_video_changelist", "GET"): STAFF,
        ("videos_video_add", "GET"): STAFF,
        ("videos_video_add", "POST"): STAFF,
        ("videos_video_change", "GET"): STAFF,
        ("lectures_lecture_changelist", "GET"): STAFF,
        ("lectures_lecture_add", "GET"): TEACHERS,
        ("lectures_lecture_add", "POST"): TEACHERS,
        ("lectures_lecture_change", "GET"): STAFF,
        ("lectures_lecture_change", "POST"): TEACHERS,
        ("lectures_lecture_publish", "POST"): TEACHERS,
        ("lectures_lecture_withdraw", "POST"): TEACHERS,
        ("lectures_lecture_prepare", "POST"): TEACHERS,
        ("lectures_lecture_remove", "GET"): TEACHERS,
        ("lectures_lecture_remove", "POST"): TEACHERS,
        ("lectures_lecture_end", "POST"): TEACHERS,
        ("documents_document_changelist", "GET"): STAFF,
        ("documents_document_add", "GET"): STAFF,
        ("documents_document_add", "POST"): STAFF,
        ("documents_document_change", "GET"): STAFF,
        ("documents_document_pdf", "POST"): STAFF,
        ("documents_document_search", "GET"): STAFF,
        ("students_student_remove", "GET"): MANAGERS,
        ("students_student_remove", "POST"): MANAGERS,
        ("courses_course_remove", "GET"): MANAGERS,
        ("courses_course_remove", "POST"): MANAGERS,
        ("exams_exam_remove", "GET"): TEACHERS,
        ("exams_exam_remove", "POST"): TEACHERS,
        ("homework_assignment_missing", "GET"): STAFF,
        ("homework_assignment_export-missing", "GET"): TEACHERS,
        ("homework_assignment_export-missing", "POST"): TEACHERS,
        ("homework_assignment_remind", "GET"): TEACHERS,
        ("homework_assignment_remind", "POST"): TEACHERS,
        ("homework_assignment_remove", "GET"): TEACHERS,
        ("homework_assignment_remove", "POST"): TEACHERS,
        ("homework_worksheet_remove", "GET"): TEACHERS,
        ("homework_worksheet_remove", "POST"): TEACHERS,
        ("videos_video_remove", "GET"): STAFF,
        ("videos_video_remove", "POST"): STAFF,
        ("documents_document_remove", "GET"): STAFF,
        ("documents_document_remove", "POST"): STAFF,
        ("trash_deletion_changelist", "GET"): STAFF,
        ("trash_deletion_change", "GET"): STAFF,
        ("trash_deletion_restore", "POST"): STAFF,
        ("settings-looks", "GET"): MANAGERS,
        ("settings-looks", "POST"): MANAGERS,
        ("academies_logo_add", "GET"): MANAGERS,
        ("academies_logo_add", "POST"): MANAGERS,
        ("academies_logo_remove", "POST"): MANAGERS,
        ("settings-sheets", "GET"): MANAGERS,
        ("settings-sheets", "POST"): MANAGERS,
        ("settings-texts", "GET"): MANAGERS,
        ("settings-texts", "POST"): MANAGERS,
        ("settings-rules", "GET"): MANAGERS,
        ("settings-rules", "POST"): OWNERS,
        ("settings-plan", "GET"): MANAGERS,
        ("jobs_job_changelist", "GET"): STAFF,
        ("jobs_job_change", "GET"): STAFF,
    },
    "platform": {
        **_LOG_IN,
        **_inside(OPERATORS),
        ("tenancy_tenant_changelist", "GET"): OPERATORS,
        ("tenancy_tenant_change", "GET"): OPERATORS,
        ("tenancy_tenant_suspend", "POST"): OPERATORS,
        ("tenancy_tenant_resume", "POST"): OPERATORS,
        ("tenancy_domain_changelist", "GET"): OPERATORS,
        ("tenancy_plan_changelist", "GET"): OPERATORS,
        ("queues", "GET"): OPERATORS,
        ("audit", "GET"): OPERATORS,
    },
}

# URL name and argument, or the beginning of the name and argument -> the academy's object of that kind.
OBJECTS: Final[Mapping[tuple[str, str], Callable[[Cast, Role], object]]] = {
    ("accounts_user", "object_id"): lambda cast, _: bystander_of(cast).pk,
    ("students_student", "object_id"): lambda cast, _: cast.student.pk,
    ("students_student", "user_id"): lambda cast, _: cast.users[Role.GUARDIAN].pk,
    ("courses_course", "object_id"): lambda cast, _: cast.course.pk,
    ("rosters_roster", "object_id"): lambda cast, _: row_of(cast, Roster).pk,
    ("exams_exam", "object_id"): lambda cast, _: cast.exam.pk,
    ("exams_blanksheet", "object_id"): lambda cast, _: cast.blank_sheet.pk,
    ("exams_batch", "object_id"): lambda cast, _: cast.batch.pk,
    ("exams_scan", "object_id"): lambda cast, _: cast.scan.pk,
    ("homework_assignment", "object_id"): lambda cast, _: cast.assignment.pk,
    ("homework_assignment", "student_id"): lambda cast, _: cast.student.pk,
    ("homework_submission", "object_id"): lambda cast, _: cast.submission.pk,
    ("homework_submission", "page_id"): lambda cast, _: cast.page_reading.pk,
    ("homework_worksheet", "object_id"): lambda cast, _: cast.worksheet.pk,
    ("homework_worksheet", "page_id"): lambda cast, _: cast.worksheet_page.pk,
    ("videos_video", "object_id"): lambda cast, _: cast.video.pk,
    ("lectures_lecture", "object_id"): lambda cast, _: cast.lecture.pk,
    ("lectures_lecture", "session_id"): lambda cast, caller: playback_of(cast, cast.users[caller]),
    ("documents_document", "object_id"): lambda cast, _: cast.document.pk,
    ("trash_deletion", "object_id"): lambda cast, _: row_of(cast, Deletion).pk,
    ("jobs_job", "object_id"): lambda cast, _: cast.job.pk,
    ("end-session", "handle"): lambda cast, caller: _session_of(cast, cast.users[caller]),
}


def object_for(name: str, argument: str) -> Callable[[Cast, Role], object]:
    """Raises ``KeyError`` for an argument that nobody has entered."""
    for (beginning, known), find in OBJECTS.items():
        if known == argument and name.startswith(beginning):
            return find
    raise KeyError(f"tests/architecture/desk_permits.py: OBJECTS knows no {argument} of {name}")


NEW_PHONE: Final = "010-9999-0001"
NEW_PASSWORD: Final = "another-good-password"
DRAWN: Final = (
    '[{"kind": "choices", "first": 1, "columns": 5, "rows": 4, "is_across": true, "from_one": false,'
    ' "x1": 100, "y1": 100, "x2": 260, "y2": 220, "width": 24, "height": 24}]'
)

REGIONS: Final = '[{"label": "1", "x": 15, "y": 30, "width": 100, "height": 60.5}]'

# A form that goes through. Methods without one are sent an empty form.
FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "account": {"old_password": PASSWORD, "password": NEW_PASSWORD},
    "language": {"language": "en"},
    "settings-looks": {"name": "하나수학", "has_colour": "on", "colour": "#1d4f91"},
    "settings-sheets": {"choice_count": "4", "number_digits": "8"},
    "settings-rules": {"trail_months": "12"},
    "accounts_user_add": {"name": "최새봄", "phone": NEW_PHONE, "role": "assistant"},
    "accounts_user_role": {"role": "student"},
    "accounts_user_invite-many": {"all": "1"},
    "accounts_user_export": {"reason": "출석부 작성"},
    "students_student_export": {"reason": "출석부 작성"},
    "courses_course_export": {"reason": "출석부 작성"},
    "homework_assignment_export-missing": {"reason": "학부모 상담"},
    "students_student_add": {"name": "최새봄", "number": "990001"},
    "students_student_change": {"name": "최새봄", "number": "990001"},
    "students_student_add-guardian": {"name": "최새봄", "phone": NEW_PHONE},
    "rosters_roster_add": {"pasted": "번호\t이름\n990001\t최새봄"},
    "rosters_roster_columns": {"columns": ["number", "name"]},
    "courses_course_add": {"name": "중3 수학", "starts_on": "2026-03-02"},
    "courses_course_change": {"name": "중3 수학", "starts_on": "2026-03-02"},
    "courses_course_enrol": {"pasted": "240101"},
    "courses_course_attendance": {"date": "2026-03-04"},
    "exams_exam_add": {
        "title": "기말고사", "question_count": 5, "choice_count": 5, "number_digits": 6, "key": "1 2 3 4 5",
    },
    "exams_blanksheet_change": {"title": "기말고사", "blocks": DRAWN},
    "exams_exam_key": {"key": "12345" * 4, "points": "2"},
    "exams_exam_publish": {"shows_sheet": "on", "waived_reason": "기다리지 않습니다"},
    "exams_exam_export": {"reason": "학부모 상담"},
    "homework_submission_correct": {"verdict:2": "attempted"},
    "homework_worksheet_page": {"regions": REGIONS},
    "lectures_lecture_change": {"title": "2강", "position": "2"},
    "exams_scan_correct": {"set_aside": "1"},
    "exams_scan_correct-one": {"set_aside": "1"},
}  # fmt: skip


def _suspended(client: Client, cast: Cast, caller: User | None) -> None:
    User.objects.filter(pk=bystander_of(cast).pk).update(is_active=False)


def _given(_client: Client, cast: Cast, _caller: User | None) -> dict[str, Any]:
    """Homework of the course, for whoever is in it."""
    return {"title": "주말 숙제", "course": cast.course.pk, "due_at": "2026-12-01T22:00"}


def _read(_client: Client, cast: Cast, _caller: User | None) -> None:
    """What is being read is not read again."""
    Job.objects.filter(pk__in=Submission.objects.values("job_id")).update(state=JobState.SUCCEEDED, finished_at=Now())


def _theirs(_client: Client, _cast: Cast, caller: User | None) -> None:
    """What each deletes, and brings back, of their own."""
    for model, column in ((Video, "created_by"), (Document, "created_by"), (Deletion, "deleted_by")):
        model._default_manager.update(**{column: caller})


def _needed_by_nothing(_client: Client, _cast: Cast, _caller: User | None) -> None:
    """What something else needs is not deleted."""
    Scan.objects.all().delete()
    Submission.objects.all().delete()
    Lecture.objects.all().delete()
    Exam.objects.update(course=None)
    Assignment.objects.update(course=None, worksheet=None)


def _owed(_client: Client, cast: Cast, _caller: User | None) -> dict[str, Any]:
    """Somebody who can be texted has handed in nothing."""
    Submission.objects.all().delete()
    return {"to": "families", "students": str(cast.student.pk)}


def _sent(
    file_name: str, content_type: str, data: bytes, **more: str
) -> Callable[[Client, Cast, User | None], dict[str, Any]]:
    """The form of a page whose file was sent first, by the caller."""

    def send(_client: Client, cast: Cast, caller: User | None) -> dict[str, Any]:
        upload = make_upload(created_by=caller or cast.teacher, file_name=file_name, content_type=content_type)
        s3.write_object(upload.key, data, content_type=content_type)
        return {"title": "답안지", "uploads": json.dumps([{"name": file_name, "id": upload.pk}]), **more}

    return send


def _lecture(client: Client, cast: Cast, caller: User | None) -> dict[str, Any]:
    return {**_sent("lecture.mp4", "video/mp4", b"film")(client, cast, caller), "course": cast.course.pk}


# What has to have happened in the academy, for the page would only say that there is nothing to do otherwise; may
# return the form to send.
PREPARATIONS: Final[Mapping[str, Callable[[Client, Cast, User | None], Mapping[str, Any] | None]]] = {
    "accounts_user_reactivate": _suspended,
    "academies_logo_add": _sent("logo.png", "image/png", b"picture"),
    "students_student_remove": _needed_by_nothing,
    "courses_course_remove": _needed_by_nothing,
    "homework_assignment_remind": _owed,
    "homework_worksheet_remove": _needed_by_nothing,
    "videos_video_remove": _theirs,
    "documents_document_remove": _theirs,
    "trash_deletion_change": _theirs,
    "trash_deletion_restore": _theirs,
    "exams_blanksheet_add": _sent("blank.jpg", "image/jpeg", b"picture"),
    "homework_assignment_add": _given,
    "homework_assignment_hand-in": _sent("page.jpg", "image/jpeg", b"picture"),
    "homework_submission_reread": _read,
    "homework_worksheet_add": _sent("blank.pdf", "application/pdf", b"pages"),
    "videos_video_add": _sent("film.mp4", "video/mp4", b"film"),
    "lectures_lecture_add": _lecture,
    "documents_document_add": _sent("page.jpg", "image/jpeg", b"picture", kind="handout"),
    "exams_blanksheet_template": _sent("template.json", "application/json", template()),
}
