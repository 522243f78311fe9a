"""What the walk over the URLs puts into them: objects for path arguments, bodies, and what must have happened before.

A URL with an argument or a body that is not named here fails the walk: name it.
"""

from __future__ import annotations

import uuid
from base64 import b32decode
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from time import time
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.test import Client
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload
from apps.academies.models import Logo
from apps.accounts.models import Ceremony, Challenge, Passkey, Purpose, Session, User
from apps.accounts.roles import STAFF_ROLES, Role
from apps.accounts.services import codes, second_factors
from apps.lectures.models import VideoPlaybackSession
from apps.privacy.models import Erasure, Export
from apps.students.models import Student
from tests.architecture.rows import bystander_of
from tests.authenticator import SoftAuthenticator, b64
from tests.factories import PASSWORD, Cast, make_passkey, make_passkey_challenge, make_upload
from tests.factories.lectures import PLAYBACK_TOKEN
from tests.factories.looks import use_logo
from tests.factories.notices import AUTH, P256DH

Operation: TypeAlias = tuple[str, str]
"""URL name and method."""
Body: TypeAlias = dict[str, Any]

# What no row has, by the path's converter.
MISSING: Final[Mapping[str, object]] = {"int": 2**40, "uuid": uuid.UUID(int=2**100), "slug": "none"}
MISSING_ID: Final = 2**40

NEW_PHONE: Final = "010-9999-0001"
NEW_PASSWORD: Final = "another-good-password"
CODE: Final = "123456"
COOKIE: Final = "the cookie of the browser that asked"
SHOWN_BY_NOBODY: Final[Body] = {
    "id": "AA",
    "rawId": "AA",
    "type": "public-key",
    "response": {"clientDataJSON": "AA", "authenticatorData": "AA", "signature": "AA"},
}


def _session_of(cast: Cast, user: User) -> object:
    with cast.acting():
        return Session.objects.filter(user=user).values_list("handle", flat=True)[0]


def playback_of(cast: Cast, user: User) -> object:
    """Theirs, or for staff, who open none, a student's of the lecture."""
    with cast.acting():
        sessions = VideoPlaybackSession.objects.filter(lecture=cast.lecture).order_by("pk").values_list("pk", flat=True)
        return sessions.filter(user=user).first() or sessions[0]


def _asked_by(cast: Cast, model: type[Export] | type[Erasure], caller: Role | None) -> object:
    """What the caller asked for, or with ``None`` somebody else."""
    asker = bystander_of(cast) if caller is None else cast.users[caller]
    with cast.acting():
        return model.objects.filter(asked_by=asker).values_list("pk", flat=True)[0]


def _passkey_of(cast: Cast, user: User) -> object:
    with cast.acting():
        return Passkey.objects.filter(user=user).values_list("pk", flat=True)[0]


# Path argument, or URL name and argument -> the academy's object of that kind, as the caller may name it.
OBJECTS: Final[Mapping[str, Callable[[Cast, Role], object]]] = {
    "upload_id": lambda cast, _: cast.film_upload.pk,
    "course_id": lambda cast, _: cast.course.pk,
    "exam_id": lambda cast, _: cast.exam.pk,
    "batch_id": lambda cast, _: cast.batch.pk,
    "scan_id": lambda cast, _: cast.scan.pk,
    "objection_id": lambda cast, _: cast.objection.pk,
    "video_id": lambda cast, caller: (cast.own_video if caller == Role.STUDENT else cast.video).pk,
    "sheet_set_id": lambda cast, _: cast.sheet_set.pk,
    "worksheet_id": lambda cast, _: cast.worksheet.pk,
    "worksheet_page_id": lambda cast, _: cast.worksheet_page.pk,
    "assignment_id": lambda cast, _: cast.assignment.pk,
    "submission_id": lambda cast, _: cast.submission.pk,
    "page_reading_id": lambda cast, _: cast.page_reading.pk,
    "lecture_id": lambda cast, _: cast.lecture.pk,
    "session_id": lambda cast, caller: playback_of(cast, cast.users[caller]),
    "name": lambda cast, _: "high",
    "document_id": lambda cast, _: cast.document.pk,
    "page_id": lambda cast, _: cast.page.pk,
    "job_id": lambda cast, _: cast.job.pk,
    "student_id": lambda cast, _: cast.student.pk,
    "user_id": lambda cast, _: bystander_of(cast).pk,
    "handle": lambda cast, _: _session_of(cast, bystander_of(cast)),
    "guardian user_id": lambda cast, _: cast.users[Role.GUARDIAN].pk,
    "export_id": lambda cast, caller: _asked_by(cast, Export, caller),
    "erasure_id": lambda cast, caller: _asked_by(cast, Erasure, caller),
    "erasure-approval erasure_id": lambda cast, _: _asked_by(cast, Erasure, None),
    "passkey_id": lambda cast, caller: _passkey_of(cast, cast.users[caller]),
    "own-session handle": lambda cast, caller: _session_of(cast, cast.users[caller]),
}

