"""Lists of students on the desk: brought, read, looked at and taken over, once however often they come."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from academy.jobs.compute import ComputeRefused
from academy.jobs.models import Job, JobState
from academy.sms.delivery import wait_until_sent
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.models import Enrolment
from apps.privacy.erasing import erase_rows
from apps.privacy.queries import subject_of
from apps.rosters import recording, services, tasks
from apps.rosters.models import Roster
from apps.students.models import Guardianship, Student
from tests.api.conftest import Capture, Telephones
from tests.api.test_desk_pages import MAX_QUERIES, text_after
from tests.api.test_trail import recorded
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import Cast, World, client_of, make_roster, make_student, make_upload
from workers.media.tables import read_table

LIST = (
    "번호\t이름\t학부모 전화\t반\n"
    "300001\t김하나\t010-5000-0001\t중2 수학 심화\n"
    "300002\t이두리\t010-5000-0001\t\n"
    "240101\t{name}\t\t\n"
    "300003\t\t010-12\t\n"
)


@pytest.fixture
def hana(world: World, aws: None, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    with world.hana.acting():
        Roster.objects.all().delete()
    return world.hana


@pytest.fixture
def manager(hana: Cast) -> Client:
    return client_of(hana.users[Role.MANAGER])


def reader(function: str, data: bytes) -> Any:
    assert function == "workers.compute:read_table"
    return read_table(data)


def bring(hana: Cast, client: Client, text: str) -> str:
    """Paste ``text`` and have it read. Returns the address of the list's page."""
    page = client.post("/admin/rosters/roster/add/", {"pasted": text})
    assert page.status_code == 302, page.content.decode()
    with hana.acting():
        roster = Roster.objects.latest("pk")
        assert "hx-trigger" in client.get(page["Location"]).content.decode()
    deliver(hana.tenant, roster.job_id, FakeSandbox(reader))
    return str(page["Location"])


def test_a_list_is_looked_at_and_writes_nothing_before_somebody_agrees(hana: Cast, manager: Client) -> None:
    with hana.acting():
        before = Student.objects.count(), User.objects.count()
    url = bring(hana, manager, LIST.format(name=hana.student.name))
    page = manager.get(url).content.decode()
    for words in (
        "신규 2",
        "그대로 1",
        "수정 필요 1",
        "이름이 없습니다.",
        "보호자 전화번호가 올바르지 않습니다: 010-12",
        "강좌: 중2 수학 심화",
    ):
        assert words in page, words
    with hana.acting():
        assert (Student.objects.count(), User.objects.count()) == before
        [roster] = Roster.objects.all()
        assert roster.key == "", "the file is gone once it was read"


def test_what_can_be_taken_is_and_the_rest_stays_to_be_corrected(hana: Cast, manager: Client) -> None:
    url = bring(hana, manager, LIST.format(name="이름바꿈"))
    page = text_after(manager, f"{url}take/", {})
    assert "명단을 등록했습니다" in page
    with hana.acting():
        new = Student.objects.get(number="300001")
        guardian = User.objects.get(name="김하나 보호자")
        assert set(Guardianship.objects.filter(user=guardian).values_list("student__number", flat=True)) == {
            "300001",
            "300002",
        }
        assert (guardian.role, guardian.invited_at) == ("guardian", None)
        assert Enrolment.objects.filter(student=new, course=hana.course, left_at=None).exists()
        assert Student.objects.get(pk=hana.student.pk).name == "이름바꿈"
        assert not Student.objects.filter(number="300003").exists()
        [roster] = Roster.objects.all()
        assert (roster.outcome, [line for line, _ in roster.rows]) == (
            {"new": 2, "changed": 1, "same": 0, "wrong": 1},
            [5],
        )
    left = manager.post(f"{url}left/").content.decode("utf-8-sig")
    assert left.splitlines()[0] == '"번호","이름","학부모 전화","반","행","수정 필요"'
    assert "300003" in left
    assert "이름이 없습니다." in left
    assert "300001" not in left


def test_the_same_list_again_makes_no_doubles_and_nobody_is_texted(
    hana: Cast, manager: Client, telephones: Telephones, django_capture_on_commit_callbacks: Capture
) -> None:
    counts = []
    for _ in range(2):
        url = bring(hana, manager, LIST.format(name="이름바꿈"))
        with django_capture_on_commit_callbacks(execute=True):
            text_after(manager, f"{url}take/", {})
        with hana.acting():
            counts.append((Student.objects.count(), User.objects.count(), Guardianship.objects.count()))
    assert counts[0] == counts[1]
    with hana.acting():
        assert Roster.objects.latest("pk").outcome == {"new": 0, "changed": 0, "same": 3, "wrong": 1}
    wait_until_sent(10)
    assert telephones.texts == []


