"""Phone numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.phones import parse_phone


@pytest.mark.parametrize(
    "written",
    [
        "01012345678",
        "010-1234-5678",
        "010 1234 5678",
        "010.1234.5678",
        "(010) 1234-5678",
        " 010-1234-5678 ",
        "+82 10-1234-5678",
        "+821012345678",
        "+82 010 1234 5678",
        "０１０-１２３４-５６７８",
    ],
)
def test_every_way_of_writing_it_is_the_same_number(written: str) -> None:
    assert parse_phone(written) == "+821012345678"


def test_a_number_of_another_country_keeps_its_country() -> None:
    assert parse_phone("+1 202-456-1414") == "+12024561414"


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "010",
        "010-1234-567890123",
        "010-123-4567",
        "+999 1234 5678",
        "hana",
        "\x00",
        "\ud800",
        "-",
        "112",
        "0" * 500,
    ],
)
def test_what_is_no_number_is_none(written: str) -> None:
    assert parse_phone(written) is None


@given(st.text(max_size=300))
def test_no_text_raises(written: str) -> None:
    parse_phone(written)


@given(st.integers(min_value=0, max_value=99_999_999))
def test_parsing_twice_changes_nothing(rest: int) -> None:
    number = parse_phone(f"010{rest:08}")
    if number is not None:
        assert parse_phone(number) == number
