"""How far a job is, over HTTP."""

from __future__ import annotations

from academy.jobs.models import JobState
from apps.accounts.roles import Role
from tests.api.answers import error_of
from tests.factories import World, client_of, make_job, make_page_of


def test_a_job_is_shown_without_its_arguments_and_result(world: World) -> None:
    with world.hana.acting():
        job = make_job(state=JobState.RUNNING, fields=[("progress", 0.4), ("result", {"a": 1})])
        make_page_of(job, world.hana.exam)
    body = client_of(world.hana.teacher).get(f"/api/v1/jobs/{job.pk}").json()
    assert set(body) == {
        "id",
        "kind",
        "queue",
        "state",
        "is_cancelling",
        "attempt",
        "progress",
        "error_code",
        "error_message",
        "created_at",
        "started_at",
        "finished_at",
    }
    assert (body["kind"], body["state"], body["attempt"], body["progress"]) == ("exams.read_scan", "running", 1, 0.4)


def test_another_academys_job_is_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign = client.get(f"/api/v1/jobs/{world.duri.job.pk}")
    assert error_of(foreign, 404) == error_of(client.get("/api/v1/jobs/987654321"), 404)


def test_a_student_sees_no_jobs(world: World) -> None:
    error_of(client_of(world.hana.users[Role.STUDENT]).get(f"/api/v1/jobs/{world.hana.job.pk}"), 403)