def test_a_list_is_taken_over_once(hana: Cast, manager: Client) -> None:
    url = bring(hana, manager, LIST.format(name="이름바꿈"))
    text_after(manager, f"{url}take/", {})
    assert "이미 등록했습니다" in text_after(manager, f"{url}take/", {})


def test_columns_that_nobody_knows_are_named_by_hand(hana: Cast, manager: Client) -> None:
    url = bring(hana, manager, "코드\t누구\n300001\t김하나\n")
    assert "학생 번호가 없습니다." in manager.get(url).content.decode()
    assert "어느 열이 학생 번호인지" in text_after(manager, f"{url}take/", {})
    assert "두 열에 지정할 수" in text_after(manager, f"{url}columns/", {"columns": ["name", "name"]})
    text_after(manager, f"{url}columns/", {"columns": ["number", "name"]})
    assert "신규 1" in manager.get(url).content.decode()


def test_a_sent_file_is_read_by_who_sent_it_and_no_other_kind(hana: Cast, manager: Client, world: World) -> None:
    person = hana.users[Role.MANAGER]
    with hana.acting():
        sent = make_upload(created_by=person, file_name="명단.csv", content_type="text/csv")
        s3.write_object(sent.key, "번호,이름\n300001,김하나\n".encode("cp949"), content_type="text/csv")
        picture = make_upload(created_by=person)
        others = make_upload(created_by=hana.owner, content_type="text/csv")
        for upload in (picture, others):
            s3.write_object(upload.key, b"x", content_type=upload.content_type)
    assert manager.post("/admin/rosters/roster/add/", {"upload": others.pk}).status_code == 404
    assert '"alert">엑셀(.xlsx)과 CSV' in text_after(manager, "/admin/rosters/roster/add/", {"upload": picture.pk})
    assert "행을 붙여 넣어" in text_after(manager, "/admin/rosters/roster/add/", {"pasted": ""})
    page = manager.post("/admin/rosters/roster/add/", {"upload": sent.pk})
    with hana.acting():
        roster = Roster.objects.latest("pk")
    deliver(hana.tenant, roster.job_id, FakeSandbox(reader))
    assert "김하나" in manager.get(page["Location"]).content.decode()
    with hana.acting():
        assert s3.object_bytes(sent.key) is None


def test_a_file_that_cannot_be_read_says_why(hana: Cast, manager: Client) -> None:
    page = manager.post("/admin/rosters/roster/add/", {"pasted": "x"})

    def refuse(*_: object) -> None:
        raise ComputeRefused("BrokenMedia", "old_table", "locked")

    with hana.acting():
        roster = Roster.objects.latest("pk")
    deliver(hana.tenant, roster.job_id, FakeSandbox(refuse))
    shown = manager.get(page["Location"]).content.decode()
    assert "암호가 걸린 엑셀 파일" in shown
    assert "hx-trigger" not in shown


def long_list(hana: Cast, monkeypatch: pytest.MonkeyPatch) -> Roster:
    monkeypatch.setattr(services, "ROWS_IN_A_REQUEST", 3)
    monkeypatch.setattr(tasks, "ROWS_AT_ONCE", 4)
    rows = [(f"3000{index:02}", f"학생{index}", "010-5000-0001") for index in range(10)]
    with hana.acting():
        return make_roster(*rows, ("300000", "두번째", ""), created_by=hana.users[Role.MANAGER])


