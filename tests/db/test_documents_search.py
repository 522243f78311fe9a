"""Searching an academy's pages: what is found, in which order, whose, and by which index."""

from __future__ import annotations

import pytest
from django.db import connection

from academy.tenancy.statements import StatementGuard
from apps.documents.folding import folded, signature
from apps.documents.models import Document, Kind, Page
from apps.documents.queries import MAX_HITS, search_pages
from tests.factories import Cast, World, make_document, make_page, record_page


@pytest.fixture
def hana(world: World) -> Cast:
    with world.hana.acting():
        Page.objects.all().delete()
    return world.hana


def new_page(cast: Cast, text: str, *, kind: Kind = Kind.HANDOUT) -> int:
    with cast.acting():
        return int(record_page(make_page(make_document(kind=kind, created_by=cast.teacher)), text).pk)


def found(cast: Cast, query: str, kind: str | None = None) -> list[int]:
    with cast.acting():
        return [hit.page_id for hit in search_pages(query, kind=kind)]


def test_two_korean_letters_are_enough(hana: Cast) -> None:
    page = new_page(hana, "지구의 자전축은 기울어져 있다.")
    new_page(hana, "조선 후기의 경제")
    assert found(hana, "자전") == [page]
    assert found(hana, "전자") == []


def test_one_letter_is_enough_too(hana: Cast) -> None:
    page = new_page(hana, "답을 쓰시오")
    assert found(hana, "답") == [page]


def test_spacing_case_and_width_do_not_matter(hana: Cast) -> None:
    page = new_page(hana, "이차 함수와\nDNA의 구조")
    for query in ("이차함수", "이차 함수", "dna", "ＤＮＡ", "DNA 이차"):
        assert found(hana, query) == [page], query


def test_every_word_has_to_be_there(hana: Cast) -> None:
    both = new_page(hana, "함수의 극한")
    new_page(hana, "함수의 연속")
    assert found(hana, "극한 함수") == [both]


def test_who_says_it_most_comes_first_and_then_the_newest(hana: Cast) -> None:
    once = new_page(hana, "확률을 구하시오. " + "다른 말. " * 40)
    often = new_page(hana, "확률과 확률의 확률. " + "다른 말. " * 40)
    again = new_page(hana, "확률을 구하시오. " + "다른 말. " * 40)
    assert found(hana, "확률") == [often, again, once]


def test_a_kind_narrows(hana: Cast) -> None:
    new_page(hana, "확률")
    paper = new_page(hana, "확률", kind=Kind.EXAM_PAPER)
    assert found(hana, "확률", "exam_paper") == [paper]


def test_signs_of_sql_and_patterns_are_letters(hana: Cast) -> None:
    page = new_page(hana, "100% 할인_가 \\ 'x'")
    assert found(hana, "100%") == [page]
    for query in ("%", "_", "\\", "'x'"):
        assert found(hana, query) == [page], query
    assert found(hana, "1%0") == []


def test_nothing_is_found_for_nothing(hana: Cast) -> None:
    new_page(hana, "확률")
    assert found(hana, "   ") == []


def test_no_more_hits_than_a_person_reads(hana: Cast) -> None:
    with hana.acting():
        document = make_document(created_by=hana.teacher)
        plain = folded("확률")
        Page.objects.bulk_create(
            Page(
                document=document, position=place, source_key="x", text="확률", folded=plain, signature=signature(plain)
            )
            for place in range(1, MAX_HITS + 20)
        )
    assert len(found(hana, "확률")) == MAX_HITS


def test_another_academys_page_is_never_found(world: World, hana: Cast) -> None:
    mine, other = new_page(hana, "미토콘드리아"), new_page(world.duri, "미토콘드리아")
    assert found(hana, "미토콘드리아") == [mine]
    assert found(world.duri, "미토콘드리아") == [other]


def test_the_search_is_led_by_the_academy_as_the_applications_role(
    world: World, hana: Cast, statement_guard: StatementGuard
) -> None:
    """Under row-level security: the academy's rows by an index, and the signature before the text."""
    plain = folded("지구의 자전축은 공전 궤도면에 대하여 기울어져 있다. " * 8)
    for cast, count in ((world.duri, 3000), (hana, 60)):
        with cast.acting():
            document: Document = make_document(created_by=cast.teacher)
            Page.objects.bulk_create(
                Page(document=document, position=n, source_key="x", folded=plain, signature=signature(plain))
                for n in range(1, count + 1)
            )
    with hana.acting(), connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
        pages = Page.objects.filter(signature__holds=signature("미토콘드리아"), folded__contains="미토콘드리아")
        with statement_guard.suspended():  # which takes no EXPLAIN
            plan = pages.explain(analyze=True)
    assert "Index" in plan, plan
    assert "Index Cond: (tenant_id =" in plan or "AND (tenant_id =" in plan, plan
    assert "Seq Scan on documents_page" not in plan, plan
