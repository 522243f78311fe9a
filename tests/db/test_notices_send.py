"""The job: each device gets what only it can open, once, and what its push service says is heeded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.tenancy.models import Tenant
from apps.accounts.models import Session, User
from apps.accounts.roles import Role
from apps.accounts.services.access import end_access, end_sessions
from apps.notices import hours, web_push
from apps.notices.models import Notice, NoticeKind, Subscription
from apps.notices.services import announce, recall
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import Cast, World, make_subscription
from tests.push_service import Browser, PushService, RunningPushService, claims_of

KEY = "Jx6PFtUuEvBlhq9naa0jvkXdGGxng8-XyRHcWqOVW08"
EXAM = 4711


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPushService]:
    service = RunningPushService(tmp_path_factory.mktemp("push"))
    yield service
    service.close()


@pytest.fixture
def push_service(running: RunningPushService, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = KEY, "mailto:ops@academy.test"
    settings.WEB_PUSH_HOSTS = [running.service.host]
    monkeypatch.setenv("SSL_CERT_FILE", str(running.service.certificate))
    web_push._pool.cache_clear()
    running.service.reset()
    yield running.service
    web_push._pool().clear()
    web_push._pool.cache_clear()


@pytest.fixture
def hana(world: World, push_service: PushService, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    monkeypatch.setattr(hours, "now_there", lambda: timezone.localtime().replace(hour=15))
    for cast in (world.hana, world.duri):
        with cast.acting():
            Subscription.objects.all().delete()
    return world.hana


@pytest.fixture
def student(hana: Cast) -> User:
    return hana.users[Role.STUDENT]


def subscribed(cast: Cast, user: User, service: PushService, path: str, *, language: str = "ko") -> Browser:
    browser = Browser()
    with cast.acting():
        make_subscription(
            user, endpoint=service.endpoint(path), p256dh=browser.p256dh, auth=browser.auth, language=language
        )
    return browser


def told(cast: Cast, *users: User, about: int = EXAM) -> list[Job]:
    """The jobs that telling these people makes."""
    with cast.acting():
        announce(NoticeKind.RESULT, about=about, user_ids=[user.pk for user in users])
        return list(Job.objects.filter(kind="notices.send_notices").order_by("pk"))


def run(cast: Cast, job: Job) -> JobState:
    deliver(cast.tenant, job.pk, FakeSandbox())
    with cast.acting():
        return JobState(Job.objects.get(pk=job.pk).state)


def test_each_device_opens_what_it_is_sent_and_no_other_can(
    hana: Cast, student: User, push_service: PushService
) -> None:
    phone = subscribed(hana, student, push_service, "/phone")
    tablet = subscribed(hana, student, push_service, "/tablet", language="en")
    (job,) = told(hana, student)
    assert run(hana, job) == JobState.SUCCEEDED
    first, second = sorted(push_service.pushed, key=lambda one: one.path)
    named = {"title": hana.tenant.name, "to": "/results", "tag": "result", "icon": "/icons/192.png"}
    assert phone.open(first) == {**named, "body": "새 결과가 나왔습니다."}
    assert tablet.open(second) == {**named, "body": "A new result is out."}
    with pytest.raises(InvalidTag):
        tablet.open(first)
    assert (first.headers["content-encoding"], first.headers["topic"]) == ("aes128gcm", "result")
    assert int(first.headers["ttl"]) > 0
    claims, key = claims_of(first)
    assert (claims["aud"], claims["sub"]) == (f"https://{push_service.host}", "mailto:ops@academy.test")
    assert time.time() < claims["exp"] < time.time() + 24 * 3600
    assert key == web_push.public_key()


def test_nothing_is_told_twice(hana: Cast, student: User, push_service: PushService) -> None:
    subscribed(hana, student, push_service, "/phone")
    (job,) = told(hana, student)
    run(hana, job)
    with hana.acting():
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
    run(hana, job)  # a second delivery
    assert len(told(hana, student)) == 1, "published again, there is nothing new to tell"
    assert len(push_service.pushed) == 1
    assert len(told(hana, student, about=EXAM + 1)) == 2


def test_a_device_that_is_gone_is_forgotten_and_the_others_are_told(
    hana: Cast, student: User, push_service: PushService
) -> None:
    for path in ("/gone", "/missing", "/phone"):
        subscribed(hana, student, push_service, path)
    push_service.statuses |= {"/gone": 410, "/missing": 404}
    (job,) = told(hana, student)
    assert run(hana, job) == JobState.SUCCEEDED
    assert [one.path for one in push_service.pushed] == ["/phone"]
    with hana.acting():
        assert [row.endpoint for row in Subscription.objects.all()] == [push_service.endpoint("/phone")]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_push_service_is_asked_again_later(
    hana: Cast, student: User, push_service: PushService, status: int
) -> None:
    subscribed(hana, student, push_service, "/phone")
    push_service.statuses["/phone"] = status
    (job,) = told(hana, student)
    assert run(hana, job) == JobState.QUEUED, "it is tried again"
    with hana.acting():
        assert Notice.objects.filter(user=student, about=EXAM, sent_at=None).exists() is not False
        assert Job.objects.get(pk=job.pk).available_at > timezone.now()
        Job.objects.filter(pk=job.pk).update(available_at=timezone.now())
    push_service.statuses.clear()
    assert run(hana, job) == JobState.SUCCEEDED
    assert len(push_service.pushed) == 1


@pytest.mark.parametrize("status", [302, 400, 403, 413])
def test_what_is_refused_for_good_is_left_and_no_redirect_is_followed(
    hana: Cast, student: User, push_service: PushService, status: int
) -> None:
    subscribed(hana, student, push_service, "/phone")
    push_service.statuses["/phone"] = status
    (job,) = told(hana, student)
    assert run(hana, job) == JobState.SUCCEEDED
    assert push_service.pushed == []


def test_a_service_that_fails_again_and_again_is_left_alone_for_now(
    hana: Cast, student: User, push_service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        subscribed(hana, student, push_service, f"/{number}")
        push_service.statuses[f"/{number}"] = 503
    asked: list[str] = []
    original = web_push.push

    def count(endpoint: str, *keys: str, topic: str) -> web_push.Outcome:
        asked.append(endpoint)
        return original(endpoint, *keys, topic=topic)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(web_push, "push", count)
    (job,) = told(hana, student)
    run(hana, job)
    assert len(asked) == 3


def test_an_address_that_is_allowed_no_more_is_not_asked(
    hana: Cast, student: User, push_service: PushService, settings: Any
) -> None:
    subscribed(hana, student, push_service, "/phone")
    (job,) = told(hana, student)
    settings.WEB_PUSH_HOSTS = ["fcm.googleapis.com"]
    assert run(hana, job) == JobState.SUCCEEDED
    assert push_service.pushed == []


def test_who_is_signed_out_or_suspended_or_whose_session_is_over_is_not_told(
    hana: Cast, student: User, push_service: PushService
) -> None:
    guardian = hana.users[Role.GUARDIAN]
    for user in (student, guardian):
        subscribed(hana, user, push_service, f"/{user.pk}")
    (job,) = told(hana, student, guardian)
    with hana.acting():
        end_sessions(student.pk)
        assert not Subscription.objects.filter(user=student).exists(), "it goes with the session"
        Session.objects.filter(user=guardian).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert run(hana, job) == JobState.SUCCEEDED
    assert push_service.pushed == []
    subscribed(hana, student, push_service, "/again")
    with hana.acting():
        end_access(student)
        assert not Subscription.objects.filter(user=student).exists()


def test_who_was_suspended_in_the_meantime_is_not_told(hana: Cast, student: User, push_service: PushService) -> None:
    subscribed(hana, student, push_service, "/phone")
    (job,) = told(hana, student)
    with hana.acting():
        User.objects.filter(pk=student.pk).update(is_active=False)
    run(hana, job)
    assert push_service.pushed == []


def test_staff_and_who_wants_no_notices_make_no_job(hana: Cast, student: User, push_service: PushService) -> None:
    subscribed(hana, hana.teacher, push_service, "/teacher")
    assert told(hana, student, hana.teacher) == []


def test_at_night_it_waits_for_the_morning(
    hana: Cast, student: User, push_service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(hana, student, push_service, "/phone")
    night = timezone.localtime(timezone=hana.tenant.zone).replace(hour=22, minute=30)
    monkeypatch.setattr(hours, "now_there", lambda: night)
    (job,) = told(hana, student)
    at = timezone.localtime(job.available_at, hana.tenant.zone)
    assert (at.date(), at.hour, at.minute) == ((night + timedelta(days=1)).date(), 8, 0)
    with hana.acting():
        recall(NoticeKind.RESULT, about=EXAM)  # withdrawn before anybody was told
    run(hana, job)
    assert push_service.pushed == []


def test_in_the_small_hours_the_morning_is_today_and_by_day_it_is_now(hana: Cast) -> None:
    noon = timezone.localtime(timezone=hana.tenant.zone).replace(hour=12)
    assert hours.next_allowed(noon) == noon
    at = hours.next_allowed(noon.replace(hour=3))
    assert (at.date(), at.hour) == (noon.date(), 8)


def test_an_academy_that_wants_none_sends_none_even_of_what_waits(
    hana: Cast, student: User, push_service: PushService
) -> None:
    subscribed(hana, student, push_service, "/phone")
    (job,) = told(hana, student)
    Tenant.objects.filter(pk=hana.tenant.pk).update(sends_notices=False)
    run(hana, job)
    assert push_service.pushed == []


def test_the_other_academys_devices_hear_nothing(world: World, hana: Cast, push_service: PushService) -> None:
    subscribed(world.duri, world.duri.users[Role.STUDENT], push_service, "/other")
    assert told(hana, world.duri.users[Role.STUDENT]) == [], "an id of there means nobody here"
    subscribed(hana, hana.users[Role.STUDENT], push_service, "/own")
    (job,) = told(hana, hana.users[Role.STUDENT])
    run(hana, job)
    assert [one.path for one in push_service.pushed] == ["/own"]
