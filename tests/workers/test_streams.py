"""Streams of events over real HTTP and a real PostgreSQL: who sees what, nothing lost, and an end to it in time."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import Client

from academy.jobs.models import Job, JobState
from academy.streams import listener, rooms, rounds, service
from academy.tenancy.models import Tenant, TenantStatus
from apps.accounts.models import Session, User
from apps.accounts.roles import Role
from apps.accounts.services import access, people
from infra.local.processes import free_port
from infra.local.state import ROOT
from tests.factories import Cast, World, client_of, make_job, make_page_of
from tests.workers.stream_world import (
    PATIENCE_SECONDS,
    Reader,
    Served,
    answers,
    cookie_of,
    move,
    serving,
    wait_until,
)

SUSPEND = "/api/v1/people/{}/suspend"


@pytest.fixture
def served(committed_world: World) -> Iterator[Served]:
    with serving() as running:
        yield running


def new_job(cast: Cast) -> Job:
    with cast.acting():
        job = make_job()
        make_page_of(job, cast.exam)
        return job


def test_a_person_sees_their_academys_jobs_move_and_no_other(served: Served, committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    mine, theirs = served.open_for(hana.teacher, hana), served.open_for(duri.teacher, duri)
    for reader in (mine, theirs):
        found = reader.event()
        assert found is not None
        assert (found[0], found[1]["is_resumed"]) == ("hello", False)
        assert reader.response.headers["Content-Type"] == "text/event-stream"
    foreign, own = new_job(duri), new_job(hana)
    move(duri, foreign, JobState.FAILED, error_code="blurred")
    move(hana, own, JobState.RUNNING, progress=0.5)
    shown = mine.job(own.pk, "running")
    assert shown == {
        "id": own.pk,
        "kind": "exams.read_scan",
        "state": "running",
        "progress": 0.5,
        "error_code": "",
        "error_message": "",
        "object": {"kind": "scan", "id": 1},
    }
    assert "흐" in theirs.job(foreign.pk, "failed")["error_message"]
    served.service.stop()
    for reader, cast in ((mine, hana), (theirs, duri)):
        with cast.acting():
            own_ids = set(Job.objects.values_list("pk", flat=True))
        events = reader.rest()
        assert events[-1] == ("end", {"reason": "restart"})
        assert {data["id"] for name, data in events if name == "job"} <= own_ids


def test_a_filter_shows_its_jobs_in_any_state_and_foreign_ids_are_nothing(
    served: Served, committed_world: World
) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    done, foreign, other = new_job(hana), new_job(duri), new_job(hana)
    move(hana, done, JobState.SUCCEEDED, progress=1.0)
    reader = served.open_for(hana.teacher, hana, query=f"?jobs={done.pk},{foreign.pk},987654321,{2**63}")
    reader.job(done.pk, "succeeded")
    move(duri, foreign, JobState.FAILED)
    move(hana, other, JobState.RUNNING)
    move(hana, done, JobState.FAILED)
    found = reader.event()
    assert found is not None
    assert (found[1]["id"], found[1]["state"]) == (done.pk, "failed")


@pytest.mark.parametrize("value", ["", "a", "1,", "-1", "1;2", "1," * 100 + "1", "%00"])
def test_a_filter_that_is_none_is_refused(served: Served, committed_world: World, value: str) -> None:
    reader = served.open_for(committed_world.hana.teacher, committed_world.hana, query=f"?jobs={value}")
    assert reader.status == 400
    assert json.loads(reader.body())["errors"][0]["attr"] == "jobs"


def test_who_comes_back_is_told_all_that_they_missed(served: Served, committed_world: World) -> None:
    hana = committed_world.hana
    jobs = [new_job(hana) for _ in range(3)]
    first = served.open_for(hana.teacher, hana)
    first.until_marked("")
    first.close()
    move(hana, jobs[0], JobState.SUCCEEDED)
    move(hana, jobs[1], JobState.FAILED)
    again = served.open_for(hana.teacher, hana, last_event_id=first.last_event_id)
    found = again.event()
    assert found is not None
    assert found[1]["is_resumed"]
    # While anybody writes anywhere in the cluster, older changes may be told once more.
    again.job(jobs[0].pk, "succeeded")
    again.job(jobs[1].pk, "failed")


def test_a_change_that_commits_late_under_an_early_number_is_not_lost(served: Served, committed_world: World) -> None:
    """The classic gap of a cursor: the one who wrote first commits last, after the reader has gone past its number."""
    hana = committed_world.hana
    early, late = new_job(hana), new_job(hana)
    live = served.open_for(hana.teacher, hana)
    live.until_marked("")
    with psycopg.connect(os.environ["DATABASE_URL"]) as slow:
        bind = "SELECT set_config('search_path', 'pool', true), set_config('app.tenant_id', %s, true)"
        slow.execute(bind, [str(hana.tenant.pk)])
        slow.execute("UPDATE jobs_job SET state = 'running' WHERE id = %s", [early.pk])
        move(hana, late, JobState.RUNNING)
        live.job(late.pk, "running")
        between = live.last_event_id
        resumed = served.open_for(hana.teacher, hana, last_event_id=between)
        slow.commit()
    live.job(early.pk, "running")
    resumed.job(early.pk, "running")
    served.open_for(hana.teacher, hana, last_event_id=between).job(early.pk, "running")


@pytest.mark.parametrize("forged", ["1", "x.y", "999999999999999999.0", "-1.0", "1.1 OR 1=1", "9" * 40])
def test_a_made_up_position_begins_anew(served: Served, committed_world: World, forged: str) -> None:
    hana = committed_world.hana
    waiting = new_job(hana)
    reader = served.open_for(hana.teacher, hana, last_event_id=forged)
    found = reader.event()
    assert found is not None
    assert not found[1]["is_resumed"]
    reader.job(waiting.pk, "queued")


# ---------------------------------------------------------------- rights, while it lives


def _suspend(cast: Cast) -> None:
    people.suspend_person(user_id=cast.teacher.pk, by=cast.owner)


def _other_role(cast: Cast) -> None:
    User.objects.filter(pk=cast.teacher.pk).update(role=Role.STUDENT)


def _signed_out_everywhere(cast: Cast) -> None:
    access.end_sessions(cast.teacher.pk)


def _new_password(cast: Cast) -> None:
    access.end_access(cast.teacher)


def _expired(cast: Cast) -> None:
    from django.utils import timezone

    Session.objects.filter(user=cast.teacher).update(expire_date=timezone.now())


def _second_factor_required(cast: Cast) -> None:
    Tenant.objects.filter(pk=cast.tenant.pk).update(mfa_required_for_staff=True)


ENDINGS: list[tuple[Callable[[Cast], None], int]] = [
    (_suspend, 401),
    (_other_role, 403),
    (_signed_out_everywhere, 401),
    (_new_password, 401),
    (_expired, 401),
]


@pytest.mark.parametrize(("ending", "status"), ENDINGS, ids=[ending.__name__ for ending, _ in ENDINGS])
def test_a_stream_ends_with_the_rights_it_was_opened_with(
    served: Served, committed_world: World, ending: Callable[[Cast], None], status: int
) -> None:
    hana = committed_world.hana
    cookie = cookie_of(hana.teacher)
    reader, colleague = served.open(hana.host, cookie), served.open_for(hana.owner, hana)
    reader.until_marked("")
    with hana.acting():
        ending(hana)
    assert reader.rest()[-1] == ("end", {"reason": "access"})
    assert served.open(hana.host, cookie).status == status
    job = new_job(hana)
    colleague.job(job.pk, "queued")


def test_a_second_factor_that_becomes_due_ends_the_streams_of_those_who_lack_it(
    served: Served, committed_world: World
) -> None:
    reader = served.open_for(committed_world.hana.teacher, committed_world.hana)
    reader.until_marked("")
    _second_factor_required(committed_world.hana)
    assert reader.rest()[-1] == ("end", {"reason": "access"})


def test_log_out_in_the_browser_ends_its_stream_only(served: Served, committed_world: World) -> None:
    hana = committed_world.hana
    browser = client_of(hana.teacher, checks_csrf=True)
    here = served.open(hana.host, str(browser.cookies[settings.SESSION_COOKIE_NAME].value))
    elsewhere = served.open_for(hana.teacher, hana)
    here.until_marked("")
    browser.delete("/api/v1/session")
    assert here.rest()[-1] == ("end", {"reason": "access"})
    job = new_job(hana)
    elsewhere.job(job.pk, "queued")


def test_a_suspended_academy_ends_all_its_streams_and_nobody_elses(served: Served, committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    cookie = cookie_of(hana.owner)
    reader, neighbour = served.open(hana.host, cookie), served.open_for(duri.owner, duri)
    reader.until_marked("")
    Tenant.objects.filter(pk=hana.tenant.pk).update(status=TenantStatus.SUSPENDED)
    assert reader.rest()[-1] == ("end", {"reason": "academy"})
    assert served.open(hana.host, cookie).status == 404
    job = new_job(duri)
    neighbour.job(job.pk, "queued")


# ---------------------------------------------------------------- who gets none


def test_nobody_students_and_sessions_of_elsewhere_get_none(served: Served, committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    assert served.open(hana.host, "").status == 401
    assert served.open(hana.host, "x" * 32).status == 401
    assert served.open(hana.host, cookie_of(duri.owner)).status == 401
    for role in (Role.STUDENT, Role.GUARDIAN, Role.OPERATOR):
        assert served.open_for(hana.users[role], hana).status == 403


@pytest.mark.parametrize("host", ["nobody.academy.test", "127.0.0.1", "hana.academy.test@evil.test", "", "a" * 300])
def test_an_unknown_host_is_missing(served: Served, committed_world: World, host: str) -> None:
    hana = committed_world.hana
    unknown = Client(SERVER_NAME="nobody.academy.test").get("/api/v1/events")
    for headers in ({}, {"X-Forwarded-Host": hana.host}, {"X_Forwarded_Host": hana.host}):
        reader = served.open(host, cookie_of(hana.owner), headers=headers)
        assert (reader.status, reader.body()) == (404, unknown.content)


def test_the_request_line_names_no_academy(served: Served, committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    reader = served.open(hana.host, cookie_of(duri.owner), path=f"http://{duri.host}/api/v1/events")
    assert reader.status == 404
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        lines = ["GET /api/v1/events HTTP/1.1", f"Host: {hana.host}", f"Host: {duri.host}", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_any_other_method_is_refused(served: Served, committed_world: World, method: str) -> None:
    reader = served.open_for(committed_world.hana.owner, committed_world.hana, method=method)
    assert reader.status in (403, 405)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/session", "/", "/api/v1/events/", "/api/v1/%65vents/x"])
def test_the_service_has_no_other_path(served: Served, committed_world: World, path: str) -> None:
    assert served.open_for(committed_world.hana.owner, committed_world.hana, path=path).status == 404


# ---------------------------------------------------------------- limits and failures


def test_a_quiet_stream_is_kept_alive(committed_world: World, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "KEEP_ALIVE_SECONDS", 0.05)
    reader = served.open_for(committed_world.hana.teacher, committed_world.hana)
    while reader.comments < 3:
        assert reader.response.readline()
        reader.comments += reader.response.peek(1).startswith(b":")


def test_the_process_ends_its_streams_when_it_is_told_to_stop(committed_world: World) -> None:
    port = free_port()
    environment = {**os.environ, "STREAMS_BIND": f"127.0.0.1:{port}", "DJANGO_SETTINGS_MODULE": "academy.settings"}
    command = [sys.executable, "-W", "error", "-m", "academy.asgi"]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        wait_until(lambda: answers(port))
        hana = committed_world.hana
        with Reader(port, hana.host, cookie_of(hana.teacher)) as reader:
            job = new_job(hana)
            reader.job(job.pk, "queued")
            process.terminate()
            assert reader.rest()[-1] == ("end", {"reason": "restart"})
        assert process.wait(20) in (0, -signal.SIGTERM)


def test_one_person_has_a_limited_number_of_streams(served: Served, committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    cookie = cookie_of(hana.owner)
    readers = [served.open(hana.host, cookie) for _ in range(settings.STREAMS_PER_PERSON)]
    assert {reader.status for reader in readers} == {200}
    refused = served.open(hana.host, cookie)
    assert (refused.status, refused.response.headers["Retry-After"]) == (429, "30")
    assert served.open_for(hana.teacher, hana).status == 200
    assert served.open_for(duri.owner, duri).status == 200
    readers[0].close()
    wait_until(lambda: served.open(hana.host, cookie).status == 200)


def test_a_process_has_a_limited_number_of_streams(
    served: Served, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.service.house, "_per_process", 1)
    assert served.open_for(committed_world.hana.owner, committed_world.hana).status == 200
    refused = served.open_for(committed_world.duri.owner, committed_world.duri)
    assert (refused.status, refused.response.headers["Retry-After"]) == (503, "5")


def test_a_killed_listener_listens_again_and_nothing_is_lost(served: Served, committed_world: World) -> None:
    hana = committed_world.hana
    reader = served.open_for(hana.teacher, hana)
    reader.until_marked("")
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
        names = [listener.APPLICATION_NAME, administrator.info.dbname]
        wait_until(lambda: administrator.execute(kill, names).fetchall() == [(True,)])
        job = new_job(hana)
        reader.job(job.pk, "queued")
        wait_until(lambda: administrator.execute(kill, names).fetchall() == [(True,)])  # it had come back


def test_without_any_listener_changes_are_looked_for(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LISTEN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    with serving() as served:
        reader = served.open_for(committed_world.hana.teacher, committed_world.hana)
        reader.until_marked("")
        job = new_job(committed_world.hana)
        reader.job(job.pk, "queued")


def test_when_rights_cannot_be_asked_in_time_the_streams_end(
    served: Served, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = served.open_for(committed_world.hana.teacher, committed_world.hana)
    reader.until_marked("")
    released, begun, look = threading.Event(), itertools.count(), rounds.look

    def slow(*given: Any, **named: Any) -> Any:
        if next(begun):
            released.wait(PATIENCE_SECONDS)
        return look(*given, **named)  # of the first, how long it may take was perhaps asked before

    monkeypatch.setattr(rooms, "BLIND_SECONDS", 0.2)
    monkeypatch.setattr(rooms, "look", slow)
    try:
        assert reader.rest()[-1] == ("end", {"reason": "unavailable"})
    finally:
        released.set()


def test_when_rights_cannot_be_asked_the_streams_end(
    served: Served, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def unreachable(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    reader = served.open_for(committed_world.hana.teacher, committed_world.hana)
    reader.until_marked("")
    monkeypatch.setattr(rooms, "look", unreachable)
    assert reader.rest()[-1] == ("end", {"reason": "unavailable"})
    monkeypatch.undo()
    again = served.open_for(committed_world.hana.teacher, committed_world.hana, last_event_id=reader.last_event_id)
    job = new_job(committed_world.hana)
    again.job(job.pk, "queued")


def test_more_changes_than_fit_a_page_all_arrive(
    committed_world: World, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    hana = committed_world.hana
    reader = served.open_for(hana.owner, hana)
    reader.until_marked("")
    with hana.acting():
        new = [Job(kind="exams.read_scan", queue="basic", arguments={"args": [1]}) for _ in range(1_201)]
        ids = {job.pk for job in Job.objects.bulk_create(new)}
    told: set[int] = set()
    while told < ids:
        found = reader.event()
        assert found is not None
        told.add(found[1]["id"])
    assert told == ids
    late = served.open_for(hana.owner, hana, last_event_id="1.0")
    found = late.event()
    assert found is not None
    assert not found[1]["is_resumed"], "who missed more than is told again asks anew"


def test_a_job_that_is_only_kept_alive_rings_nobody(committed_world: World) -> None:
    hana = committed_world.hana
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as ear:
        ear.execute("LISTEN job_changed")
        job = new_job(hana)
        before = _changed_in(hana, job)
        move(hana, job, JobState.QUEUED, sent_at=None, lease_expires_at=None)
        assert _changed_in(hana, job) == before
        move(hana, job, JobState.RUNNING)
        assert _changed_in(hana, job) > before
        rung = list(ear.notifies(timeout=0.2))
    assert [notice.payload for notice in rung] == [str(hana.tenant.pk)] * 2, "once when written, once when it ran"


def _changed_in(cast: Cast, job: Job) -> int:
    with cast.acting():
        return Job.objects.values_list("changed_in", flat=True).get(pk=job.pk)
