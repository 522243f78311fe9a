"""Homework over HTTP: hand in one's own, see what was read, and never another's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from academy.storage import s3
from academy.storage.models import Upload
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.homework.models import Assignee, Submission
from tests.api.answers import error_of, post
from tests.factories import (
    Cast,
    World,
    client_of,
    make_assignment,
    make_guardianship,
    make_student,
    make_submission,
    make_upload,
    make_user,
    record_homework,
)

pytestmark = pytest.mark.usefixtures("aws")


def sent(cast: Cast, by: User, content_type: str = "image/jpeg") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=by, content_type=content_type)
        s3.write_object(upload.key, b"photo", content_type=content_type)
    return upload


def hand_in(client: Client, cast: Cast, *uploads: int) -> Any:
    return post(client, f"/api/v1/me/homework/{cast.assignment.pk}/submissions", {"uploads": list(uploads)})


@pytest.mark.parametrize("role", [Role.STUDENT, Role.GUARDIAN])
def test_families_hand_in_their_own_homework(world: World, role: Role) -> None:
    user = world.hana.users[role]
    upload = sent(world.hana, user)
    answer = hand_in(client_of(user), world.hana, upload.pk)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["student"], body["state"]) == (world.hana.student.pk, "queued")
    assert body["counts"] == dict.fromkeys(("problems", "attempted", "blank", "unsure", "unmatched"))


def test_a_hand_in_begun_for_one_child_is_theirs_although_another_is_chosen_meanwhile(world: World) -> None:
    cast, guardian = world.hana, world.hana.users[Role.GUARDIAN]
    with cast.acting():
        sister = make_student("240998")
        make_guardianship(guardian, sister)
        Assignee(assignment=cast.assignment, student=sister).save()
    client = client_of(guardian)
    client.put("/api/v1/me/child", {"student": cast.student.pk}, content_type="application/json")
    upload = sent(cast, guardian)
    url = f"/api/v1/me/homework/{cast.assignment.pk}/submissions"
    answer = post(client, url, {"uploads": [upload.pk], "student": sister.pk})
    assert (answer.status_code, answer.json()["student"]) == (202, sister.pk)


@pytest.mark.parametrize("role", [Role.STUDENT, Role.GUARDIAN])
@pytest.mark.parametrize("academy", ["hana", "duri"])
def test_nobody_hands_in_for_a_student_who_is_not_theirs(world: World, role: Role, academy: str) -> None:
    cast, owner = world.hana, getattr(world, academy)
    with owner.acting():
        other = make_student("240997").pk
        if owner is cast:
            Assignee(assignment=cast.assignment, student_id=other).save()
    user = cast.users[role]
    url = f"/api/v1/me/homework/{cast.assignment.pk}/submissions"
    error_of(post(client_of(user), url, {"uploads": [sent(cast, user).pk], "student": other}), 404)


def test_another_persons_photo_is_not_ones_own_homework(world: World) -> None:
    upload = sent(world.hana, world.hana.users[Role.GUARDIAN])
    error_of(hand_in(client_of(world.hana.users[Role.STUDENT]), world.hana, upload.pk), 404)
    with world.hana.acting():
        assert Submission.objects.count() == 1


def test_one_photo_is_handed_in_once(world: World) -> None:
    student = world.hana.users[Role.STUDENT]
    upload = sent(world.hana, student)
    answer = hand_in(client_of(student), world.hana, upload.pk, upload.pk)
    assert error_of(answer, 409)["code"] == "upload_used"
    with world.hana.acting():
        assert Submission.objects.count() == 1


def test_a_template_is_no_homework(world: World) -> None:
    student = world.hana.users[Role.STUDENT]
    upload = sent(world.hana, student, "application/json")
    assert error_of(hand_in(client_of(student), world.hana, upload.pk), 400)["attr"] == "upload"


def test_homework_of_somebody_else_is_missing_for_a_student(world: World) -> None:
    cast = world.hana
    with cast.acting():
        other = make_student("240999")
        assignment = make_assignment(cast.worksheet, [other], created_by=cast.teacher)
        submission = make_submission(assignment, other, created_by=cast.teacher)
        record_homework(submission)
    client = client_of(cast.users[Role.STUDENT])
    upload = sent(cast, cast.users[Role.STUDENT])
    url = f"/api/v1/me/homework/{assignment.pk}/submissions"
    error_of(post(client, url, {"uploads": [upload.pk]}), 404)
    error_of(client.get(f"/api/v1/me/submissions/{submission.pk}"), 404)
    assert {row["assignment"] for row in client.get("/api/v1/me/homework").json()} == {cast.assignment.pk}


def test_a_hand_in_shows_verdicts_their_evidence_and_pictures(world: World) -> None:
    answer = client_of(world.hana.teacher).get(f"/api/v1/submissions/{world.hana.submission.pk}")
    body = answer.json()
    assert body["counts"] == {"problems": 3, "attempted": 1, "blank": 1, "unsure": 1, "unmatched": 0}
    (page,) = body["pages"]
    assert (page["worksheet_page"], page["is_registered"], page["is_matched"], page["is_copy"]) == (
        1,
        True,
        True,
        False,
    )
    assert [problem["verdict"] for problem in page["problems"]] == ["attempted", "blank", "unsure"]
    assert page["problems"][0]["ink_mm2"] == 12.5
    assert f"t/{world.hana.tenant.pk}/homework/" in page["problems"][0]["url"]


def test_the_same_photo_from_two_students_is_seen(world: World) -> None:
    cast = world.hana
    with cast.acting():
        other = make_student("240998")
        cast.assignment.assignees.create(student=other)
        twin = make_submission(cast.assignment, other, created_by=cast.teacher)
        record_homework(twin)
        for submission in (twin, cast.submission):
            submission.files.update(digest="ab" * 32)
    page = client_of(cast.teacher).get(f"/api/v1/submissions/{twin.pk}").json()["pages"][0]
    assert page["is_copy"] is True


def test_a_correction_is_shown_beside_what_was_read(world: World) -> None:
    client = client_of(world.hana.users[Role.ASSISTANT])
    url = f"/api/v1/page-readings/{world.hana.page_reading.pk}/corrections"
    answer = client.put(url, {"verdicts": {"3": "attempted"}}, content_type="application/json")
    third = answer.json()["problems"][2]
    assert (third["verdict"], third["read"], third["is_corrected"]) == ("attempted", "unsure", True)
    refused = client.put(url, {"verdicts": {"99": "attempted"}}, content_type="application/json")
    assert error_of(refused, 400)["attr"] == "verdicts"
    refused = client.put(url, {"verdicts": {"3": "perhaps"}}, content_type="application/json")
    assert refused.status_code == 400


def test_who_has_handed_in_nothing_is_listed(world: World) -> None:
    cast = world.hana
    with cast.acting():
        late = make_student("240997", user=make_user(Role.STUDENT))
        cast.assignment.assignees.create(student=late)
    client = client_of(cast.teacher)
    assert [row["number"] for row in client.get(f"/api/v1/homework/{cast.assignment.pk}/missing").json()] == ["240997"]
    rows = client.get(f"/api/v1/homework/{cast.assignment.pk}").json()
    assert [(row["number"], row["submission"] is None) for row in rows] == [("240101", False), ("240997", True)]
    over_time = client.get(f"/api/v1/students/{cast.student.pk}/homework").json()
    assert [row["submission"]["counts"]["attempted"] for row in over_time] == [1]


@pytest.mark.parametrize(
    "region",
    [
        {"label": "1", "x": 200, "y": 10, "width": 50, "height": 50},
        {"label": "1", "x": 10, "y": 10, "width": 1, "height": 50},
        {"label": "", "x": 10, "y": 10, "width": 20, "height": 50},
    ],
)
def test_a_region_that_is_not_on_the_paper_is_refused(world: World, region: dict[str, Any]) -> None:
    url = f"/api/v1/worksheet-pages/{world.hana.worksheet_page.pk}/regions"
    client = client_of(world.hana.teacher)
    assert client.put(url, {"regions": [region]}, content_type="application/json").status_code == 400
    assert client.get(f"/api/v1/worksheets/{world.hana.worksheet.pk}").json()["pages"][0]["is_edited"] is False


def test_homework_is_given_on_a_registered_worksheet_only(world: World) -> None:
    client = client_of(world.hana.teacher)
    upload = sent(world.hana, world.hana.teacher, "application/pdf")
    worksheet = post(client, "/api/v1/worksheets", {"title": "새 학습지", "upload": upload.pk}).json()
    wish = {"title": "숙제", "worksheet": worksheet["id"], "due_at": "2030-01-01T00:00:00Z"}
    assert error_of(post(client, "/api/v1/homework", wish), 409)["code"] == "worksheet_not_ready"
