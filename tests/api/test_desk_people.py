"""People on the desk: many invited at once, lists saved as files for a reason, and who saw what of somebody."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from academy.limits.limiter import Limit
from academy.sms import delivery
from academy.sms.delivery import wait_until_sent
from apps.accounts import limits
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.conftest import Capture, Telephones
from tests.api.test_desk_pages import MAX_QUERIES, add_people, text_after
from tests.api.test_list_query_counts import add_students
from tests.api.test_trail import recorded
from tests.factories import World, client_of, make_guardianship, make_student, make_user

INVITE = "/admin/accounts/user/invite-many/"


@pytest.fixture
def manager(world: World) -> Client:
    return client_of(world.hana.users[Role.MANAGER])


def guardians(world: World, count: int) -> list[User]:
    with world.hana.acting():
        return [make_user(Role.GUARDIAN, phone=f"010-7000-{index:04}", name=f"가족{index}") for index in range(count)]


# ---------------------------------------------------------------- inviting many


def test_the_chosen_are_texted_and_who_cannot_be_is_named_with_the_reason(
    world: World, manager: Client, telephones: Telephones, django_capture_on_commit_callbacks: Capture
) -> None:
    chosen, suspended, barred, in_already, _other = guardians(world, 5)
    with world.hana.acting():
        User.objects.filter(pk=suspended.pk).update(is_active=False)
        User.objects.filter(pk=barred.pk).update(barred_until=date(2090, 1, 1))
        User.objects.filter(pk=in_already.pk).update(last_login=timezone.now())
    ids = [one.pk for one in (chosen, suspended, barred, in_already, world.hana.owner)]
    with django_capture_on_commit_callbacks(execute=True):
        page = text_after(manager, INVITE, {"people": ids})
    wait_until_sent(10)
    assert [text.to for text in telephones.texts] == ["01070000000"]
    for words in (
        "1명에게 초대 문자를 보냈습니다.",
        "정지된",
        "보호자 동의가 먼저 필요합니다. 가족2",
        "이미 로그인한 적이 있습니다. 가족3",
        world.hana.owner.name,
    ):
        assert words in page, words
    with world.hana.acting():
        assert User.objects.get(pk=chosen.pk).invited_at is not None
        assert User.objects.get(pk=barred.pk).invited_at is None


def test_all_who_fit_are_invited_and_nobody_else(
    world: World, manager: Client, telephones: Telephones, django_capture_on_commit_callbacks: Capture
) -> None:
    guardians(world, 3)
    with world.hana.acting():
        make_user(Role.TEACHER, phone="010-7100-0000", name="가족 아님")
        User.objects.filter(name="가족1").update(invited_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        text_after(manager, f"{INVITE}?role=guardian&q=가족&uninvited=1", {"all": "1"})
    wait_until_sent(10)
    assert sorted(text.to for text in telephones.texts) == ["01070000000", "01070000002"]


def test_texts_end_with_the_academys_limit_and_the_rest_is_told(
    world: World, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TEXTS_PER_ACADEMY", Limit("text.academy", 2, 86_400))
    page = text_after(manager, f"{INVITE}?q=가족", {"people": [one.pk for one in guardians(world, 4)]})
    assert "2명에게 초대 문자를 보냈습니다." in page
    assert "오늘 보낼 수 있는 문자를 모두 사용했습니다. 가족2, 가족3" in page


def test_while_the_sender_is_full_nobody_is_taken_for_invited(
    world: World,
    manager: Client,
    telephones: Telephones,
    django_capture_on_commit_callbacks: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MAX_WAITING", 2)
    three = [one.pk for one in guardians(world, 3)]
    with django_capture_on_commit_callbacks(execute=True):
        page = text_after(manager, INVITE, {"people": three})
        assert "1분 뒤에 다시 시도해 주세요." in page
        with world.hana.acting():
            assert not User.objects.filter(pk__in=three, invited_at__isnull=False).exists()
        text_after(manager, INVITE, {"people": three[:2]})
    wait_until_sent(10)
    assert sorted(text.to for text in telephones.texts) == ["01070000000", "01070000001"]


def test_another_academys_people_are_not_invited(world: World, manager: Client) -> None:
    with world.duri.acting():
        theirs = make_user(Role.GUARDIAN, name="두리네")
    assert "두리네" not in manager.get(INVITE).content.decode()
    assert manager.post(INVITE, {"people": [theirs.pk]}).status_code == 404
    assert "한 명 이상" in text_after(manager, INVITE, {"people": ["x"]})


def test_a_manager_is_shown_nobody_whom_they_may_not_manage(world: World, manager: Client) -> None:
    with world.hana.acting():
        make_user(Role.OWNER, name="새 원장")
    assert "새 원장" not in manager.get(INVITE).content.decode()
    assert "새 원장" in client_of(world.hana.owner).get(INVITE).content.decode()


# ---------------------------------------------------------------- files


def saved(client: Client, path: str) -> list[list[str]]:
    answer = client.post(path, {"reason": "출석부 작성"})
    assert answer["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_a_list_is_saved_as_it_is_filtered_with_no_formula_in_it(world: World, manager: Client) -> None:
    with world.hana.acting():
        student = make_student("300001", name="=HYPERLINK(1)")
        make_guardianship(make_user(Role.GUARDIAN, phone="010-7000-0001", name="+엄마"), student)
    header, row = saved(manager, "/admin/students/student/export/?q=300001")
    assert header == ["학생 번호", "이름", "출생연도", "학생 전화", "보호자 이름", "보호자 전화"]
    assert row == ["300001", "'=HYPERLINK(1)", "", "", "'+엄마", "010-7000-0001"]
    names = [cells[0] for cells in saved(manager, "/admin/accounts/user/export/?role=teacher")[1:]]
    assert names == [world.hana.teacher.name]
    assert saved(manager, "/admin/courses/course/export/")[1][0] == world.hana.course.name


def test_a_file_has_a_reason_that_is_kept_with_whom_it_shows(world: World, manager: Client) -> None:
    path = "/admin/students/student/export/"
    with recorded(world.hana) as found:
        page = manager.post(path, {"reason": ""})
        assert "attachment" not in page.headers.get("Content-Disposition", "")
        saved(manager, path)
    [done] = [entry for entry in found if entry.outcome == "done"]
    assert (done.reason, done.subjects) == ("출석부 작성", [f"student:{world.hana.student.pk}"])


def test_a_list_that_is_too_long_for_a_file_says_so(
    world: World, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("academy.desk.exporting.MAX_ROWS", 1)
    with world.hana.acting():
        make_student("300001")
    page = manager.post("/admin/students/student/export/", {"reason": "출석부 작성"})
    assert "목록이 1행을 넘습니다." in page.content.decode()


# ---------------------------------------------------------------- history


def test_who_saw_and_changed_somebodys_data_is_told_in_words(world: World, manager: Client) -> None:
    student = world.hana.student
    client_of(world.hana.teacher).get(f"/admin/students/student/{student.pk}/")
    manager.post(f"/admin/students/student/{student.pk}/", {"name": "새이름", "number": student.number})
    page = manager.get(f"/admin/students/student/{student.pk}/history/").content.decode()
    for words in (world.hana.teacher.name, "조회", "변경", "students_student name"):
        assert words in page, words
    assert "열람·변경 기록" in manager.get(f"/admin/accounts/user/{world.hana.teacher.pk}/").content.decode()
    assert (
        "history/" not in client_of(world.hana.teacher).get(f"/admin/students/student/{student.pk}/").content.decode()
    )


@pytest.mark.parametrize(
    ("path", "add"),
    [
        (INVITE, add_people),
        ("/admin/students/student/{student}/history/", add_students),
        ("/admin/accounts/user/{user}/history/", add_people),
    ],
)
def test_ten_rows_cost_what_one_costs(world: World, path: str, add: Callable[[World], None]) -> None:
    client = client_of(world.hana.owner)
    url = path.format(student=world.hana.student.pk, user=world.hana.teacher.pk)
    client.get("/api/v1/session")

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as sent:
            assert client.get(url).status_code == 200
        return [row["sql"] for row in sent if "SAVEPOINT" not in row["sql"]]

    queries()
    one = queries()
    with world.hana.acting():
        add(world)
    for _ in range(9):
        ten = queries()
    assert len(ten) <= len(one) <= MAX_QUERIES, "\n".join(ten)


@pytest.mark.parametrize("path", ["students/student", "accounts/user", "courses/course"])
def test_a_long_file_costs_what_a_short_one_costs(world: World, path: str) -> None:
    client = client_of(world.hana.owner)

    def count() -> int:
        with CaptureQueriesContext(connection) as sent:
            saved(client, f"/admin/{path}/export/")
        return len([row for row in sent if "SAVEPOINT" not in row["sql"]])

    one = count()
    with world.hana.acting():
        add_people(world)
        add_students(world)
    assert count() <= one <= MAX_QUERIES