# A body that succeeds, with ids of the academy's own things. ``None``: the method takes no body.
BODIES: Final[Mapping[Operation, Callable[[Cast], Body | None]]] = {
    ("session", "POST"): lambda cast: {"phone": str(cast.owner.phone), "password": PASSWORD},
    ("session-code", "POST"): lambda cast: {"phone": str(cast.owner.phone)},
    ("session-code-verify", "POST"): lambda _: {"code": CODE},
    ("session-second-factor", "POST"): lambda _: {"code": CODE},
    ("password", "POST"): lambda _: {"old_password": PASSWORD, "password": NEW_PASSWORD},
    ("password-reset", "POST"): lambda _: {"code": CODE, "password": NEW_PASSWORD},
    ("password-reset-code", "POST"): lambda cast: {"phone": str(cast.owner.phone)},
    ("phone", "POST"): lambda _: {"phone": NEW_PHONE, "password": PASSWORD},
    ("phone-verify", "POST"): lambda _: {"code": CODE},
    ("second-factor", "POST"): lambda _: None,
    ("second-factor", "DELETE"): lambda _: {"password": PASSWORD},
    ("second-factor-confirm", "POST"): lambda _: {"code": CODE},
    ("recovery-codes", "POST"): lambda _: {"password": PASSWORD},
    ("session-passkey-options", "POST"): lambda _: None,
    ("session-passkey", "POST"): lambda _: SHOWN_BY_NOBODY,
    ("session-show-passkey-options", "POST"): lambda _: None,
    ("session-show-passkey", "POST"): lambda _: SHOWN_BY_NOBODY,
    ("passkeys-options", "POST"): lambda _: {"password": PASSWORD},
    ("passkeys", "POST"): lambda _: {"name": "열쇠", "credential": {}},
    ("passkey", "PATCH"): lambda _: {"name": "열쇠"},
    ("passkey", "DELETE"): lambda _: {"password": PASSWORD},
    ("people", "POST"): lambda _: {"people": [{"phone": NEW_PHONE, "name": "최새봄", "role": "assistant"}]},
    ("person", "PATCH"): lambda _: {"role": "student"},
    ("person-suspend", "POST"): lambda _: None,
    ("person-reactivate", "POST"): lambda _: None,
    ("person-invitation", "POST"): lambda _: None,
    ("own-notices", "PUT"): lambda _: {
        "endpoint": "https://fcm.googleapis.com/fcm/send/walk",
        "p256dh": P256DH,
        "auth": AUTH,
        "language": "ko",
    },
    ("academy", "PATCH"): lambda _: {"mfa_required_for_staff": True},
    ("guardians", "POST"): lambda _: {"phone": NEW_PHONE, "name": "최새봄"},
    ("student-birth-year", "PUT"): lambda _: {"birth_year": 2010},
    ("student-account", "POST"): lambda _: {"phone": NEW_PHONE},
    ("consent", "POST"): lambda cast: {
        "signed_by": "최엄마",
        "signed_on": "2026-03-02",
        "version": 1,
        "language": "ko",
        "guardian": cast.users[Role.GUARDIAN].pk,
    },
    ("child-consent", "POST"): lambda _: {"version": 1, "language": "ko"},
    ("child", "PUT"): lambda cast: {"student": cast.student.pk},
    ("courses", "POST"): lambda _: {"name": "고1 국어", "starts_on": "2026-03-02"},
    ("course", "PATCH"): lambda _: {"is_archived": True},
    ("course-teachers", "PUT"): lambda cast: {"teachers": [cast.teacher.pk]},
    ("course-students", "POST"): lambda cast: {"students": [cast.student.pk]},
    ("course-withdraw", "POST"): lambda cast: {"students": [cast.student.pk]},
    ("course-attendance", "PUT"): lambda cast: {
        "date": "2026-03-06",
        "attendance": [{"student": cast.student.pk, "status": "late"}],
    },
    ("students", "POST"): lambda _: {"number": "990001", "name": "최새봄"},
    ("exams", "POST"): lambda cast: {"title": "기말고사", "question_count": 20, "course": cast.course.pk},
    ("exam", "PATCH"): lambda cast: {"course": cast.course.pk},
    ("exams-on-template", "POST"): lambda cast: {
        "title": "모의고사",
        "template_upload": cast.template_upload.pk,
        "course": cast.course.pk,
    },
    ("exam-key", "PUT"): lambda _: {"answers": {"q1": ["2"]}},
    ("exam-sheet-sets", "POST"): lambda cast: {"students": [cast.student.pk]},
    ("exam-key-preview", "POST"): lambda _: {"answers": {"q1": ["2"]}},
    ("exam-publish", "POST"): lambda _: {"waived_reason": "내일까지 답안을 기다립니다"},
    ("exam-unpublish", "POST"): lambda _: None,
    ("exam-results-export", "POST"): lambda _: {"reason": "성적 상담"},
    ("scan-corrections", "PUT"): lambda cast: {"answers": {"q2": ["2"]}, "student": cast.student.pk},
    ("own-objections", "POST"): lambda cast: {"page": cast.scan.pk, "label": "q2", "values": ["2"]},
    ("objection-decision", "POST"): lambda _: {"is_accepted": False, "reply": "2번이 맞습니다"},
    ("scan-essays", "PUT"): lambda _: {"points": {}},
    ("exam-scans", "POST"): lambda cast: {"upload": cast.spare_upload.pk},
    ("videos", "POST"): lambda _: {"upload": MISSING_ID},  # the caller's own, when it is prepared
    ("exports", "POST"): lambda cast: {"subject_kind": "student", "subject_id": cast.student.pk, "reason": "요청"},
    ("erasures", "POST"): lambda cast: {"subject_kind": "student", "subject_id": cast.student.pk, "reason": "퇴원"},
    ("erasure-approval", "POST"): lambda _: {},
    ("worksheets", "POST"): lambda cast: {"title": "3단원 연습", "upload": cast.spare_upload.pk},
    ("worksheet-regions", "PUT"): lambda _: {"regions": [{"label": "1", "x": 10, "y": 20, "width": 100, "height": 50}]},
    ("homework", "POST"): lambda cast: {
        "title": "주말 숙제",
        "worksheet": cast.worksheet.pk,
        "course": cast.course.pk,
        "due_at": "2030-01-01T00:00:00Z",
        "students": [cast.student.pk],
    },
    ("homework-submissions", "POST"): lambda cast: {"student": cast.student.pk, "uploads": [cast.spare_upload.pk]},
    ("own-homework-submissions", "POST"): lambda cast: {"uploads": [cast.spare_upload.pk]},
    ("submission-reread", "POST"): lambda _: None,
    ("page-reading-corrections", "PUT"): lambda _: {"verdicts": {"3": "attempted"}},
    ("lectures", "POST"): lambda cast: {"course": cast.course.pk, "upload": cast.spare_upload.pk},
    ("lecture", "PATCH"): lambda _: {"title": "2강", "position": 2, "is_published": False},
    ("lecture-prepare", "POST"): lambda _: None,
    ("own-playback", "POST"): lambda _: {},
    ("heartbeat", "POST"): lambda _: {"token": PLAYBACK_TOKEN, "position": 1.0, "ranges": [[0.0, 1.0]]},
    ("batch-cancel", "POST"): lambda _: None,
    ("job-cancel", "POST"): lambda _: None,
    ("job-retry", "POST"): lambda _: None,
    ("documents", "POST"): lambda cast: {"title": "유인물", "upload": cast.spare_upload.pk},
    ("document-pdf", "POST"): lambda _: None,
    ("uploads", "POST"): lambda _: {"file_name": "scan.jpg", "content_type": "image/jpeg"},
    ("multipart-uploads", "POST"): lambda _: {"file_name": "1강.mp4", "content_type": "video/mp4", "byte_count": 15},
    ("multipart-upload", "DELETE"): lambda _: None,
    ("multipart-upload-parts", "POST"): lambda _: {"numbers": [1]},
    ("multipart-upload-complete", "POST"): lambda _: None,
    ("trail-export", "POST"): lambda _: {"reason": "내부 점검"},
}


