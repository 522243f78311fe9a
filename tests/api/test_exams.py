"""Exams over HTTP: make one, list them, show one."""

from __future__ import annotations

import pytest

from apps.exams.models import Exam, SheetLayout
from tests.api.answers import error_of, post
from tests.factories import World, client_of, make_exam

URL = "/api/v1/exams"


def test_a_new_exam_has_its_sheet(world: World) -> None:
    answer = post(
        client_of(world.hana.teacher),
        URL,
        {"title": "기말고사", "question_count": 3, "choice_count": 4, "number_digits": 5},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "title", "sheet_code", "course", "maker", "labels", "created_at"}
    assert (body["title"], body["maker"], body["labels"]) == ("기말고사", "own", ["q1", "q2", "q3"])
    with world.hana.acting():
        exam = Exam.objects.get(pk=body["id"])
        assert exam.created_by_id == world.hana.teacher.pk
        assert list(exam.questions.order_by("position").values_list("label", flat=True)) == ["q1", "q2", "q3"]


def test_exams_of_one_form_share_one_layout(world: World) -> None:
    client = client_of(world.hana.teacher)
    form = {"question_count": 7, "choice_count": 5, "number_digits": 6}
    codes = {post(client, URL, {"title": title, **form}).json()["sheet_code"] for title in ("가", "나", "다")}
    assert len(codes) == 3
    with world.hana.acting():
        assert SheetLayout.objects.filter(exams__sheet_code__in=codes).distinct().count() == 1


def test_the_same_form_in_two_academies_is_two_layouts(world: World) -> None:
    assert world.hana.exam.layout_id != world.duri.exam.layout_id
    assert world.hana.exam.layout.fingerprint == world.duri.exam.layout.fingerprint


def test_a_sheet_that_cannot_be_made_is_invalid(world: World, subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"title": ""}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": None}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": ["x"]}, "title"),
        ({"question_count": 0}, "question_count"),
        ({"question_count": 201}, "question_count"),
        ({"question_count": "many"}, "question_count"),
        ({"question_count": 2**70}, "question_count"),
        ({"question_count": 1.5}, "question_count"),
        ({"question_count": True}, "question_count"),
        ({"question_count": []}, "question_count"),
        ({"choice_count": 1}, "choice_count"),
        ({"choice_count": 11}, "choice_count"),
        ({"number_digits": 3}, "number_digits"),
        ({"number_digits": 13}, "number_digits"),
    ]
    for changes, attr in cases:
        with subtests.test(changes=changes, attr=attr):
            answer = post(client_of(world.hana.teacher), URL, {"title": "기말고사", "question_count": 20, **changes})
            assert error_of(answer, 400)["attr"] == attr
            with world.hana.acting():
                assert list(Exam.objects.all()) == [world.hana.exam]


def test_every_corner_of_what_is_allowed_can_be_made_and_printed(world: World, subtests: pytest.Subtests) -> None:
    cases: list[dict[str, int]] = [
        {"question_count": 1, "choice_count": 2, "number_digits": 4},
        {"question_count": 200, "choice_count": 10, "number_digits": 12},
        {"question_count": 200, "choice_count": 2, "number_digits": 4},
        {"question_count": 1, "choice_count": 10, "number_digits": 12},
    ]
    for form in cases:
        with subtests.test(form=form):
            client = client_of(world.hana.teacher)
            exam = post(client, URL, {"title": "기말고사", **form}).json()
            assert len(exam["labels"]) == form["question_count"]
            assert client.get(f"{URL}/{exam['id']}/sheet.pdf").content.startswith(b"%PDF-")


def test_the_newest_exam_comes_first_and_only_the_own(world: World) -> None:
    with world.hana.acting():
        new = make_exam("기말고사", created_by=world.hana.teacher)
    with world.duri.acting():
        make_exam("기말고사", created_by=world.duri.teacher)
    shown = [row["id"] for row in client_of(world.hana.teacher).get(URL).json()["results"]]
    assert shown == [new.pk, world.hana.exam.pk]


def test_one_exam_is_shown_as_in_the_list(world: World) -> None:
    client = client_of(world.hana.teacher)
    assert client.get(f"{URL}/{world.hana.exam.pk}").json() == client.get(URL).json()["results"][0]


def test_another_academys_exam_is_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign, missing = client.get(f"{URL}/{world.duri.exam.pk}"), client.get(f"{URL}/987654321")
    assert error_of(foreign, 404)["code"] == "not_found"
    assert foreign.content == missing.content


def test_an_assistant_sees_exams_and_makes_none(world: World) -> None:
    from apps.accounts.roles import Role

    client = client_of(world.hana.users[Role.ASSISTANT])
    assert client.get(URL).status_code == 200
    error_of(post(client, URL, {"title": "기말고사", "question_count": 20}), 403)
