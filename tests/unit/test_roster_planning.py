"""What a list of students would do, row by row, told before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import time_machine
from django.utils import translation

from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role
from apps.rosters.admin.rosters import _FIELDS
from apps.rosters.fields import Field, birth_year_in, columns_of, field_of, header_line, number_in, phone_in
from apps.rosters.planning import Known, Now, RowPlan, Verdict, plan_rows

HANA = Now(1, "240101", "김하나", 2010, "+821011110001", False)
MUM = "+821011110002"


def plan(known: Known, header: str, *rows: str) -> list[RowPlan]:
    columns = columns_of(header.split("|"))
    return plan_rows([(line, row.split("|")) for line, row in enumerate(rows, start=2)], columns, known)


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("번호", Field.NUMBER),
        ("수험번호", Field.NUMBER),
        ("학생 번호", Field.NUMBER),
        ("Student No.", Field.NUMBER),
        ("이름", Field.NAME),
        ("성 명", Field.NAME),
        ("학부모 전화", Field.GUARDIAN_PHONE),
        ("보호자 연락처 (필수)", Field.GUARDIAN_PHONE),
        ("학부모H.P", Field.GUARDIAN_PHONE),
        ("전화", Field.PHONE),
        ("학생 휴대폰", Field.PHONE),
        ("반", Field.COURSE),
        ("수업명", Field.COURSE),
        ("생년월일", Field.BIRTH_YEAR),
        ("비고", None),
        ("", None),
    ],
)
def test_headings_are_known_as_people_write_them(heading: str, field: Field | None) -> None:
    assert field_of(heading) == field


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_file_to_fill_in_is_understood_when_it_comes_back(language: str) -> None:
    with translation.override(language):
        assert columns_of([str(words) for words in _FIELDS.values()]) == [name.value for name in _FIELDS]


def test_the_heading_is_found_below_a_title_and_a_list_may_have_none() -> None:
    rows: Sequence[tuple[int, list[str]]] = [(1, ["2026년 명단"]), (3, ["번호", "이름"]), (4, ["1", "이름"])]
    assert header_line(rows) == 1
    assert header_line([(1, ["240101", "김하나"])]) is None
    assert columns_of(["이름", "성명", "번호"]) == ["name", "", "number"]


@pytest.mark.parametrize("text", ["010-1234-5678", "01012345678", "1012345678", "+82 10 1234 5678", "010.1234.5678"])
def test_a_phone_is_taken_as_people_and_spreadsheets_write_it(text: str) -> None:
    assert phone_in(text) == "+821012345678"


@pytest.mark.parametrize("text", ["010-1234-567", "12345", "없음", "010-1234-56789", "240101"])
def test_what_is_no_phone_is_none(text: str) -> None:
    assert phone_in(text) is None


def test_the_short_way_to_a_phone_agrees_with_the_long_one() -> None:
    for second in "0123456789":
        for rest in ("0000000", "1234567", "9999999"):
            text = f"010{second}{rest}"
            assert phone_in(text) == parse_phone(text), text


@time_machine.travel("2026-11-21", tick=False)
@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2012", 2012),
        ("2012년생", 2012),
        ("2012-03-04", 2012),
        ("20120304", 2012),
        ("120304", 2012),
        ("990304", 1999),
        ("40972", 2012),
        ("2030", None),
        ("12", None),
        ("모름", None),
        ("1899", None),
    ],
)
def test_a_year_of_birth_is_understood(text: str, year: int | None) -> None:
    assert birth_year_in(text) == year


def test_numbers_are_digits_and_capitals() -> None:
    assert [number_in(text) for text in ("24-0101", "ab 12", "가1", "1" * 21)] == ["240101", "AB12", None, None]


def test_rows_are_new_changed_or_the_same() -> None:
    known = Known(students=[HANA], guardianships=frozenset({(1, MUM)}), roles={MUM: Role.GUARDIAN})
    rows = plan(
        known,
        "번호|이름|학부모 전화",
        "240101|김하나|010-1111-0002",
        "240102|이두리|010-1111-0002",
        "240101 |김한나|",
    )
    assert [row.verdict for row in rows[:2]] == [Verdict.SAME, Verdict.NEW]
    assert rows[1].changes == ["보호자: 010-1111-0002"]
    assert rows[2].problems == ["2행에 같은 학생 번호가 있습니다."]
    [changed] = plan(known, "번호|이름|학부모 전화", "240101|김한나|010-1111-0003")
    assert changed.verdict is Verdict.CHANGED
    assert changed.changes == ["이름: 김하나 → 김한나", "보호자: 010-1111-0003"]


def test_a_student_is_known_by_phone_where_the_list_has_no_numbers() -> None:
    known = Known(students=[HANA], roles={HANA.phone: Role.STUDENT})
    rows = plan(known, "이름|전화", "김하나|010-1111-0001", "새사람|010-1111-0009")
    assert (rows[0].verdict, rows[0].number) == (Verdict.SAME, "240101")
    assert rows[1].problems == ["학생 번호가 없습니다."]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("240102||||", "이름이 없습니다."),
        (f"240102|{'가' * 81}|||", "이름이 너무 깁니다."),
        ("가나다|이두리|||", "학생 번호는 숫자"),
        ("240102|이두리|010-12||", "학생 전화번호가 올바르지 않습니다: 010-12"),
        ("240102|이두리||12|", "보호자 전화번호가 올바르지 않습니다: 12"),
        ("240102|이두리|010-1111-0001||", "학생 전화번호를 다른 사람이 쓰고 있습니다."),
        ("240102|이두리|010-1111-0007||", "학생 전화번호를 다른 사람이 쓰고 있습니다."),
        ("240102|이두리||010-1111-0007|", "보호자가 아닌 다른 사람이"),
        ("240102|이두리|010-1111-0008|01011110008|", "학생과 보호자의 전화번호가 같습니다."),
        ("240102|이두리|||없는 반", "없는 강좌입니다: 없는 반"),
        ("240102|이두리|||두 반", "이름이 같은 강좌가 여러 개입니다: 두 반"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(row: str, problem: str) -> None:
    known = Known(students=[HANA], roles={"+821011110007": Role.TEACHER}, courses={"두 반": [1, 2]})
    [found] = plan(known, "번호|이름|학생 전화|학부모 전화|반", row)
    assert found.verdict is Verdict.WRONG
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_a_phone_of_a_student_is_no_guardians_in_the_same_list() -> None:
    rows = plan(
        Known(),
        "번호|이름|출생연도|학생 전화|학부모 전화",
        "1|하나|2000|010-2222-0001|010-2222-0002",
        "2|두리|2000|010-2222-0002|",
        "3|세나|2000||010-2222-0001",
        "4|네나|2000||010-2222-0002",
    )
    assert [row.verdict for row in rows] == [Verdict.NEW, Verdict.WRONG, Verdict.WRONG, Verdict.NEW]


def test_who_may_be_under_14_gets_no_account_before_a_guardian_consents() -> None:
    rows = plan(Known(), "번호|이름|생년|전화", "1|하나|2020|010-2222-0001", "2|두리|2000|010-2222-0002")
    assert rows[0].notes
    assert not rows[0].phone
    assert rows[1].changes == ["학생 계정: 010-2222-0002"]


def test_courses_are_named_whole_or_one_after_the_other() -> None:
    known = Known(students=[HANA], courses={"수학/영어": [1], "수학": [2], "영어": [3]}, enrolments=frozenset({(1, 2)}))
    rows = plan(known, "번호|반", "240101|수학/영어", "240101|수학, 영어")
    assert rows[0].course_ids == [1]
    assert plan(known, "번호|반", "240101|수학, 영어")[0].course_ids == [3]