def _asked_for_code(client: Client, purpose: Purpose, phone: str, user: User | None = None) -> None:
    Challenge(
        purpose=purpose,
        phone=phone,
        user=user,
        cookie_hash=codes._cookie_hash(COOKIE),
        code_hash=codes._code_hash(purpose, phone, COOKIE, CODE),
        expires_at=timezone.now() + timedelta(minutes=5),
    ).save()
    client.cookies[settings.CODE_COOKIE_NAME] = COOKIE


def _log_in_code(client: Client, cast: Cast, caller: User | None) -> None:
    _asked_for_code(client, Purpose.LOG_IN, str(cast.owner.phone))


def _reset_code(client: Client, cast: Cast, caller: User | None) -> None:
    _asked_for_code(client, Purpose.RESET_PASSWORD, str(bystander_of(cast).phone))


def _phone_code(client: Client, cast: Cast, caller: User | None) -> None:
    if caller is not None:
        _asked_for_code(client, Purpose.CHANGE_PHONE, "+821099990001", caller)


def _begun_authenticator(client: Client, cast: Cast, caller: User | None) -> Body | None:
    if caller is None or caller.role not in STAFF_ROLES:
        return None
    secret, _ = second_factors.begin_authenticator(User.objects.get(pk=caller.pk), session={})
    totp = TOTP(b32decode(secret), second_factors.DIGITS, SHA1(), second_factors.STEP_SECONDS)
    return {"code": totp.generate(int(time())).decode()}


