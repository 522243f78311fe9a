"""One search over everything at the desk: what it finds for whom, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from tests.api.test_trail import recorded
from tests.factories import (
    World,
    client_of,
    make_assignment,
    make_course,
    make_lecture,
    make_student,
    make_user,
    make_worksheet,
)
from tests.factories.documents import make_document, make_page, record_page
from tests.factories.videos import make_video

SEARCH = "/admin/search/"
MAX_QUERIES = 10


def found(client: Client, query: str) -> str:
    """What the page shows below its field."""
    answer = client.get(SEARCH, {"q": query})
    assert answer.status_code == 200
    text = str(answer.content.decode())
    return text[text.rindex("desk-search") :]


@pytest.fixture
def named(world: World) -> World:
    """Things of both academies that are all called the same; in hana a course of nobody's, too."""
    for cast in (world.hana, world.duri):
        with cast.acting():
            kept = make_course("은하수 비밀반")
            make_student(name="은하수", course=cast.course)
            make_student(name="은하수 전학생", course=kept)
            make_user(Role.GUARDIAN, name="은하수 보호자", phone="010-8765-4321")
            make_course("은하수 심화반", teachers=[cast.teacher])
            make_worksheet(created_by=cast.teacher, title="은하수 연습")
            assignment = make_assignment(None, [cast.student], created_by=cast.teacher, course=cast.course)
            assignment.title = "은하수 숙제"
            assignment.save(update_fields=["title"])
            make_lecture(cast.course, created_by=cast.teacher, title="은하수 강의")
            make_lecture(kept, created_by=cast.owner, title="은하수 비밀 강의")
            make_video(created_by=cast.teacher, title="은하수 영상")
            document = make_document(created_by=cast.teacher, title="은하수 유인물")
            page = make_page(document)
            record_page(page, "견우와 직녀는 은하수 다리에서 만난다")
    return world


def test_an_owner_finds_every_kind_by_one_word(named: World) -> None:
    text = found(client_of(named.hana.owner), "은하수")
    for title in ("전학생", "보호자", "심화반", "비밀반", "연습", "숙제", "강의", "비밀 강의", "영상", "유인물"):
        assert f"은하수 {title}</strong>" in text
    assert "견우와 직녀" in text


def test_a_teacher_finds_what_their_lists_show_and_nothing_else(named: World) -> None:
    text = found(client_of(named.hana.teacher), "은하수")
    for title in ("심화반", "숙제", "강의", "영상", "유인물"):
        assert f"은하수 {title}</strong>" in text
    for title in ("전학생", "보호자", "비밀반", "비밀 강의"):
        assert f"은하수 {title}" not in text


def test_each_academy_finds_its_own(named: World) -> None:
    ours, theirs = named.hana, named.duri
    with ours.acting():
        make_student(name="오직 하나에만")
    assert "오직 하나에만" in found(client_of(ours.owner), "오직")
    assert "오직 하나에만" not in found(client_of(theirs.owner), "오직")


@pytest.mark.parametrize("query", ["87654321", "010-8765", "보호자", "은하 보호"])
def test_people_are_found_by_phone_and_by_pieces_of_their_name(named: World, query: str) -> None:
    text = found(client_of(named.hana.owner), query)
    assert "은하수 보호자</strong><small>보호자" in text


def test_students_are_found_by_number(named: World) -> None:
    student = named.hana.student
    assert f"{student.name}</strong><small>{student.number}" in found(client_of(named.hana.owner), student.number)


@pytest.mark.parametrize("query", ["없는 이름", "%", "_", "\x00", "<script>", "'", "가" * 500])
def test_what_nothing_is_called_is_said(named: World, query: str) -> None:
    text = found(client_of(named.hana.owner), query)
    assert "<strong>" not in text
    assert "<script>" not in text


def test_more_than_a_handful_leads_to_the_list(named: World) -> None:
    with named.hana.acting():
        for number in range(9):
            make_student(name=f"은하수{number}")
    assert "/admin/students/student/?q=%EC%9D%80%ED%95%98%EC%88%98" in found(client_of(named.hana.owner), "은하수")


def test_it_costs_the_same_statements_however_much_is_found(named: World, django_assert_max_num_queries: Any) -> None:
    client = client_of(named.hana.owner)
    with django_assert_max_num_queries(MAX_QUERIES):
        found(client, "은하수")
    with django_assert_max_num_queries(MAX_QUERIES):
        found(client, "하나 둘 셋 넷 다섯 여섯 일곱")


def test_the_trail_holds_which_people_were_shown(named: World) -> None:
    with recorded(named.hana) as entries:
        found(client_of(named.hana.owner), "은하수 전학생")
    [entry] = [one for one in entries if one.path == SEARCH]
    assert [subject.partition(":")[0] for subject in entry.subjects] == ["student"]


def test_families_have_no_search(named: World) -> None:
    assert client_of(named.hana.users[Role.STUDENT]).get(SEARCH).status_code == 404
