"""The operators' commands: queues, jobs and dead letters, across academies, with nobody's data on the screen."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from academy.jobs import operating
from academy.jobs.message import JobMessage
from academy.jobs.models import AnsweredRequest, DailyUsage, Job, JobState
from academy.jobs.operating import FINISHED, FORGED, OTHER, REQUEUED, UNDER_WAY, redrive
from academy.jobs.queues import Tier, sqs_client
from academy.tenancy.context import acting_for
from tests.db.kernel import body_of, change, fresh, new_job
from tests.factories import World, make_answered_request

pytestmark = pytest.mark.usefixtures("aws", "committed")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def dead_letters_url() -> str:
    raise AssertionError("the fixture names it")


@pytest.fixture(autouse=True)
def dead_letters(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A dead-letter queue of this test's own, in every tier's place: what a test holds, the next would miss."""
    url = sqs_client().create_queue(QueueName=f"dead-{uuid.uuid4().hex}")["QueueUrl"]
    monkeypatch.setattr("academy.jobs.operating.dead_letter_url", lambda _: url)
    monkeypatch.setattr("tests.db.test_operators_jobs.dead_letters_url", lambda: url)
    yield url
    sqs_client().delete_queue(QueueUrl=url)


def letter(body: str) -> None:
    sqs_client().send_message(QueueUrl=dead_letters_url(), MessageBody=body)


def letters_left() -> list[str]:
    """Bodies of the dead letters that can be received now; they stay."""
    found: list[str] = []
    while messages := (
        sqs_client()
        .receive_message(QueueUrl=dead_letters_url(), MaxNumberOfMessages=10, VisibilityTimeout=60)
        .get("Messages", [])
    ):
        found += [message["Body"] for message in messages]
    return found


# ---------------------------------------------------------------- queues