def _second_factor(client: Client, cast: Cast, caller: User | None) -> Body | None:
    """``caller`` has a second factor and did not show it in this session yet."""
    if caller is None:
        return None
    user = User.objects.get(pk=caller.pk)
    user.has_second_factor = True
    user.save(update_fields=["has_second_factor"])
    return {"code": second_factors.new_recovery_codes(user)[0]}


def _shown_second_factor(client: Client, cast: Cast, caller: User | None) -> None:
    if caller is None:
        return
    from apps.accounts.models import SECOND_FACTOR_KEY

    _second_factor(client, cast, caller)
    session = client.session
    session[SECOND_FACTOR_KEY] = caller.pk
    session.save()


def _asked_for_passkey(client: Client, cast: Cast, ceremony: Ceremony, user: User | None) -> Body:
    asked = make_passkey_challenge(ceremony, user=user, host=cast.host, cookie=COOKIE)
    client.cookies[settings.PASSKEY_COOKIE_NAME] = COOKIE
    return {"challenge": b64(bytes(asked.challenge))}


def _held_passkey(cast: Cast, user: User) -> SoftAuthenticator:
    held = SoftAuthenticator(rp_id=cast.host, origin=f"http://{cast.host}")
    user = User.objects.get(pk=user.pk)
    make_passkey(user, host=cast.host, credential_id=b64(held.credential_id), public_key=held.cose_key)
    assert user.passkey_handle is not None
    held.user_handle = user.passkey_handle.bytes
    return held


