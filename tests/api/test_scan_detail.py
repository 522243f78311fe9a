"""One page: what was read, how sure, how it scores, and the picture of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from academy.jobs.models import Job, JobState
from academy.jobs.reasons import text_of
from tests.api.answers import error_of
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_batch, make_scan


def shown(cast: Cast, scan_id: int) -> Any:
    answer = client_of(cast.teacher).get(f"/api/v1/scans/{scan_id}")
    assert answer.status_code == 200
    return answer.json()


def test_a_read_page_shows_answers_with_status_confidence_and_outcome(world: World) -> None:
    body = shown(world.hana, world.hana.scan.pk)
    answers = {row["label"]: row for row in body["answers"]}
    assert len(answers) == 20
    assert answers["q1"] == {
        "label": "q1",
        "values": ["1"],
        "status": "ok",
        "confidence": 0.99,
        "outcome": "right",
    }
    assert [answers[label]["outcome"] for label in ("q1", "q2", "q3", "q4")] == ["right", "wrong", "blank", "no_key"]
    assert (body["points"], body["max_points"], body["unsure_count"]) == ("1.00", "3.00", 0)
    assert body["student"] == {
        "id": world.hana.student.pk,
        "number": world.hana.student.number,
        "name": world.hana.student.name,
    }
    assert (body["match"], body["page"], body["is_sheet_confirmed"]) == ("matched", 1, True)


def test_an_unread_page_has_null_not_empty_and_not_zero(world: World) -> None:
    with world.hana.acting():
        scan = make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher))
    body = shown(world.hana, scan.pk)
    nulls = ("answers", "overlay_url", "points", "max_points", "unsure_count", "student", "page", "read_at")
    assert {name: body[name] for name in nulls} == dict.fromkeys(nulls)
    assert (body["state"], body["match"], body["number_read"]) == ("queued", "pending", "")


def test_a_failed_page_says_why(world: World) -> None:
    with world.hana.acting():
        scan = make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher))
        Job.objects.filter(pk=job_id_of(scan)).update(
            state=JobState.FAILED, error_code="blurred", error_message="The picture is blurred."
        )
    body = shown(world.hana, scan.pk)
    assert (body["state"], body["error_code"], body["error_message"]) == (
        "failed",
        "blurred",
        text_of("blurred"),
    )
    assert body["answers"] is None


def test_the_overlay_link_is_signed_for_five_minutes_under_the_academys_prefix(world: World) -> None:
    for cast in (world.hana, world.duri):
        link = urlsplit(shown(cast, cast.scan.pk)["overlay_url"])
        assert link.path.startswith(f"/{settings.MEDIA_BUCKET}/t/{cast.tenant.pk}/overlays/{cast.scan.pk}/")
        query = parse_qs(link.query)
        assert query["X-Amz-Expires"] == ["300"]
        assert query["X-Amz-Signature"]
        assert query["X-Amz-SignedHeaders"] == ["host"]


def test_the_list_shows_the_same_without_answers(world: World) -> None:
    client = client_of(world.hana.teacher)
    (row,) = client.get(f"/api/v1/exams/{world.hana.exam.pk}/scans").json()["results"]
    detail = shown(world.hana, world.hana.scan.pk)
    more = {"answers", "essays", "version", "corrections", "overlay_url"}
    assert row == {name: value for name, value in detail.items() if name not in more}


def test_another_academys_scan_is_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign, missing = client.get(f"/api/v1/scans/{world.duri.scan.pk}"), client.get("/api/v1/scans/987654321")
    assert error_of(foreign, 404)["code"] == "not_found"
    assert foreign.content == missing.content


def test_the_scans_of_another_academys_exam_are_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    error_of(client.get(f"/api/v1/exams/{world.duri.exam.pk}/scans"), 404)
