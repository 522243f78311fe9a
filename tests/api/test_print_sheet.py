"""The printable answer sheet."""

from __future__ import annotations

import pypdfium2
import pytest
from django.test import Client

from tests.api.answers import error_of, post
from tests.factories import World, client_of, make_student


def text_of(pdf: bytes) -> list[str]:
    """The text of each page, without white space: fonts space Hangul as they like."""
    with pypdfium2.PdfDocument(pdf) as document:
        return ["".join(page.get_textpage().get_text_range().split()) for page in document]


def url_of(world: World) -> str:
    return f"/api/v1/exams/{world.hana.exam.pk}/sheet.pdf"


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def test_the_sheet_is_a_pdf_of_the_own_academy(world: World, teacher: Client) -> None:
    answer = teacher.get(url_of(world))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="sheet-{world.hana.exam.pk}.pdf"'
    assert answer["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    (page,) = text_of(answer.content)
    assert "하나수학" in page
    assert "중간고사" in page
    assert world.hana.exam.sheet_code in page


def test_the_sheet_says_nothing_of_others(world: World, teacher: Client) -> None:
    with world.duri.acting():
        make_student("999001", name="최두리")
    for url in (url_of(world), url_of(world) + "?prefilled=1"):
        answer = teacher.get(url)
        text = "".join(text_of(answer.content))
        assert "두리" not in text
        assert world.duri.exam.sheet_code not in text
        assert world.duri.exam.sheet_code.encode() not in answer.content


def test_a_blank_sheet_names_no_student(world: World, teacher: Client) -> None:
    assert world.hana.student.name not in "".join(text_of(teacher.get(url_of(world)).content))


def test_prefilled_sheets_are_one_per_student_by_number(world: World, teacher: Client) -> None:
    with world.hana.acting():
        make_student("240300", name="박셋째", course=world.hana.course)
        make_student("240200", name="최둘째", course=world.hana.course)
        make_student("12", name="정짧은", course=world.hana.course)  # a number that the sheet has no room for
    pages = text_of(teacher.get(url_of(world) + "?prefilled=1").content)
    assert len(pages) == 3
    for page, name, number in zip(
        pages, [world.hana.student.name, "최둘째", "박셋째"], ["240101", "240200", "240300"], strict=True
    ):
        assert name in page
        assert number in page


def test_other_values_of_prefilled_mean_blank(world: World, teacher: Client) -> None:
    for value in ("0", "", "yes", "\x00"):
        assert len(text_of(teacher.get(url_of(world), {"prefilled": value}).content)) == 1


def test_the_sheet_comes_whatever_the_client_accepts(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["application/pdf", "text/html", "image/*", "nonsense"]
    for accept in cases:
        with subtests.test(accept=accept):
            assert teacher.get(url_of(world), HTTP_ACCEPT=accept).status_code == 200


def test_an_error_is_the_envelope_also_for_who_accepts_pdf(world: World, teacher: Client) -> None:
    error_of(teacher.get("/api/v1/exams/987654321/sheet.pdf", HTTP_ACCEPT="application/pdf"), 404)


def test_no_title_breaks_the_sheet(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["x" * 120, "가" * 120, "<b>&amp;</b>", "중간\t고사", "시험 🎉", "a\u202eb", "()\\"]
    for title in cases:
        with subtests.test(title=title):
            exam = post(teacher, "/api/v1/exams", {"title": title, "question_count": 5}).json()
            answer = teacher.get(f"/api/v1/exams/{exam['id']}/sheet.pdf")
            assert answer.status_code == 200
            assert len(text_of(answer.content)) == 1


def test_another_academys_sheet_is_missing(world: World, teacher: Client) -> None:
    foreign = teacher.get(f"/api/v1/exams/{world.duri.exam.pk}/sheet.pdf")
    assert error_of(foreign, 404) == error_of(teacher.get("/api/v1/exams/987654321/sheet.pdf"), 404)