def _log_in_passkey(client: Client, cast: Cast, caller: User | None) -> Body:
    held = _held_passkey(cast, cast.owner)
    return held.get(_asked_for_passkey(client, cast, Ceremony.LOG_IN, None))


def _show_passkey(client: Client, cast: Cast, caller: User | None) -> Body | None:
    if caller is None:
        return None
    return _held_passkey(cast, caller).get(_asked_for_passkey(client, cast, Ceremony.SHOW, caller))


def _made_passkey(client: Client, cast: Cast, caller: User | None) -> Body | None:
    if caller is None:
        return None
    options = {**_asked_for_passkey(client, cast, Ceremony.ADD, caller), "user": {"id": "AA"}}
    made = SoftAuthenticator(rp_id=cast.host, origin=f"http://{cast.host}").create(options)
    return {"name": "열쇠", "credential": made}


def _own_film(client: Client, cast: Cast, caller: User | None) -> Body | None:
    """A video is handed in by the person who sent it."""
    if caller is None or caller.tenant_id != cast.tenant.pk:
        return None
    sent = make_upload(created_by=User.objects.get(pk=caller.pk), file_name="film.mp4", content_type="video/mp4")
    s3.write_object(sent.key, b"moving pictures", content_type=sent.content_type)
    return {"upload": sent.pk}


def _film_in_parts_of_the_caller(client: Client, cast: Cast, caller: User | None) -> None:
    """Begun by them, and all of it has arrived."""
    key, content_type = cast.film_upload.key, cast.film_upload.content_type
    multipart_id = s3.create_multipart(key, content_type=content_type)
    s3.s3_client().upload_part(
        Bucket=settings.MEDIA_BUCKET, Key=key, UploadId=multipart_id, PartNumber=1, Body=b"moving pictures"
    )
    Upload.objects.filter(pk=cast.film_upload.pk).update(created_by=caller, multipart_id=multipart_id)


def _used_logo(client: Client, cast: Cast, caller: User | None) -> None:
    use_logo(Logo.objects.get())


def _film_by_the_caller(client: Client, cast: Cast, caller: User | None) -> None:
    Upload.objects.filter(pk=cast.spare_upload.pk).update(created_by=caller, content_type="video/mp4")


def _opened_playback(client: Client, cast: Cast, caller: User | None) -> None:
    """Their sign-in opened it."""
    if caller is not None:
        handle = Session.objects.get(pk=client.cookies[settings.SESSION_COOKIE_NAME].value).handle
        VideoPlaybackSession.objects.filter(user=caller).update(browser=handle)


def _suspended(client: Client, cast: Cast, caller: User | None) -> None:
    User.objects.filter(pk=bystander_of(cast).pk).update(is_active=False)


def _without_account(client: Client, cast: Cast, caller: User | None) -> None:
    Student.objects.filter(pk=cast.student.pk).update(user=None)


def _queued_job(client: Client, cast: Cast, caller: User | None) -> None:
    Job.objects.filter(pk=cast.job.pk).update(state=JobState.QUEUED)


def _failed_job(client: Client, cast: Cast, caller: User | None) -> None:
    Job.objects.filter(pk=cast.job.pk).update(state=JobState.FAILED)


def _sent_by_the_caller(client: Client, cast: Cast, caller: User | None) -> None:
    uploads = Upload.objects.filter(pk__in=[cast.spare_upload.pk, cast.template_upload.pk])
    uploads.update(created_by=caller)


