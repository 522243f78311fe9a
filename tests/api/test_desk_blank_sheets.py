"""A template drawn over a blank sheet at the desk: what is no sheet is said in a sentence, and nothing is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from academy.storage import s3
from academy.storage.models import Upload, UploadState
from apps.accounts.roles import Role
from apps.exams.kinds import QuestionKind
from apps.exams.models import BlankSheet, Exam, Maker, Question
from tests.db.test_exams_template import sent, template
from tests.factories import Cast, World, client_of
from tests.factories.exams import make_blank_sheet

QUESTIONS: dict[str, Any] = {
    "kind": "choices", "first": 1, "columns": 5, "rows": 20, "is_across": True, "from_one": False,
    "x1": 100, "y1": 300, "x2": 260, "y2": 1060, "width": 24, "height": 24,
}  # fmt: skip
NUMBER = QUESTIONS | {"kind": "student", "first": 0, "columns": 6, "rows": 10, "is_across": False, "x1": 600, "x2": 800}
SUM = NUMBER | {"kind": "numeric", "first": 21, "columns": 3, "x1": 400, "x2": 500, "from_one": True}


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


@pytest.fixture
def blank(hana: Cast) -> BlankSheet:
    with hana.acting():
        return make_blank_sheet(created_by=hana.teacher)


def draw(client: Client, blank: BlankSheet, blocks: object, **more: Any) -> Any:
    form = {"title": "모의고사", "blocks": blocks if isinstance(blocks, str) else json.dumps(blocks), **more}
    return client.post(f"/admin/exams/blanksheet/{blank.pk}/", form)


def test_what_is_drawn_is_an_exam_of_every_kind_of_question(hana: Cast, teacher: Client, blank: BlankSheet) -> None:
    answer = draw(teacher, blank, [QUESTIONS, NUMBER, SUM], course=hana.course.pk)
    with hana.acting():
        exam = Exam.objects.select_related("layout").get(title="모의고사")
        assert answer["Location"] == f"/admin/exams/exam/{exam.pk}/"
        assert (exam.layout.maker, exam.layout.number_label, exam.course_id) == (
            Maker.OMRCHECKER, "number", hana.course.pk,
        )  # fmt: skip
        made = list(Question.objects.filter(exam=exam).order_by("position").values_list("label", "kind"))
        assert made == [(f"q{number}", QuestionKind.SINGLE) for number in range(1, 21)] + [
            ("q21", QuestionKind.NUMERIC)
        ]
        kept = BlankSheet.objects.get(pk=blank.pk).blocks
        assert [block["kind"] for block in kept] == ["choices", "student", "numeric"]
    assert "모의고사 답안지" in teacher.get("/admin/exams/blanksheet/").content.decode()


def test_a_key_names_only_what_can_be_marked_on_the_sheet(hana: Cast, teacher: Client, blank: BlankSheet) -> None:
    path = draw(teacher, blank, [QUESTIONS, SUM])["Location"] + "key/"
    ones = " ".join(["1"] * 19)
    for last, told in (("6 7", "&quot;6&quot;"), ("5 x", "&quot;x&quot;"), ("5 0.5", "정답표를 저장하고")):
        assert told in teacher.post(path, {"key": f"{ones} {last}"}, follow=True).content.decode()
    with hana.acting():
        assert Question.objects.get(exam__title="모의고사", label="q20").accepted == ["5"]


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([], "영역을 1개에서 60개까지"),
        ([QUESTIONS] * 61, "영역을 1개에서 60개까지"),
        ([QUESTIONS | {"x2": 1001}], "1번 영역이 답안지 밖으로 나갔습니다."),
        ([QUESTIONS | {"y1": -3}], "1번 영역이 답안지 밖으로 나갔습니다."),
        ([QUESTIONS | {"columns": 100, "rows": 100}], "마킹 칸이 8000개를 넘습니다."),
        ([QUESTIONS | {"columns": 10**9}], "마킹 칸이 8000개를 넘습니다."),
        ([QUESTIONS | {"columns": 5, "rows": 101}], "열과 행은 1개에서 100개까지"),
        ([QUESTIONS | {"columns": 0}], "열과 행은 1개에서 100개까지"),
        ([QUESTIONS | {"columns": -5, "rows": -20}], "열과 행은 1개에서 100개까지"),
        ([QUESTIONS, QUESTIONS | {"first": 20, "x1": 400, "x2": 560}], "2번 영역: 20번 문항은 이미"),
        ([QUESTIONS, SUM | {"first": 3}], "2번 영역: 3번 문항은 이미"),
        ([NUMBER], "문항 영역이 없습니다."),
        ([QUESTIONS, NUMBER, NUMBER], "학생 번호 영역은 하나만"),
        ([QUESTIONS, NUMBER | {"rows": 9}], "숫자 한 자리에는 칸이 10개 있어야 하는데 9개입니다."),
        ([QUESTIONS, NUMBER | {"columns": 13}], "숫자는 12자리까지"),
        ([QUESTIONS | {"columns": 1, "x2": 100}], "한 문항의 선택지는 2개에서 20개까지"),
        ([QUESTIONS | {"columns": 1}], "열이나 행이 하나인데"),
        ([QUESTIONS | {"x2": 101}], "칸이 서로 겹칩니다."),
        ([QUESTIONS | {"x1": 260, "x2": 100}], "칸이 서로 겹칩니다."),
        ([QUESTIONS | {"first": 490}], "문항 번호는 1번에서 500번까지"),
        ([QUESTIONS | {"first": 0}], "문항 번호는 1번에서 500번까지"),
        ([QUESTIONS | {"first": -(10**30)}], "문항 번호는 1번에서 500번까지"),
        ([QUESTIONS | {"width": 0}], "칸이 너무 작거나 너무 큽니다."),
        ([QUESTIONS | {"height": 900}], "칸이 너무 작거나 너무 큽니다."),
        ([QUESTIONS | {"x1": "100"}], "온전히 전달되지"),
        ([QUESTIONS | {"x1": True}], "온전히 전달되지"),
        ([QUESTIONS | {"x1": 1e400}], "온전히 전달되지"),
        ([QUESTIONS | {"kind": "essay"}], "온전히 전달되지"),
        ([QUESTIONS | {"rows": 2.5}], "온전히 전달되지"),
        ([{}], "온전히 전달되지"),
        ({"kind": "choices"}, "온전히 전달되지"),
        ("[" * 5_000, "온전히 전달되지"),
        ("no json", "온전히 전달되지"),
        ('[{"kind": NaN}]', "온전히 전달되지"),
    ],
)
def test_what_is_no_sheet_is_refused_in_a_sentence(
    hana: Cast, teacher: Client, blank: BlankSheet, blocks: object, told: str
) -> None:
    answer = draw(teacher, blank, blocks)
    assert answer.status_code == 200
    assert told in answer.content.decode()
    with hana.acting():
        assert not Exam.objects.filter(title="모의고사").exists()
        assert BlankSheet.objects.get(pk=blank.pk).blocks == []


def test_a_sheet_without_a_picture_cannot_be_drawn_over(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        waiting = make_blank_sheet(created_by=hana.teacher, is_drawn=False)
    assert draw(teacher, waiting, [QUESTIONS]).status_code == 404
    assert "답안지를 읽지 못했습니다." in teacher.get(f"/admin/exams/blanksheet/{waiting.pk}/").content.decode()


def test_another_academys_sheet_and_course_are_missing(world: World, teacher: Client, blank: BlankSheet) -> None:
    with world.duri.acting():
        foreign = make_blank_sheet(created_by=world.duri.teacher, title="남의 답안지")
    assert draw(teacher, foreign, [QUESTIONS]).status_code == 404
    assert teacher.get(f"/admin/exams/blanksheet/{foreign.pk}/").status_code == 404
    assert "남의 답안지" not in teacher.get("/admin/exams/blanksheet/").content.decode()
    assert draw(teacher, blank, [QUESTIONS], course=world.duri.course.pk).status_code == 200
    with world.hana.acting():
        assert not Exam.objects.filter(title="모의고사").exists()


def test_an_assistant_draws_nothing(hana: Cast, blank: BlankSheet) -> None:
    assert draw(client_of(hana.users[Role.ASSISTANT]), blank, [QUESTIONS]).status_code == 403


@pytest.mark.usefixtures("aws")
class TestSentFiles:
    """What the page sends first: the blank sheet itself, or a template with its pictures."""

    def test_only_ones_own_picture_becomes_a_blank_sheet(self, world: World, teacher: Client) -> None:
        mine, foreign = sent(world.hana, b"picture", "image/png"), sent(world.duri, b"picture", "image/png")
        other = sent(world.hana, b"{}")
        for uploads, told in (
            ("", "파일을 먼저 선택해 주세요."),
            ("[]", "파일이 올라오지 않았습니다."),
            ("[" * 9_000, "파일이 올라오지 않았습니다."),
            ('[{"name": "x", "id": "1"}]', "파일이 올라오지 않았습니다."),
            (json.dumps([{"name": "x", "id": foreign.pk}]), "파일이 올라오지 않았습니다."),
            (json.dumps([{"name": "x", "id": other.pk}]), "사진도 PDF도 아닌"),
        ):
            answer = teacher.post("/admin/exams/blanksheet/add/", {"title": "답안지", "uploads": uploads})
            assert answer.status_code == 200
            assert told in answer.content.decode()
        form = {"title": "답안지", "uploads": json.dumps([{"name": "빈 답안지.png", "id": mine.pk}])}
        assert teacher.post("/admin/exams/blanksheet/add/", form).status_code == 302
        assert "이미 제출" in teacher.post("/admin/exams/blanksheet/add/", form).content.decode()

    def test_a_template_comes_with_its_pictures(self, hana: Cast, teacher: Client) -> None:
        files = {"template.json": sent(hana, template(["q1", "roll"], marker="m.png")).pk}
        path = "/admin/exams/blanksheet/template/"

        def bring(**more: Any) -> Any:
            uploads = json.dumps([{"name": name, "id": pk} for name, pk in files.items()])
            return teacher.post(path, {"title": "모의고사", "number_label": "roll", "uploads": uploads, **more})

        assert "양식은 사용할 수 없습니다" in bring().content.decode()
        files["m.png"] = sent(hana, b"png", "image/png").pk
        assert "&quot;Roll&quot; 항목이 없습니다." in bring(number_label="Roll").content.decode()
        with hana.acting():
            assert Upload.objects.get(pk=files["m.png"]).state == UploadState.PRESIGNED
        assert bring().status_code == 302
        with hana.acting():
            exam = Exam.objects.select_related("layout").get(title="모의고사")
            assert (exam.layout.number_label, exam.layout.labels) == ("roll", ["q1"])
            assert set(exam.layout.assets) == {"m.png"}
            assert s3.read_object(exam.layout.assets["m.png"], max_bytes=100) == b"png"
        del files["template.json"]
        assert "정확히 하나" in bring().content.decode()
