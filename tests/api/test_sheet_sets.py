"""Sheets for a class: ordered over HTTP, printed by a job, each student's with a code of their own."""

from __future__ import annotations

import pypdfium2
import pytest
import zxingcpp
from django.test import Client

from academy.jobs.models import JobState
from academy.storage import s3
from apps.exams.models import SheetSet, StudentSheet
from sheets.payload import parse_payload
from tests.api.answers import error_of, post
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import World, client_of, make_exam, make_student

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def teacher(world: World, monkeypatch: pytest.MonkeyPatch) -> Client:
    keep_connection(monkeypatch)
    return client_of(world.hana.teacher)


def url_of(world: World) -> str:
    return f"/api/v1/exams/{world.hana.exam.pk}/sheet-sets"


def printed(world: World, set_id: int) -> bytes:
    """Run the job of the set and fetch its file."""
    with world.hana.acting():
        wanted = SheetSet.objects.get(pk=set_id)
    deliver(world.hana.tenant, wanted.job_id, FakeSandbox())
    with world.hana.acting():
        return s3.read_object(SheetSet.objects.get(pk=set_id).pdf_key, max_bytes=10_000_000)


def codes_of(pdf: bytes) -> list[tuple[str, str]]:
    """(token, version) on each page."""
    with pypdfium2.PdfDocument(pdf) as document:
        pictures = [page.render(scale=100 / 72, grayscale=True).to_numpy().squeeze() for page in document]
    payloads = [parse_payload(zxingcpp.read_barcodes(picture)[0].text) for picture in pictures]
    return [(payload.token, payload.version) for payload in payloads]


def test_a_set_is_queued_then_printed_in_the_order_asked_for(world: World, teacher: Client) -> None:
    with world.hana.acting():
        other = make_student("240300", name="박셋째", course=world.hana.course)
        lettered = make_student("K7", name="정짧은", course=world.hana.course)
    order = [lettered.pk, world.hana.student.pk, other.pk]
    answer = post(teacher, url_of(world), {"students": order})
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["state"], body["student_count"], body["url"]) == (JobState.QUEUED, 3, None)
    pdf = printed(world, body["id"])
    with pypdfium2.PdfDocument(pdf) as document:
        texts = ["".join(page.get_textpage().get_text_range().split()) for page in document]
    for text, name in zip(texts, ["정짧은", world.hana.student.name, "박셋째"], strict=True):
        assert name in text
    with world.hana.acting():
        tokens = dict(StudentSheet.objects.filter(student__in=order).values_list("student", "token"))
    assert [token for token, _ in codes_of(pdf)] == [tokens[pk] for pk in order]
    shown = teacher.get(f"/api/v1/sheet-sets/{body['id']}").json()
    assert (shown["state"], shown["page_count"]) == (JobState.SUCCEEDED, 3)
    assert shown["url"].startswith("http")


def test_a_second_print_has_the_same_codes(world: World, teacher: Client) -> None:
    sets = [post(teacher, url_of(world), {"has_versions": True}).json()["id"] for _ in range(2)]
    first, second = (codes_of(printed(world, set_id)) for set_id in sets)
    assert first == second


def test_without_students_all_in_the_course_are_printed(world: World, teacher: Client) -> None:
    with world.hana.acting():
        make_student("240300", name="박셋째", course=world.hana.course)
        make_student("240301", name="남의반")
    for client in (teacher, client_of(world.hana.owner)):
        assert post(client, url_of(world), {}).json()["student_count"] == 2


def test_of_an_exam_without_a_course_all_are_printed_whom_one_sees(world: World, teacher: Client) -> None:
    with world.hana.acting():
        make_student("240301", name="남의반")
        exam = make_exam(created_by=world.hana.teacher)
    for client, expected in ((teacher, 1), (client_of(world.hana.owner), 2)):
        assert post(client, f"/api/v1/exams/{exam.pk}/sheet-sets", {}).json()["student_count"] == expected


def test_another_academys_student_or_exam_is_missing(world: World, teacher: Client) -> None:
    foreign = post(teacher, url_of(world), {"students": [world.duri.student.pk]})
    assert error_of(foreign, 404) == error_of(post(teacher, url_of(world), {"students": [2**40]}), 404)
    exam = post(teacher, f"/api/v1/exams/{world.duri.exam.pk}/sheet-sets", {})
    assert error_of(exam, 404) == error_of(post(teacher, "/api/v1/exams/987654321/sheet-sets", {}), 404)
    shown = teacher.get(f"/api/v1/sheet-sets/{world.duri.sheet_set.pk}")
    assert error_of(shown, 404) == error_of(teacher.get("/api/v1/sheet-sets/987654321"), 404)


def test_a_colleagues_student_is_printed_by_who_sees_them(world: World, teacher: Client) -> None:
    with world.hana.acting():
        colleagues = make_student("240301", name="남의반")
    asked = {"students": [world.hana.student.pk, colleagues.pk]}
    assert error_of(post(teacher, url_of(world), asked), 404) == error_of(
        post(teacher, url_of(world), {"students": [2**40]}), 404
    )
    assert post(client_of(world.hana.owner), url_of(world), asked).json()["student_count"] == 2


def test_what_is_no_list_of_students_is_invalid(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    cases: list[object] = [[], [0], ["x"], [1] * 1001, "all", [None], [2**70], {"1": 2}]
    for students in cases:
        with subtests.test(students=students):
            error_of(post(teacher, url_of(world), {"students": students}), 400)


def test_many_copies_are_not_drawn_while_the_browser_waits(world: World, teacher: Client) -> None:
    with world.hana.acting():
        for index in range(51):
            make_student(f"3{index:05}", name="김하늘", course=world.hana.course)
    answer = teacher.get(f"/api/v1/exams/{world.hana.exam.pk}/sheet.pdf?prefilled=1")
    assert error_of(answer, 409)["code"] == "too_many_copies"