def _read_submission(client: Client, cast: Cast, caller: User | None) -> None:
    Job.objects.filter(pk__in=[cast.submission.job_id]).update(state=JobState.SUCCEEDED)


# What has to have happened, in the academy and in the caller's browser; may return the body to send.
Preparation: TypeAlias = Callable[[Client, Cast, User | None], Body | None]
PREPARATIONS: Final[Mapping[Operation, Preparation]] = {
    ("session-code-verify", "POST"): _log_in_code,
    ("session-second-factor", "POST"): _second_factor,
    ("password-reset", "POST"): _reset_code,
    ("phone-verify", "POST"): _phone_code,
    ("second-factor-confirm", "POST"): _begun_authenticator,
    ("second-factor", "DELETE"): _shown_second_factor,
    ("recovery-codes", "POST"): _shown_second_factor,
    ("person-reactivate", "POST"): _suspended,
    ("student-account", "POST"): _without_account,
    ("session-passkey", "POST"): _log_in_passkey,
    ("session-show-passkey", "POST"): _show_passkey,
    ("passkeys", "POST"): _made_passkey,
    ("academy-logo", "GET"): _used_logo,
    ("academy-icon", "GET"): _used_logo,
    ("videos", "POST"): _own_film,
    ("lectures", "POST"): _film_by_the_caller,
    ("heartbeat", "POST"): _opened_playback,
    ("master-playlist", "GET"): _opened_playback,
    ("media-playlist", "GET"): _opened_playback,
    ("rendition", "GET"): _opened_playback,
    ("multipart-upload", "DELETE"): _film_in_parts_of_the_caller,
    ("multipart-upload-parts", "POST"): _film_in_parts_of_the_caller,
    ("multipart-upload-complete", "POST"): _film_in_parts_of_the_caller,
    ("worksheets", "POST"): _sent_by_the_caller,
    ("homework-submissions", "POST"): _sent_by_the_caller,
    ("own-homework-submissions", "POST"): _sent_by_the_caller,
    ("submission-reread", "POST"): _read_submission,
    ("batch-cancel", "POST"): _queued_job,
    ("job-cancel", "POST"): _queued_job,
    ("job-retry", "POST"): _failed_job,
    ("exam-scans", "POST"): _sent_by_the_caller,
    ("exams-on-template", "POST"): _sent_by_the_caller,
    ("documents", "POST"): _sent_by_the_caller,
}

# Rules beyond the permission: who is refused although their role has it.
_NOT_STAFF: Final = frozenset(Role) - frozenset(STAFF_ROLES)
_NEITHER_MANAGER_NOR_FAMILY: Final = frozenset({Role.TEACHER, Role.ASSISTANT, Role.OPERATOR})
REFUSED_ROLES: Final[Mapping[Operation, Collection[Role]]] = {
    ("second-factor", "POST"): _NOT_STAFF,
    ("second-factor-confirm", "POST"): _NOT_STAFF,
    # of a student: that takes one who manages people, the student or their guardian
    ("exports", "POST"): _NEITHER_MANAGER_NOR_FAMILY,
    ("erasures", "POST"): _NEITHER_MANAGER_NOR_FAMILY,
}

# The only operations open to anybody. Whatever else says PUBLIC fails the walk.
PUBLIC_OPERATIONS: Final = frozenset(
    {
        ("session", "GET"),
        ("session", "POST"),
        ("session-code", "POST"),
        ("session-code-verify", "POST"),
        ("session-passkey", "POST"),
        ("session-passkey-options", "POST"),
        ("password-reset", "POST"),
        ("password-reset-code", "POST"),
        ("schema", "GET"),
        ("api-docs", "GET"),
        ("academy-logo", "GET"),
        ("academy-icon", "GET"),
    }
)

# URLs outside every academy: they answer on any host and show nobody's data.
UNTENANTED: Final = frozenset({"health", "ready"})
