"""Reminders of homework that was not handed in: who is texted, how often, when, and who may send them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from academy.limits.limiter import Limit
from apps.accounts import limits
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services.texts import MAX_BYTES, STUDENT, TextKind, byte_count, text_cut
from apps.courses.models import Enrolment
from apps.homework import reminding
from apps.homework.models import Assignment, Reminder
from apps.notices import hours
from apps.students.models import Student
from tests.api.conftest import Telephones
from tests.api.test_trail import recorded
from tests.factories import (
    Cast,
    World,
    client_of,
    make_assignment,
    make_course,
    make_guardianship,
    make_student,
    make_submission,
    make_user,
)

MISSING = "/admin/homework/assignment/missing/"


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, 12)


def set_clock(monkeypatch: pytest.MonkeyPatch, hour: int, *, days: int = 0) -> None:
    day = timezone.localtime() + timedelta(days=days)
    monkeypatch.setattr(hours, "now_there", lambda: day.replace(hour=hour, minute=0))


class Class:
    """An assignment that three students have not handed in: with own phone, with a guardian, with neither."""

    def __init__(self, hana: Cast) -> None:
        self.hana = hana
        with hana.acting():
            self.course = make_course("중3 과학", teachers=[hana.teacher])
            self.own = make_user(Role.STUDENT, name="한지호")
            self.guardian = make_user(Role.GUARDIAN, name="한엄마")
            self.first = make_student(name="한지호", user=self.own, course=self.course)
            self.second = make_student(name="한서연", course=self.course)
            self.third = make_student(name="최도윤", course=self.course)
            make_guardianship(self.guardian, self.first)
            make_guardianship(self.guardian, self.second)
            self.assignment = self.give(self.first, self.second, self.third)

    def give(self, *students: Student) -> Assignment:
        return make_assignment(None, students, created_by=self.hana.teacher, days=1, course=self.course)

    @property
    def url(self) -> str:
        return f"/admin/homework/assignment/{self.assignment.pk}/remind/"

    def form(self, to: str = "students") -> dict[str, str]:
        return {"to": to, "students": f"{self.first.pk},{self.second.pk},{self.third.pk}"}

    def reminded(self) -> list[int]:
        with self.hana.acting():
            assignments = Assignment.objects.filter(course=self.course)
            return sorted(Reminder.objects.filter(assignment__in=assignments).values_list("user_id", flat=True))


@pytest.fixture
def lesson(world: World) -> Class:
    return Class(world.hana)


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def body(answer: Any) -> str:
    return str(answer.content.decode())


def send(telephones: Telephones, client: Client, lesson: Class, to: str = "students") -> Any:
    return telephones.submit(client, lesson.url, lesson.form(to))


def test_the_page_says_how_many_messages_go_to_whom_before_any_is_sent(lesson: Class, teacher: Client) -> None:
    page = body(teacher.get(lesson.url))
    assert "학생에게 1건 보내기" in page
    assert "학생과 보호자에게 2건 보내기" in page
    assert "한지호" in page
    assert "최도윤" in page
    assert "숙제 미제출" in page
    assert str(lesson.own.phone) not in page
    assert lesson.reminded() == []


def test_students_are_texted_and_guardians_only_when_it_is_chosen(
    lesson: Class, teacher: Client, telephones: Telephones
) -> None:
    assert "알림 문자 1건을 보냈습니다." in body(send(telephones, teacher, lesson))
    assert lesson.reminded() == [lesson.own.pk]
    [text] = telephones.texts
    assert "한지호" in text.body
    assert byte_count(text.body) <= MAX_BYTES
    send(telephones, teacher, lesson, "families")
    assert lesson.reminded() == sorted([lesson.own.pk, lesson.guardian.pk])
    assert len(telephones.texts) == 2, "the student was reminded before, the guardian once for both children"
    assert "외 1명" in telephones.texts[1].body


def test_the_same_click_twice_sends_nothing_more(lesson: Class, teacher: Client, telephones: Telephones) -> None:
    send(telephones, teacher, lesson, "families")
    assert "알림을 보낼 사람이 없습니다." in body(send(telephones, teacher, lesson, "families"))
    assert len(telephones.texts) == 2
    assert "오늘 보냄" in body(teacher.get(lesson.url))


def test_the_next_day_they_can_be_reminded_again(
    lesson: Class, teacher: Client, telephones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(telephones, teacher, lesson)
    set_clock(monkeypatch, 9, days=1)
    send(telephones, teacher, lesson)
    assert len(telephones.texts) == 2


@pytest.mark.parametrize("hour", [21, 23, 0, 7])
def test_nothing_is_sent_at_night(
    lesson: Class, teacher: Client, telephones: Telephones, monkeypatch: pytest.MonkeyPatch, hour: int
) -> None:
    set_clock(monkeypatch, hour)
    assert "보내기</button>" not in body(teacher.get(lesson.url))
    assert "오전 8시부터 밤 9시까지만" in body(send(telephones, teacher, lesson))
    assert telephones.texts == []
    assert lesson.reminded() == []


def test_eight_in_the_morning_is_no_night(
    lesson: Class, teacher: Client, telephones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, 8)
    send(telephones, teacher, lesson)
    assert len(telephones.texts) == 1


def test_the_night_is_the_academys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with world.hana.acting():
        assert hours.now_there().utcoffset() == datetime.now(world.hana.tenant.zone).utcoffset()


def test_who_has_handed_in_since_the_page_was_opened_gets_nothing(
    lesson: Class, teacher: Client, telephones: Telephones
) -> None:
    with lesson.hana.acting():
        make_submission(lesson.assignment, lesson.first, created_by=lesson.own)
    send(telephones, teacher, lesson)
    assert telephones.texts == []


def test_nobody_is_left_when_all_have_handed_in(lesson: Class, teacher: Client) -> None:
    with lesson.hana.acting():
        for student in (lesson.first, lesson.second, lesson.third):
            make_submission(lesson.assignment, student, created_by=lesson.hana.teacher)
    page = body(teacher.get(lesson.url))
    assert "모두 제출했습니다" in page
    assert "<button class" not in page[page.index("desk-card") :]


def test_who_left_the_course_or_is_shut_out_gets_nothing(
    lesson: Class, teacher: Client, telephones: Telephones
) -> None:
    with lesson.hana.acting():
        Enrolment.objects.filter(student=lesson.first).update(left_at=timezone.now())
        User.objects.filter(pk=lesson.guardian.pk).update(is_active=False)
    send(telephones, teacher, lesson, "families")
    assert telephones.texts == []
    assert "강좌를 그만둔 학생" in body(teacher.get(lesson.url))


def test_only_those_whom_the_page_named_are_texted(lesson: Class, teacher: Client, telephones: Telephones) -> None:
    telephones.submit(teacher, lesson.url, {"to": "families", "students": f"{lesson.third.pk},x,,99999999999999999999"})
    assert lesson.reminded() == []


def test_a_phone_gets_three_reminders_a_day_and_the_academy_has_its_limit(
    lesson: Class, teacher: Client, telephones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMINDERS_PER_PHONE", Limit("reminder.test", 1, limits.DAY))
    send(telephones, teacher, lesson)
    with lesson.hana.acting():
        lesson.assignment = lesson.give(lesson.first)
    assert "더 보내지 않았습니다" in body(send(telephones, teacher, lesson))
    monkeypatch.setattr(limits, "REMINDERS_PER_PHONE", Limit("reminder.more", 9, limits.DAY))
    monkeypatch.setattr(limits, "REMINDERS_PER_ACADEMY", Limit("reminder.all", 1, limits.DAY))
    send(telephones, teacher, lesson, "families")
    assert len(telephones.texts) == 2
    assert len(lesson.reminded()) == 2


def test_many_go_out_in_parts(
    lesson: Class, teacher: Client, telephones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "MAX_AT_ONCE", 1)
    assert "아직 1건이 남았습니다" in body(send(telephones, teacher, lesson, "families"))
    assert len(telephones.texts) == 1
    send(telephones, teacher, lesson, "families")
    assert lesson.reminded() == sorted([lesson.own.pk, lesson.guardian.pk])


def test_the_trail_holds_who_reminded_whom(lesson: Class, teacher: Client, telephones: Telephones) -> None:
    with recorded(lesson.hana) as found:
        telephones.submit(teacher, lesson.url, lesson.form())
    written = [entry for entry in found if entry.table_name == "homework_reminder"]
    assert [(entry.new_values or {})["assignment_id"] for entry in written] == [lesson.assignment.pk]
    [act] = [entry for entry in found if not entry.operation and entry.path == lesson.url]
    assert act.actor_id == lesson.hana.teacher.pk
    assert f"student:{lesson.first.pk}" in act.subjects


@pytest.mark.parametrize(("role", "status"), [(Role.ASSISTANT, 403), (Role.STUDENT, 404), (Role.GUARDIAN, 404)])
def test_who_does_not_manage_homework_sends_none(
    lesson: Class, role: Role, status: int, telephones: Telephones
) -> None:
    client = client_of(lesson.hana.users[role])
    assert client.get(lesson.url).status_code == status
    assert client.post(lesson.url, lesson.form()).status_code == status
    assert telephones.texts == []


def test_anothers_homework_and_another_academys_are_missing(
    lesson: Class, world: World, telephones: Telephones
) -> None:
    with lesson.hana.acting():
        other = make_user(Role.TEACHER, name="남선생")
    for client in (client_of(other), client_of(world.duri.teacher), client_of(world.duri.owner)):
        assert client.get(lesson.url).status_code == 404
        assert client.post(lesson.url, lesson.form()).status_code == 404
        assert "한지호" not in body(client.get(MISSING))
    assert telephones.texts == []


def test_the_list_shows_every_class_with_who_owes_what(lesson: Class, world: World, teacher: Client) -> None:
    page = body(teacher.get(MISSING))
    assert "중3 과학" in page
    assert f"{lesson.first.number} 한지호" in page, "what the copy button takes along"
    one = body(teacher.get(f"{MISSING}?course={lesson.course.pk}"))
    assert "한지호" in one
    assert world.hana.course.name not in one[one.index('id="main"') :]


def test_the_list_is_saved_as_a_file_for_a_reason(lesson: Class, teacher: Client) -> None:
    url = f"{MISSING}export/?course={lesson.course.pk}"
    assert teacher.get(url).status_code == 200
    assert "text/csv" not in teacher.post(url, {"reason": ""})["Content-Type"]
    answer = teacher.post(url, {"reason": "학부모 상담"})
    assert answer["Content-Type"].startswith("text/csv")
    assert f'"{lesson.third.number}","최도윤"' in body(answer)
    assert client_of(lesson.hana.users[Role.ASSISTANT]).get(url).status_code == 403


def test_the_list_costs_as_many_statements_for_ten_as_for_one(
    lesson: Class, teacher: Client, django_assert_max_num_queries: Any
) -> None:
    with lesson.hana.acting():
        for _ in range(9):
            lesson.give(*(make_student(course=lesson.course) for _ in range(3)))
    with django_assert_max_num_queries(10):
        teacher.get(MISSING)


def test_a_long_name_is_cut_so_that_one_text_holds_it(world: World) -> None:
    with world.hana.acting():
        text = text_cut(
            TextKind.REMINDER, {STUDENT: "김하나", "숙제": "아주 긴 숙제 이름 " * 9 + "🎒", "기한": "11/24"}, cut="숙제"
        )
    assert byte_count(text) <= MAX_BYTES
    assert "(11/24까지)" in text