def test_a_long_list_is_taken_over_by_a_job_part_by_part(
    hana: Cast, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = long_list(hana, monkeypatch)
    url = f"/admin/rosters/roster/{roster.pk}/"
    assert "등록하는 중" in text_after(manager, f"{url}take/", {})
    with hana.acting():
        roster.refresh_from_db()
    deliver(hana.tenant, roster.job_id, FakeSandbox())
    with hana.acting():
        roster.refresh_from_db()
        assert roster.outcome == {"new": 10, "changed": 0, "same": 0, "wrong": 1}
        assert Student.objects.get(number="300000").name == "학생0", (
            "what stands twice is not overwritten by a later part"
        )
        assert Guardianship.objects.filter(user__name="학생0 보호자").count() == 10


def test_a_job_that_died_half_way_goes_on_where_it_was(
    hana: Cast, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = long_list(hana, monkeypatch)
    manager.post(f"/admin/rosters/roster/{roster.pk}/take/")
    real, parts = recording.take_part, list[int]()

    def dying(*args: Any, **kwargs: Any) -> None:
        parts.append(kwargs["following"])
        if len(parts) == 2:
            real(*args, **kwargs)
            raise RuntimeError("killed")
        real(*args, **kwargs)

    monkeypatch.setattr(tasks, "take_part", dying)
    with hana.acting():
        roster.refresh_from_db()
    deliver(hana.tenant, roster.job_id, FakeSandbox())
    with hana.acting():
        assert Student.objects.filter(number__startswith="3000").count() == 4
        Job.objects.filter(kind="rosters.take_roster").update(state=JobState.SENT, available_at=timezone.now())
    deliver(hana.tenant, roster.job_id, FakeSandbox())
    assert parts == [4, 8, 8, 12]
    with hana.acting():
        roster.refresh_from_db()
        assert roster.outcome == {"new": 10, "changed": 0, "same": 0, "wrong": 1}


def test_who_brought_it_and_was_shut_out_writes_nothing(
    hana: Cast, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = long_list(hana, monkeypatch)
    manager.post(f"/admin/rosters/roster/{roster.pk}/take/")
    with hana.acting():
        User.objects.filter(pk=hana.users[Role.MANAGER].pk).update(is_active=False)
        roster.refresh_from_db()
    deliver(hana.tenant, roster.job_id, FakeSandbox())
    with hana.acting():
        assert Job.objects.get(kind="rosters.take_roster").error_code == "not_allowed_any_more"
        assert not Student.objects.filter(number__startswith="3000").exists()


def test_another_academys_people_are_nobody_here(hana: Cast, manager: Client, world: World) -> None:
    with world.duri.acting():
        make_student("777777", name="두리네")
    url = bring(hana, manager, "번호\t이름\t반\n777777\t하나네\t두리 반\n")
    page = manager.get(url).content.decode()
    assert "두리네" not in page
    assert "없는 강좌입니다: 두리 반" in page


def test_who_was_shown_and_why_a_file_left_is_recorded(hana: Cast, manager: Client) -> None:
    with hana.acting():
        roster = make_roster((hana.student.number, "", "010-1"), created_by=hana.owner)
    url = f"/admin/rosters/roster/{roster.pk}/"
    with recorded(hana) as found:
        manager.get(url)
        manager.post(f"{url}left/")
    assert [entry.subjects for entry in found] == [[f"student:{hana.student.pk}"]] * 2
    assert found[1].reason


def test_an_erasure_reaches_the_lists_that_name_the_person(hana: Cast) -> None:
    with hana.acting():
        student = make_student("300009")
        theirs = make_roster((student.number, "x", ""), created_by=hana.owner)
        others = make_roster(("999999", "x", ""), created_by=hana.owner)
        erase_rows(subject_of("student", student.pk))
        assert list(Roster.objects.values_list("pk", flat=True)) == [others.pk]
        assert theirs.pk != others.pk


def test_a_list_goes_when_its_days_are_over(hana: Cast, manager: Client) -> None:
    bring(hana, manager, LIST.format(name="x"))
    with hana.acting():
        drop = Job.objects.get(kind="rosters.drop_roster")
        assert (drop.available_at - drop.created_at).days in (6, 7)
        Job.objects.filter(pk=drop.pk).update(state=JobState.SENT, available_at=timezone.now())
    deliver(hana.tenant, drop.pk, FakeSandbox())
    with hana.acting():
        assert not Roster.objects.exists()


@pytest.mark.parametrize("path", ["/admin/rosters/roster/", "/admin/rosters/roster/{roster}/"])
def test_a_long_list_costs_what_a_short_one_costs(hana: Cast, path: str) -> None:
    client = client_of(hana.owner)
    client.get("/api/v1/session")

    def queries(rows: int) -> list[str]:
        with hana.acting():
            cells = [(f"31{index:04}", "x", "010-5000-0001", "중2 수학 심화") for index in range(rows)]
            header = ("번호", "이름", "학부모 전화", "반")
            roster = make_roster((hana.student.number, "x", "", ""), *cells, created_by=hana.owner, header=header)
        with CaptureQueriesContext(connection) as sent:
            assert client.get(path.format(roster=roster.pk)).status_code == 200
        return [row["sql"] for row in sent if "SAVEPOINT" not in row["sql"]]

    one, many = queries(1), queries(150)
    assert len(many) <= len(one) <= MAX_QUERIES, "\n".join(many)
