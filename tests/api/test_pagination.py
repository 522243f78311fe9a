"""Keyset pagination: every list is walked whole, each row once, whatever is added meanwhile."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.test import Client

from tests.api.answers import error_of
from tests.factories import World, client_of, make_batch, make_exam, make_scan, make_student

STUDENTS = "/api/v1/students"


def walk(client: Client, url: str) -> list[list[int]]:
    pages, next_url = [], url
    while next_url:
        body = client.get(next_url).json()
        assert set(body) == {"next", "previous", "results"}
        pages.append([row["id"] for row in body["results"]])
        next_url = body["next"]
    return pages


def test_each_student_comes_once_newest_first(world: World) -> None:
    with world.hana.acting():
        ids = [world.hana.student.pk, *(make_student(course=world.hana.course).pk for _ in range(6))]
    pages = walk(client_of(world.hana.teacher), f"{STUDENTS}?page_size=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [pk for page in pages for pk in page] == ids[::-1]


def test_each_exam_comes_once(world: World) -> None:
    with world.hana.acting():
        for _ in range(4):
            make_exam(created_by=world.hana.teacher)
    pages = walk(client_of(world.hana.teacher), "/api/v1/exams?page_size=2")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({pk for page in pages for pk in page}) == 5


def test_each_scan_of_the_exam_comes_once(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, created_by=world.hana.teacher, page_count=4)
        for index in range(4):
            make_scan(batch, page_index=index)
        make_scan(make_batch(created_by=world.hana.teacher))  # of another exam
    pages = walk(client_of(world.hana.teacher), f"/api/v1/exams/{world.hana.exam.pk}/scans?page_size=2")
    assert [len(page) for page in pages] == [2, 2, 1]


def test_a_row_that_is_added_meanwhile_moves_no_other(world: World) -> None:
    with world.hana.acting():
        ids = [make_student(course=world.hana.course).pk for _ in range(3)]
    client = client_of(world.hana.teacher)
    first = client.get(f"{STUDENTS}?page_size=2").json()
    with world.hana.acting():
        make_student(course=world.hana.course)
    second = client.get(first["next"]).json()
    assert [row["id"] for row in second["results"]] == [ids[0], world.hana.student.pk]
    back = client.get(second["previous"]).json()
    assert [row["id"] for row in back["results"]] == [ids[2], ids[1]]


def test_the_links_stay_on_the_academys_host(world: World) -> None:
    with world.hana.acting():
        make_student(course=world.hana.course)
    body = client_of(world.hana.teacher).get(f"{STUDENTS}?page_size=1").json()
    assert body["next"].startswith(f"http://{world.hana.host}{STUDENTS}?")


def test_a_page_holds_at_most_200_rows(world: World) -> None:
    from academy.http.pagination import NewestFirst

    assert NewestFirst.max_page_size == 200
    for size in ("0", "-1", "many", "", "1e9", "99999999999999999999999"):
        assert client_of(world.hana.teacher).get(STUDENTS, {"page_size": size}).status_code == 200


def test_a_cursor_that_is_none_of_ours_is_not_found(world: World, subtests: pytest.Subtests) -> None:
    cases: list[str] = [
        "x",
        "한글",
        "\x00",
        b64encode(b"p=abc").decode(),
        b64encode(b"p=1.5").decode(),
        b64encode(b"p=").decode(),
        b64encode(b"p=%00").decode(),
        b64encode(b"p=-1").decode(),
        b64encode(b"p=" + b"9" * 25).decode(),
        b64encode(b"p=" + b"9" * 5000).decode(),
        b64encode(b"p=1&o=abc").decode(),
        b64encode(b"p=1&o=-1").decode(),
        b64encode(b"p=1&r=x").decode(),
        b64encode(b"\xff\xfe").decode(),
        "A" * 7,
    ]
    for cursor in cases:
        with subtests.test(cursor=cursor):
            error = error_of(client_of(world.hana.teacher).get(STUDENTS, {"cursor": cursor}), 404)
            assert error["code"] == "not_found"


def test_a_cursor_of_another_academy_opens_nothing_of_it(world: World) -> None:
    with world.duri.acting():
        for _ in range(3):
            make_student(course=world.duri.course)
    cursor = client_of(world.duri.teacher).get(f"{STUDENTS}?page_size=1").json()["next"].split("?")[1]
    shown = client_of(world.hana.teacher).get(f"{STUDENTS}?{cursor}").json()["results"]
    assert {row["id"] for row in shown} <= {world.hana.student.pk}
