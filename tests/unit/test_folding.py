"""Texts as they are compared in a search: folded, signed, shown with what was found in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.documents.folding import SIGNATURE_BITS, SNIPPET_CHARACTERS, folded, signature, snippet_of, terms_of


def holds(page: str, query: str) -> bool:
    """As the column's lookup compares."""
    return all(ours == "1" for ours, asked in zip(page, query, strict=True) if asked == "1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("이차 함수의\n그래프", "이차함수의그래프"),
        ("The  Quick\tFox", "the quick fox"),
        ("DNA의 구조", "dna의구조"),
        ("ＡＢＣ １２３", "abc 123"),
        ("①번", "1번"),
        ("제3 장 I", "제3 장 i"),
        ("a\x00b", "ab"),
        ("", ""),
    ],
)
def test_case_width_and_korean_spacing_do_not_count(text: str, expected: str) -> None:
    assert folded(text) == expected


def test_the_words_of_a_query_stay_apart_however_korean() -> None:
    assert terms_of("이차 함수  그래프 함수") == ["이차", "함수", "그래프"]
    assert terms_of(" \n ") == []
    assert terms_of("a | b") == ["a", "b"]


@given(st.text(max_size=200), st.integers(0, 190), st.integers(1, 10))
def test_a_page_is_never_passed_over_by_its_signature(text: str, start: int, length: int) -> None:
    page = folded(text)
    part = page[start : start + length]
    assert holds(signature(page), signature(part))


def test_most_other_pages_are_passed_over() -> None:
    pages = [signature(folded(f"문항 {number}: 조선 후기의 상품 화폐 경제")) for number in range(50)]
    assert sum(holds(page, signature("미토콘드리아")) for page in pages) == 0
    assert all(len(page) == SIGNATURE_BITS for page in pages)


def marked(text: str, query: str) -> list[str]:
    found = snippet_of(text, terms_of(query))
    assert all(0 <= start < end <= len(found.text) for start, end in found.highlights)
    return [found.text[start:end] for start, end in found.highlights]


def test_what_was_found_is_marked_where_it_stands() -> None:
    assert marked("밑줄 친 이차 함수의 값", "이차함수") == ["이차 함수"]
    assert marked("The DNA of dna", "dna") == ["DNA", "dna"]
    assert marked("가나다라", "나다 다라") == ["나다라"]
    assert marked("ﬁnal", "final") == ["ﬁnal"]


def test_a_snippet_begins_near_what_was_found() -> None:
    text = "앞" * 500 + " 미토콘드리아 " + "뒤" * 500
    found = snippet_of(text, ["미토콘드리아"])
    assert len(found.text) <= SNIPPET_CHARACTERS
    assert marked(text, "미토콘드리아") == ["미토콘드리아"]


def test_markup_of_a_page_stays_text() -> None:
    assert snippet_of("<script>alert(1)</script>", ["alert"]).text == "<script>alert(1)</script>"


@given(st.text(max_size=300), st.text(min_size=1, max_size=5))
def test_any_text_gives_a_snippet(text: str, query: str) -> None:
    found = snippet_of(text, terms_of(query))
    assert len(found.text) <= SNIPPET_CHARACTERS
    assert all(0 <= start < end <= len(found.text) for start, end in found.highlights)


@given(st.text(max_size=120))
def test_places_of_a_snippet_follow_the_folding(text: str) -> None:
    """Whatever of the folded text is looked for, it is found again in the piece letter by letter."""
    from apps.documents.folding import _folded_with_places

    plain, places = _folded_with_places(text)
    assert len(plain) == len(places)
    assert all(0 <= place < len(text) for place in places)
