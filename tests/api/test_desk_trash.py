"""Deleting at the desk: what will be lost is said first, and for 30 days it can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from academy.trail.models import TrailEntry
from apps.accounts.roles import Role
from apps.exams.models import Exam
from apps.trash.models import Deletion
from tests.factories import Cast, World, client_of


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_exam_is_deleted_after_saying_what_goes_and_brought_back(hana: Cast, teacher: Client) -> None:
    detail = f"/admin/exams/exam/{hana.exam.pk}/"
    assert f'href="{detail}remove/"' in body(teacher.get(detail))
    page = body(teacher.get(detail + "remove/"))
    for words in ("중간고사", "답안지와 채점 결과", "직접 고친 내용", "30일 동안"):
        assert words in page
    page = body(teacher.post(detail + "remove/", follow=True))
    assert "휴지통에서 복원할 수 있습니다" in page
    assert teacher.get(detail).status_code == 404
    assert teacher.get(f"/admin/exams/scan/{hana.scan.pk}/").status_code == 404
    family = client_of(hana.users[Role.GUARDIAN])
    assert family.get("/api/v1/me/results", {"child": hana.student.pk}).json()["results"] == []
    with hana.acting():
        deletion = Deletion.objects.get(kind="exams.exam")
    page = body(teacher.get("/admin/trash/deletion/"))
    assert "중간고사" in page
    assert hana.teacher.name in page
    assert "지난 강좌" not in page, "what the manager deleted"
    page = body(teacher.post(f"/admin/trash/deletion/{deletion.pk}/restore/", follow=True))
    assert "복원했습니다" in page
    assert teacher.get(detail).status_code == 200
    assert len(family.get("/api/v1/me/results", {"child": hana.student.pk}).json()["results"]) == 1


def test_what_something_needs_says_what_to_do_instead(hana: Cast) -> None:
    manager = client_of(hana.users[Role.MANAGER])
    for path in (f"students/student/{hana.student.pk}", f"courses/course/{hana.course.pk}"):
        for ask in (manager.get, manager.post):
            page = body(ask(f"/admin/{path}/remove/"))
            assert "삭제할 수 없습니다" in page
            assert "desk-danger-button" not in page


def test_who_deleted_and_restored_is_in_the_trail(hana: Cast, teacher: Client) -> None:
    teacher.post(f"/admin/exams/exam/{hana.exam.pk}/remove/")
    with hana.acting():
        deletion = Deletion.objects.get(kind="exams.exam")
    teacher.post(f"/admin/trash/deletion/{deletion.pk}/restore/")
    with hana.acting():
        entries = TrailEntry.objects.filter(actor_id=hana.teacher.pk, table_name="exams_exam", row_id=str(hana.exam.pk))
        found = [(one.action, one.operation) for one in entries.order_by("pk")]
    assert found == [("exams_exam_remove.posted", "delete"), ("trash_deletion_restore.posted", "insert")]


def test_a_removed_guardian_is_in_the_trash(hana: Cast) -> None:
    manager, guardian = client_of(hana.users[Role.MANAGER]), hana.users[Role.GUARDIAN]
    manager.post(f"/admin/students/student/{hana.student.pk}/guardians/{guardian.pk}/remove/")
    assert f"{guardian.name} → {hana.student.name}" in body(manager.get("/admin/trash/deletion/"))
    with hana.acting():
        deletion = Deletion.objects.get(kind="students.guardianship")
    manager.post(f"/admin/trash/deletion/{deletion.pk}/restore/")
    assert guardian.name in body(manager.get(f"/admin/students/student/{hana.student.pk}/"))


def test_an_assistant_has_no_button_for_what_they_may_not_delete(hana: Cast) -> None:
    assistant = client_of(hana.users[Role.ASSISTANT])
    assert "/remove/" not in body(assistant.get(f"/admin/exams/exam/{hana.exam.pk}/"))
    assert "/remove/" not in body(assistant.get(f"/admin/documents/document/{hana.document.pk}/")), "the teacher's"
    assert assistant.post(f"/admin/documents/document/{hana.document.pk}/remove/").status_code == 404
    with hana.acting():
        assert Exam.objects.filter(pk=hana.exam.pk).exists()
