"""Wanting notices in a browser, and who is told when results are published."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from academy.jobs.models import Job
from academy.tenancy.models import Tenant
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services.people import suspend_person
from apps.exams.announcing import announce_results
from apps.exams.models import Exam, Objection, Publication
from apps.exams.objecting import keep_reading
from apps.notices import hours
from apps.notices.models import Notice, NoticeKind, Subscription
from tests.api.answers import error_of, post, put
from tests.api.test_review import KEY, read
from tests.factories import Cast, World, client_of, make_exam, make_subscription
from tests.factories.notices import AUTH, P256DH

URL = "/api/v1/me/notices"
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc:DEF_1"
WANTED = {"endpoint": ENDPOINT, "p256dh": P256DH, "auth": AUTH, "language": "ko"}


@pytest.fixture
def hana(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Cast:
    settings.VAPID_PRIVATE_KEY = "Jx6PFtUuEvBlhq9naa0jvkXdGGxng8-XyRHcWqOVW08"
    settings.VAPID_SUBJECT = "mailto:ops@academy.test"
    monkeypatch.setattr(hours, "now_there", lambda: timezone.localtime().replace(hour=15))
    with world.hana.acting():
        Subscription.objects.all().delete()
    return world.hana


@pytest.fixture
def student(hana: Cast) -> Client:
    return client_of(hana.users[Role.STUDENT])


def kept(cast: Cast) -> list[tuple[int, str]]:
    with cast.acting():
        return list(Subscription.objects.order_by("pk").values_list("user_id", "endpoint"))


def test_a_browser_wants_notices_and_then_none(hana: Cast, student: Client) -> None:
    before = student.get(URL).json()
    assert before["is_on"] is False
    assert len(before["key"]) == 87, "65 bytes in base64url"
    assert put(student, URL, WANTED).status_code == 204
    assert put(student, URL, WANTED).status_code == 204, "again is no error"
    assert student.get(URL).json()["is_on"] is True
    assert kept(hana) == [(hana.users[Role.STUDENT].pk, ENDPOINT)]
    assert client_of(hana.users[Role.STUDENT]).get(URL).json()["is_on"] is False, "another browser of theirs"
    assert student.delete(URL).status_code == 204
    assert student.delete(URL).status_code == 204
    assert (student.get(URL).json()["is_on"], kept(hana)) == (False, [])


def test_a_phone_that_is_lent_is_whose_who_signed_in_last(hana: Cast, student: Client) -> None:
    put(student, URL, WANTED)
    guardian = client_of(hana.users[Role.GUARDIAN])
    assert put(guardian, URL, WANTED).status_code == 204
    assert kept(hana) == [(hana.users[Role.GUARDIAN].pk, ENDPOINT)]


def test_another_academy_may_know_the_same_address_and_does_not_take_it(world: World, hana: Cast) -> None:
    own, other = client_of(hana.users[Role.STUDENT]), client_of(world.duri.users[Role.STUDENT])
    for client in (own, other):
        assert put(client, URL, WANTED).status_code == 204
    assert own.delete(URL).status_code == 204
    assert other.get(URL).json()["is_on"] is True


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/push",
        "https://fcm.googleapis.com.evil.example/push",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com:8443/push",
        "https://fcm.googleapis.com@evil.example/push",
        "https://evil.example\\@fcm.googleapis.com/push",
        "https://fcm.googleapis.com:x/push",
        "https://[::1/push",
        "https://push.apple.com.evil.example/",
        "https://evilpush.apple.com/",
        "file:///etc/passwd",
        "https://fcm.googleapis.com/\r\nHost: evil.example",
        "https://",
        "push",
    ],
)
def test_the_server_is_led_to_nobody_but_a_push_service(hana: Cast, student: Client, endpoint: str) -> None:
    assert error_of(put(student, URL, {**WANTED, "endpoint": endpoint}), 400)["attr"] == "endpoint"
    assert kept(hana) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGuQyavXutnMH",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d",
        "https://fcm.googleapis.com:443/fcm/send/abc",
    ],
)
def test_the_push_services_of_all_browsers_are_known(hana: Cast, student: Client, endpoint: str) -> None:
    assert put(student, URL, {**WANTED, "endpoint": endpoint}).status_code == 204


@pytest.mark.parametrize(
    "keys",
    [
        {"p256dh": AUTH},
        {"p256dh": P256DH[:-4] + "AAAA"},  # a point that is not on the curve
        {"p256dh": "가" * 20},
        {"auth": "AAAA"},
        {"auth": "!" * 22},
    ],
)
def test_keys_that_nothing_can_be_sealed_with_are_refused(hana: Cast, student: Client, keys: dict[str, str]) -> None:
    assert error_of(put(student, URL, {**WANTED, **keys}), 400)["attr"] == "p256dh"
    assert kept(hana) == []


def test_it_is_offered_only_where_the_deployment_and_the_academy_do(hana: Cast, student: Client, settings: Any) -> None:
    Tenant.objects.filter(pk=hana.tenant.pk).update(sends_notices=False)
    assert student.get(URL).json()["key"] == ""
    assert error_of(put(student, URL, WANTED), 409)["code"] == "notices_not_offered"
    Tenant.objects.filter(pk=hana.tenant.pk).update(sends_notices=True)
    settings.VAPID_PRIVATE_KEY = ""
    assert student.get(URL).json()["key"] == ""
    assert error_of(put(student, URL, WANTED), 409)["code"] == "notices_not_offered"


def test_it_goes_with_the_session_whoever_ends_it(hana: Cast, student: Client) -> None:
    put(student, URL, WANTED)
    student.delete("/api/v1/session")
    assert kept(hana) == []
    again = client_of(hana.users[Role.STUDENT])
    put(again, URL, WANTED)
    with hana.acting():
        suspend_person(user_id=hana.users[Role.STUDENT].pk, by=hana.owner)
    assert kept(hana) == []


# ---------------------------------------------------------------- results


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        Publication.objects.all().delete()
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


def publish(hana: Cast, exam: Exam, **options: object) -> None:
    answer = post(client_of(hana.teacher), f"/api/v1/exams/{exam.pk}/publish", options)
    assert answer.status_code == 200, answer.content


def want(cast: Cast, *roles: Role) -> None:
    with cast.acting():
        for role in roles:
            make_subscription(cast.users[role], endpoint=f"https://fcm.googleapis.com/fcm/send/{role}")


def told(cast: Cast, kind: NoticeKind = NoticeKind.RESULT) -> set[Role]:
    with cast.acting():
        people = Notice.objects.filter(kind=kind).exclude(batch=None).values_list("user_id", flat=True)
        return {Role(role) for role in User.objects.filter(pk__in=people).values_list("role", flat=True)}


def job_count(cast: Cast) -> int:
    with cast.acting():
        return Job.objects.filter(kind="notices.send_notices").count()


def test_publishing_tells_the_student_and_their_guardians(world: World, hana: Cast, exam: Exam) -> None:
    want(hana, Role.STUDENT, Role.GUARDIAN, Role.TEACHER)
    read(hana, exam)
    assert told(hana) == set(), "nothing is out yet"
    publish(hana, exam)
    assert (told(hana), job_count(hana)) == ({Role.STUDENT, Role.GUARDIAN}, 1)
    assert job_count(world.duri) == 0


def test_publishing_otherwise_or_anew_tells_nobody_again(hana: Cast, exam: Exam) -> None:
    want(hana, Role.STUDENT)
    read(hana, exam)
    publish(hana, exam)
    publish(hana, exam, shows_answers=True)
    teacher = client_of(hana.teacher)
    with hana.acting():
        Notice.objects.update(sent_at=timezone.now())
    assert post(teacher, f"/api/v1/exams/{exam.pk}/unpublish", None).status_code == 204
    publish(hana, exam)
    assert job_count(hana) == 1


def test_what_is_withdrawn_before_it_was_told_is_not_told(hana: Cast, exam: Exam) -> None:
    want(hana, Role.STUDENT)
    read(hana, exam)
    publish(hana, exam)
    assert post(client_of(hana.teacher), f"/api/v1/exams/{exam.pk}/unpublish", None).status_code == 204
    assert told(hana) == set()


def test_a_sheet_that_is_settled_later_tells_its_own_student_then(hana: Cast, exam: Exam) -> None:
    want(hana, Role.STUDENT)
    publish(hana, exam)
    assert told(hana) == set(), "they have no result"
    scan = read(hana, exam)
    said = {"answers": {"q1": ["2"]}}
    assert put(client_of(hana.teacher), f"/api/v1/scans/{scan.pk}/corrections", said).status_code == 200
    assert told(hana) == {Role.STUDENT}


def test_whose_page_somebody_has_yet_to_look_at_is_not_told(hana: Cast, exam: Exam) -> None:
    want(hana, Role.STUDENT)
    publish(hana, exam)
    scan = read(hana, exam)
    with hana.acting():
        scan.asked_count, scan.read_at = 1, timezone.now() + timedelta(seconds=1)
        scan.save(update_fields=["asked_count", "read_at"])
        announce_results(exam.pk)
    assert told(hana) == set()


def test_who_objected_is_told_of_the_answer_and_nobody_else(hana: Cast) -> None:
    want(hana, Role.STUDENT, Role.GUARDIAN)
    with hana.acting():
        objection = Objection.objects.get(pk=hana.objection.pk)
        keep_reading(by=hana.teacher, objection_id=objection.pk)
        raised_by = Role(User.objects.get(pk=objection.by_id or 0).role)
    assert told(hana, NoticeKind.OBJECTION) == {raised_by}


def test_without_a_device_nothing_is_written(hana: Cast, exam: Exam) -> None:
    read(hana, exam)
    with hana.acting():
        before = Notice.objects.count()
    publish(hana, exam)
    with hana.acting():
        assert (Notice.objects.count(), job_count(hana)) == (before, 0)
