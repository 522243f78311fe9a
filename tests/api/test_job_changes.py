"""What changed of the jobs since somebody last asked, over plain requests: polling, and a stream nobody keeps open."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from apps.accounts.roles import Role
from tests.api.answers import error_of
from tests.factories import Cast, World, client_of, make_job, make_page_of

JOBS = "/api/v1/jobs"
EVENTS = "/api/v1/events"


def enqueue(cast: Cast, state: JobState = JobState.QUEUED, **fields: Any) -> Job:
    with cast.acting():
        job = make_job(state=state, fields=list(fields.items()))
        make_page_of(job, cast.exam)
        return job


def poll(client: Client, **query: str) -> Any:
    answer = client.get(JOBS, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def states(answer: Any) -> dict[int, str]:
    return {job["id"]: job["state"] for job in answer["results"]}


def is_true(answer: Any, cast: Cast) -> bool:
    """While anybody writes anywhere, what changed lately may be told once more: as it is, and of this academy."""
    with cast.acting():
        truth = dict(Job.objects.values_list("pk", "state"))
    return states(answer).items() <= truth.items()


def test_polling_begins_with_what_is_not_over_and_goes_on_with_what_changed(committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    running, queued, foreign = enqueue(hana, JobState.RUNNING), enqueue(hana), enqueue(duri)
    succeeded = enqueue(hana, JobState.SUCCEEDED)
    with hana.acting():
        is_over = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
        under_way = dict(Job.objects.exclude(state__in=is_over).values_list("pk", "state"))
    assert running.pk in under_way
    assert queued.pk in under_way
    assert succeeded.pk not in under_way
    client = client_of(hana.owner)
    first = poll(client)
    assert not first["is_resumed"]
    assert states(first) == under_way
    assert foreign.pk not in states(first)
    assert is_true(poll(client, since=first["since"]), hana)
    with hana.acting():
        Job.objects.filter(pk=running.pk).update(state=JobState.FAILED, error_code="blurred")
    with duri.acting():
        Job.objects.filter(pk=foreign.pk).update(state=JobState.FAILED)
    second = poll(client, since=first["since"])
    assert second["is_resumed"]
    assert is_true(second, hana)
    [failed] = [job for job in second["results"] if job["id"] == running.pk]
    assert (failed["state"], "흐" in failed["error_message"]) == ("failed", True)
    assert is_true(poll(client, since=second["since"]), hana)


def test_named_jobs_are_shown_in_any_state_and_foreign_ones_like_missing_ones(committed_world: World) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    done, foreign = enqueue(hana, JobState.SUCCEEDED), enqueue(duri)
    client = client_of(hana.teacher)
    assert states(poll(client, ids=str(done.pk))) == {done.pk: "succeeded"}
    strange = [client.get(JOBS, {"ids": str(number)}).json()["results"] for number in (foreign.pk, 987654321, 2**63)]
    assert strange == [[], [], []]


@pytest.mark.parametrize("value", ["", "x", "1,", "1,,2", "+1", "１", "1," * 100 + "1"])
@pytest.mark.parametrize(("url", "parameter"), [(JOBS, "ids"), (EVENTS, "jobs")])
def test_what_is_no_list_of_ids_is_refused(world: World, url: str, parameter: str, value: str) -> None:
    answer = client_of(world.hana.teacher).get(url, {parameter: value})
    assert error_of(answer, 400)["attr"] == parameter


def test_any_number_of_changes_costs_the_same_statements(committed_world: World) -> None:
    hana = committed_world.hana
    client = client_of(hana.teacher)
    since = poll(client)["since"]
    counts = []
    for new in (1, 20):
        for _ in range(new):
            enqueue(hana)
        with CaptureQueriesContext(connection) as sent:
            assert len(poll(client, since=since)["results"]) >= new
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_without_the_service_of_streams_each_connection_is_one_look(committed_world: World) -> None:
    """Behind gunicorn the stream ends after its opening, and the browser comes again with its position."""
    hana = committed_world.hana
    job = enqueue(hana)
    client = client_of(hana.teacher)
    first = client.get(EVENTS, headers={"accept": "text/event-stream"})
    assert (first.status_code, first.headers["Content-Type"]) == (200, "text/event-stream")
    assert f'"id":{job.pk},' in first.content.decode()
    assert first.content.startswith(b"retry: ")
    position = first.content.decode().rsplit("id: ", 1)[1].strip()
    with hana.acting():
        Job.objects.filter(pk=job.pk).update(state=JobState.FAILED)
    again = client.get(EVENTS, headers={"last-event-id": position})
    assert b'"is_resumed":true' in again.content
    lines = again.content.decode().splitlines()
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith('data: {"id":')]
    assert states({"results": told})[job.pk] == "failed"
    assert is_true({"results": told}, hana)


def test_a_student_is_shown_no_jobs(world: World) -> None:
    for url in (JOBS, EVENTS):
        error_of(client_of(world.hana.users[Role.STUDENT]).get(url), 403)