def test_queues_shows_each_tier_by_database_and_sqs(committed_world: World) -> None:
    hana, duri = committed_world.hana.tenant, committed_world.duri.tenant
    old = timezone.now() - timedelta(seconds=500)
    of_the_world = json.loads(run("queues", "--json"))["tiers"]["basic"]["queued"]
    new_job(hana, available_at=old)
    new_job(hana, state=JobState.SENT)
    new_job(duri, state=JobState.RUNNING, available_at=old - timedelta(hours=1))
    letter("{}")
    found = json.loads(run("queues", "--json", "--tenants"))
    assert set(found["tiers"]) == {"lite", "basic", "premium", "video"}
    basic = found["tiers"]["basic"]
    assert (basic["queued"] - of_the_world, basic["sent"], basic["running"], basic["dead"]) == (1, 1, 1, 1)
    assert 499 < basic["oldest_seconds"] < 900
    by_academy = {row["academy"]: row for row in found["tenants"] if row["tier"] == "basic"}
    assert (by_academy["hana"]["queued"], by_academy["duri"]["running"]) == (of_the_world // 2 + 1, 1)
    text = run("queues", "--tenants")
    assert "하나수학" not in text
    assert "hana" in text
    assert "hana" not in run("queues")


# ---------------------------------------------------------------- jobs


def test_jobs_are_shown_and_listed_without_arguments(committed_world: World) -> None:
    job = new_job(committed_world.hana.tenant, "tests.compute", "a secret name", state=JobState.FAILED)
    other = new_job(committed_world.duri.tenant, "tests.compute", state=JobState.FAILED)
    for text in (run("jobs", "show", str(job.pk)), run("jobs", "list", "--tenant", "hana", "--state", "failed")):
        assert f"{job.pk} hana" in text
        assert "secret" not in text
        assert "duri" not in text
    both = run("jobs", "list", "--kind", "tests.compute", "--queue", "basic").splitlines()
    assert [int(line.split()[0]) for line in both] == [other.pk, job.pk]
    assert len(run("jobs", "list", "--limit", "1").splitlines()) == 1


def test_an_operator_cancels_and_runs_again_and_it_is_logged(
    committed_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    cast = committed_world.duri
    with cast.acting():
        before = DailyUsage.objects.get(kind=cast.job.kind).used
        Job.objects.filter(pk=cast.job.pk).update(state=JobState.QUEUED)
    with caplog.at_level(logging.WARNING, "academy.operators"):
        assert "cancelled" in run("jobs", "cancel", str(cast.job.pk))
        assert "queued" in run("jobs", "retry", str(cast.job.pk))
    assert [f"job {cast.job.pk} of academy duri" in line.getMessage() for line in caplog.records] == [True, True]
    with cast.acting():
        assert DailyUsage.objects.get(kind=cast.job.kind).used == before


def test_what_cannot_be_done_is_said_and_the_rest_is_done(committed_world: World) -> None:
    job = new_job(committed_world.hana.tenant)
    with pytest.raises(CommandError, match="1 of 2 refused"):
        run("jobs", "cancel", str(2**40), str(job.pk))
    assert fresh(job).state == JobState.CANCELLED
    with pytest.raises(CommandError, match="no academy 'nobody'"):
        run("jobs", "list", "--tenant", "nobody")


def test_sweep_deletes_expired_answers_of_every_academy(committed_world: World) -> None:
    for cast in (committed_world.hana, committed_world.duri):
        with cast.acting():
            make_answered_request(cast.teacher, key="old")
            AnsweredRequest.objects.filter(client_token="old").update(created_at=timezone.now() - timedelta(days=2))
    assert run("jobs", "sweep").startswith("2 expired")
    assert run("jobs", "sweep").startswith("0 expired")


# ---------------------------------------------------------------- dead letters


def test_each_dead_letter_is_treated_by_its_jobs_row(committed_world: World) -> None:
    hana, duri = committed_world.hana.tenant, committed_world.duri.tenant
    sent, queued = new_job(hana, state=JobState.SENT), new_job(duri)
    running, done = new_job(hana, state=JobState.RUNNING), new_job(duri, state=JobState.FAILED)
    for job in (sent, queued, running, done):
        letter(body_of(job))
    forged = [
        json.dumps({"v": 1, "job_id": sent.pk, "tenant_id": duri.pk}),  # another academy's
        json.dumps({"v": 1, "job_id": 2**40, "tenant_id": hana.pk}),
        json.dumps({"v": 1, "job_id": sent.pk, "tenant_id": 2**40}),
        "not even JSON",
    ]
    for body in forged:
        letter(body)
    expected = {REQUEUED: 1, UNDER_WAY: 2, FINISHED: 1, FORGED: 4}
    assert redrive(Tier.BASIC, is_dry=True).by_outcome == expected
    assert fresh(sent).state == JobState.SENT
    assert redrive(Tier.BASIC).by_outcome == expected
    assert [fresh(job).state for job in (sent, queued, running, done)] == ["queued", "queued", "running", "failed"]
    assert redrive(Tier.BASIC).by_outcome == {FORGED: 4}
    assert sorted(letters_left()) == sorted(forged)


def test_only_what_was_asked_for_is_treated(committed_world: World) -> None:
    hana, duri = committed_world.hana.tenant, committed_world.duri.tenant
    mine, theirs = new_job(hana, state=JobState.SENT), new_job(duri, state=JobState.SENT)
    letter(body_of(mine))
    letter(body_of(theirs))
    assert redrive(Tier.BASIC, kind="tests.other").by_outcome == {OTHER: 2}
    assert redrive(Tier.BASIC, tenant=hana).by_outcome == {OTHER: 1, REQUEUED: 1}
    assert (fresh(mine).state, fresh(theirs).state) == (JobState.QUEUED, JobState.SENT)
    assert letters_left() == [body_of(theirs)]


def test_a_limit_is_kept(committed_world: World) -> None:
    jobs = [new_job(committed_world.hana.tenant, state=JobState.SENT) for _ in range(3)]
    for job in jobs:
        letter(body_of(job))
    assert run("redrive", "basic", "--limit", "2").split() == ["2", "requeued", "2", "dead", "letters", "seen"]
    assert sorted(fresh(job).state for job in jobs) == ["queued", "queued", "sent"]
    assert len(letters_left()) == 1


class LettersInMemory:
    """A queue of dead letters, for a number of them over which moto's cost grows with the square."""

    def __init__(self, bodies: list[str]) -> None:
        self.visible = {str(place): body for place, body in enumerate(bodies)}
        self.held: dict[str, str] = {}

    def receive_message(self, **asked: Any) -> Any:
        taken = list(self.visible.items())[: asked["MaxNumberOfMessages"]]
        for receipt, body in taken:
            self.held[receipt] = self.visible.pop(receipt) or body
        return {"Messages": [{"MessageId": receipt, "ReceiptHandle": receipt, "Body": body} for receipt, body in taken]}

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803  SQS's names
        del self.held[ReceiptHandle]

    def change_message_visibility_batch(self, *, Entries: list[Any], **_: Any) -> Any:  # noqa: N803
        for entry in Entries:
            self.visible[entry["ReceiptHandle"]] = self.held.pop(entry["ReceiptHandle"])
        return {}


def test_a_thousand_dead_letters_redriven_twice_run_each_job_once(
    committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hana = committed_world.hana.tenant
    with acting_for(hana), transaction.atomic():
        jobs = Job.objects.bulk_create(
            Job(tenant=hana, kind="tests.compute", queue="basic", state=JobState.SENT) for _ in range(1_000)
        )
        ids = [job.pk for job in jobs]
    bodies = [JobMessage(job_id=pk, tenant_id=hana.pk).to_body() for pk in ids]
    letters = LettersInMemory([*bodies, *bodies[:100]])  # some twice, as SQS may
    monkeypatch.setattr(operating, "sqs_client", lambda: letters)
    assert redrive(Tier.BASIC).by_outcome == {REQUEUED: 1_000, UNDER_WAY: 100}
    assert redrive(Tier.BASIC).seen == 0
    assert (letters.visible, letters.held) == ({}, {})
    with acting_for(hana), transaction.atomic():
        assert Job.objects.filter(pk__in=ids, state=JobState.QUEUED, attempt=0).count() == 1_000


def test_killed_between_the_row_and_the_letter_it_goes_on_where_it_was(
    committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job(committed_world.hana.tenant, state=JobState.SENT)
    letter(body_of(job))

    class Broken:
        def __getattr__(self, name: str) -> Any:
            if name == "delete_message":
                raise EndpointConnectionError(endpoint_url="https://sqs")
            return getattr(sqs_client(), name)

    with monkeypatch.context() as patched:
        patched.setattr(operating, "sqs_client", Broken)
        with pytest.raises(EndpointConnectionError):
            redrive(Tier.BASIC)
    assert fresh(job).state == JobState.QUEUED
    change(job, state=JobState.SENT, sent_at=timezone.now())  # the dispatcher has sent it meanwhile
    assert redrive(Tier.BASIC).by_outcome == {REQUEUED: 1}
    assert redrive(Tier.BASIC).seen == 0
    assert fresh(job).state == JobState.QUEUED
