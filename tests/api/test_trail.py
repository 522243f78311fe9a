"""Who saw, changed, was refused and logged in is recorded, request by request; owners and managers can look it up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.response import Response

from academy.http.disclosures import Personal, about, in_answer, in_path, note_reason
from academy.tenancy.models import Tenant
from academy.trail.models import TrailEntry
from academy.trail.recording import NoReason, record_answer
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import (
    PASSWORD,
    Cast,
    World,
    client_of,
    make_guardianship,
    make_student,
    make_trail_entry,
    make_user,
    stranger_on,
)

TRAIL = "/api/v1/trail"


@contextmanager
def recorded(cast: Cast) -> Iterator[list[TrailEntry]]:
    """What the academy's trail gained inside the block, in order."""
    found: list[TrailEntry] = []
    with cast.acting():
        last = TrailEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    yield found
    with cast.acting():
        found.extend(TrailEntry.objects.filter(pk__gt=last).order_by("pk"))


# ---------------------------------------------------------------- who saw


def test_a_list_of_students_names_each_of_them(world: World) -> None:
    with world.hana.acting():
        students = [world.hana.student, *(make_student(course=world.hana.course) for _ in range(2))]
    teacher = client_of(world.hana.teacher)
    with recorded(world.hana) as found:
        assert teacher.get("/api/v1/students", HTTP_X_FORWARDED_FOR="6.6.6.6").status_code == 200
    [entry] = found
    assert (entry.actor_id, entry.actor_role) == (world.hana.teacher.pk, "teacher")
    assert (entry.action, entry.path, entry.outcome) == ("students.viewed", "/api/v1/students", "done")
    assert entry.address == "127.0.0.1", "no proxy is trusted here"
    assert entry.session is not None
    assert sorted(entry.subjects) == sorted(f"student:{student.pk}" for student in students)
    assert (entry.operation, entry.table_name, entry.old_values, entry.new_values) == ("", "", None, None)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("exams/{exam}/scans", "exam-scans.viewed"),
        ("exams/{exam}/results", "exam-results.viewed"),
        ("exams/{exam}/sheet.pdf?prefilled=1", "exam-sheet.viewed"),
        ("scans/{scan}", "scan.viewed"),
    ],
)
def test_what_shows_students_is_recorded_with_them(world: World, path: str, action: str) -> None:
    url = "/api/v1/" + path.format(exam=world.hana.exam.pk, scan=world.hana.scan.pk)
    teacher = client_of(world.hana.teacher)
    with recorded(world.hana) as found:
        assert teacher.get(url).status_code == 200
    [entry] = found
    assert (entry.action, entry.subjects) == (action, [f"student:{world.hana.student.pk}"])


def test_the_guardians_of_a_student_are_about_both(world: World) -> None:
    owner, student = client_of(world.hana.owner), world.hana.student
    with recorded(world.hana) as found:
        assert owner.get(f"/api/v1/students/{student.pk}/guardians").status_code == 200
    guardian = world.hana.users[Role.GUARDIAN]
    assert found[0].subjects == [f"student:{student.pk}", f"user:{guardian.pk}"]


@pytest.mark.parametrize("path", ["session", "me/sessions", "exams", "exams/{exam}", "exams/{exam}/sheet.pdf"])
def test_what_is_about_nobody_else_leaves_no_entry(world: World, path: str) -> None:
    teacher = client_of(world.hana.teacher)
    with recorded(world.hana) as found:
        assert teacher.get("/api/v1/" + path.format(exam=world.hana.exam.pk)).status_code == 200
    assert found == []


def test_who_looks_at_themselves_leaves_no_entry_and_at_another_one(world: World) -> None:
    owner = client_of(world.hana.owner)
    with recorded(world.hana) as found:
        assert owner.get(f"/api/v1/people/{world.hana.owner.pk}").status_code == 200
        assert found == []
        assert owner.get(f"/api/v1/people/{world.hana.teacher.pk}").status_code == 200
    assert [entry.subjects for entry in found] == [[f"user:{world.hana.teacher.pk}"]]


def test_a_guardian_sees_their_children_unrecorded(world: World) -> None:
    guardian = client_of(world.hana.users[Role.GUARDIAN])
    with recorded(world.hana) as found:
        assert len(guardian.get("/api/v1/me/children").json()) == 1
    assert found == []


# ---------------------------------------------------------------- who changed


def test_a_change_is_tied_to_its_request(world: World) -> None:
    owner, teacher = client_of(world.hana.owner), world.hana.teacher
    with recorded(world.hana) as found:
        answer = owner.patch(f"/api/v1/people/{teacher.pk}", {"role": "assistant"}, content_type="application/json")
        assert answer.status_code == 200
    changes = [entry for entry in found if entry.operation]
    [of_role] = [entry for entry in changes if entry.column_names == ["role"]]
    assert (of_role.action, of_role.actor_id, of_role.actor_role) == ("person.changed", world.hana.owner.pk, "owner")
    assert (of_role.old_values, of_role.new_values) == ({"role": "teacher"}, {"role": "assistant"})
    assert of_role.subjects == [f"user:{teacher.pk}"]
    assert (of_role.address, of_role.path) == ("127.0.0.1", f"/api/v1/people/{teacher.pk}")
    assert of_role.session is not None
    [act] = [entry for entry in found if not entry.operation]
    assert {entry.request_id for entry in found} == {act.request_id}


def test_an_act_on_sessions_is_recorded_although_sessions_are_not(world: World) -> None:
    owner, teacher = client_of(world.hana.owner), world.hana.teacher
    client_of(teacher)
    with recorded(world.hana) as found:
        assert owner.delete(f"/api/v1/people/{teacher.pk}/sessions").status_code == 204
    assert [(entry.action, entry.subjects) for entry in found] == [("person-sessions.deleted", [f"user:{teacher.pk}"])]


def test_what_an_owner_decides_for_the_academy_is_recorded(world: World) -> None:
    owner = client_of(world.hana.owner)
    with recorded(world.hana) as found:
        body = {"mfa_required_for_staff": False}
        assert owner.patch("/api/v1/academy", body, content_type="application/json").status_code == 200
    assert [(entry.action, entry.subjects) for entry in found] == [("academy.changed", [])]


def test_who_resets_their_password_by_a_code_is_the_one_who_changed_it(world: World) -> None:
    from tests.architecture.objects import CODE, _reset_code
    from tests.architecture.rows import bystander_of, complete

    complete(world)
    client = stranger_on(world.hana.tenant)
    with world.hana.acting():
        _reset_code(client, world.hana, None)
        bystander = bystander_of(world.hana)
    with recorded(world.hana) as found:
        answer = post(client, "/api/v1/password/reset", {"code": CODE, "password": "another-good-password"})
        assert answer.status_code == 204, answer.content
    [of_password] = [entry for entry in found if entry.column_names == ["password"]]
    assert (of_password.actor_id, of_password.action) == (bystander.pk, "password-reset.posted")
    assert (of_password.old_values, of_password.new_values) == (None, None)


def test_a_request_that_only_reads_binds_nobody(world: World) -> None:
    teacher = client_of(world.hana.teacher)
    with CaptureQueriesContext(connection) as sent:
        teacher.get("/api/v1/students")
    assert sum("trail_trailentry" in query["sql"] for query in sent) == 1
    raw = connection.connection
    assert raw is not None
    assert raw.execute("SELECT current_setting('app.actor', true)").fetchone()[0] in ("", None)


def test_nothing_of_the_actor_outlives_the_request(world: World) -> None:
    post(client_of(world.hana.owner), "/api/v1/students", {"number": "555", "name": "이하늘"})
    with recorded(world.hana) as found, world.hana.acting():
        make_student("556")
    assert found == []


# ---------------------------------------------------------------- who was refused, who logged in


def test_a_refused_permission_is_recorded(world: World) -> None:
    student = client_of(world.hana.users[Role.STUDENT])
    with recorded(world.hana) as found:
        assert student.get("/api/v1/people").status_code == 403
        assert student.delete(f"/api/v1/people/{world.hana.owner.pk}/second-factor").status_code == 403
    assert [(entry.action, entry.outcome) for entry in found] == [
        ("people.viewed", "refused"),
        ("person-second-factor.deleted", "refused"),
    ]
    assert {entry.actor_id for entry in found} == {world.hana.users[Role.STUDENT].pk}


def test_what_is_not_there_and_what_strangers_ask_for_is_not_recorded(world: World) -> None:
    with recorded(world.hana) as found, recorded(world.duri) as theirs:
        assert client_of(world.hana.owner).get(f"/api/v1/people/{world.duri.owner.pk}").status_code == 404
        assert stranger_on(world.hana.tenant).get("/api/v1/people").status_code == 401
    assert (found, theirs) == ([], [])


def test_log_ins_are_recorded_and_failed_ones_too(world: World) -> None:
    stranger, phone = stranger_on(world.hana.tenant), str(world.hana.owner.phone)
    with recorded(world.hana) as found:
        assert post(stranger, "/api/v1/session", {"phone": phone, "password": "wrong-password"}).status_code == 401
        assert post(stranger, "/api/v1/session", {"phone": "010-5555-5555", "password": "x"}).status_code == 401
        assert post(stranger, "/api/v1/session", {"phone": phone, "password": PASSWORD}).status_code == 201
    owner = world.hana.owner.pk
    assert [(entry.action, entry.outcome, entry.actor_id, entry.subjects) for entry in found] == [
        ("session.posted", "failed", None, [f"user:{owner}"]),
        ("session.posted", "failed", None, []),
        ("session.posted", "done", owner, [f"user:{owner}"]),
    ]
    assert all(entry.address == "127.0.0.1" for entry in found)


def test_a_failed_log_in_costs_the_same_whether_or_not_the_phone_is_known(world: World) -> None:
    counts = []
    for phone in (str(world.hana.owner.phone), "010-5555-5555"):
        stranger = stranger_on(world.hana.tenant)
        stranger.get("/api/v1/session")
        with CaptureQueriesContext(connection) as sent:
            post(stranger, "/api/v1/session", {"phone": phone, "password": "wrong-password"})
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_a_wrong_code_is_a_failed_log_in(world: World) -> None:
    with recorded(world.hana) as found:
        assert post(stranger_on(world.hana.tenant), "/api/v1/session/code/verify", {"code": "1"}).status_code == 401
    assert [(entry.action, entry.outcome) for entry in found] == [("session-code-verify.posted", "failed")]


# ---------------------------------------------------------------- looking it up


def rows(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(TRAIL, query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.fixture
def looked_at(world: World) -> World:
    """Hana's trail: the teacher saw two students, the assistant one, on three days; then a row was changed."""
    with world.hana.acting():
        other = make_student("333333", name="박구름")
        day = timezone.now() - timedelta(days=10)
        assistant = world.hana.users[Role.ASSISTANT]
        make_trail_entry(world.hana.teacher, world.hana.student, other, created_at=day)
        make_trail_entry(assistant, other, action="scan.viewed", created_at=day + timedelta(days=1))
        make_trail_entry(assistant, action="people.viewed", outcome="refused", created_at=day + timedelta(days=2))
    return world


def test_the_trail_of_one_person(looked_at: World) -> None:
    with looked_at.hana.acting():
        from apps.students.models import Student

        other = Student.objects.get(number="333333")
    found = rows(client_of(looked_at.hana.owner), subject=f"student:{other.pk}")
    assert [row["action"] for row in found] == ["scan.viewed", "students.viewed"], "newest first"
    assert found[0]["actor"] == {
        "kind": "user",
        "id": looked_at.hana.users[Role.ASSISTANT].pk,
        "name": looked_at.hana.users[Role.ASSISTANT].name,
    }
    assert {(one["kind"], one["id"], one["name"]) for one in found[1]["subjects"]} == {
        ("student", other.pk, "박구름"),
        ("student", looked_at.hana.student.pk, looked_at.hana.student.name),
    }
    assert found[0]["change"] is None
    assert found[0]["address"] == "203.0.113.7"


def test_filters_combine(looked_at: World) -> None:
    owner = client_of(looked_at.hana.owner)
    assistant, day = looked_at.hana.users[Role.ASSISTANT].pk, timezone.now() - timedelta(days=10)
    assert [row["action"] for row in rows(owner, actor=assistant)] == ["people.viewed", "scan.viewed"]
    assert [row["action"] for row in rows(owner, actor=assistant, outcome="refused")] == ["people.viewed"]
    assert [row["action"] for row in rows(owner, actor=assistant, action="scan.viewed")] == ["scan.viewed"]
    since, until = day + timedelta(hours=1), day + timedelta(days=1, hours=1)
    found = rows(owner, since=since.isoformat(), until=until.isoformat())
    assert [row["action"] for row in found] == ["scan.viewed"]
    assert rows(owner, actor=assistant, subject=f"student:{looked_at.hana.student.pk}") == []


def test_pages_follow_each_other(looked_at: World) -> None:
    client = client_of(looked_at.hana.users[Role.MANAGER])
    answer = client.get(TRAIL, {"page_size": 2, "actor": looked_at.hana.teacher.pk})
    first = answer.json()["results"]
    rest = client.get(answer.json()["next"]).json()["results"] if answer.json()["next"] else []
    ids = [row["id"] for row in first + rest]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids) == 2


def test_looking_at_the_trail_is_in_the_trail(looked_at: World) -> None:
    owner = client_of(looked_at.hana.owner)
    with recorded(looked_at.hana) as found:
        shown = rows(owner)
    [entry] = found
    assert entry.action == "trail.viewed"
    assert {f"user:{row['actor']['id']}" for row in shown} <= set(entry.subjects)


def test_another_academys_trail_is_not_there(looked_at: World) -> None:
    duri = client_of(looked_at.duri.owner)
    with looked_at.duri.acting():
        mine = set(TrailEntry.objects.values_list("pk", flat=True))
    assert {row["id"] for row in rows(duri)} <= mine
    assert rows(duri, actor=looked_at.hana.teacher.pk) == []
    assert rows(duri, subject=f"student:{looked_at.hana.student.pk}") == []
    assert rows(duri, actor=2**40) == []


def test_the_operator_of_the_platform_sees_no_trail(world: World) -> None:
    error_of(client_of(world.hana.users[Role.OPERATOR]).get(TRAIL), 403)
    error_of(client_of(world.hana.teacher).get(TRAIL), 403)


def test_who_is_no_more_stays_in_the_trail_without_a_name(looked_at: World) -> None:
    with looked_at.hana.acting():
        gone = make_user(Role.ASSISTANT, name="곧 없음")
        make_trail_entry(gone, looked_at.hana.student)
        pk = gone.pk
        User.objects.filter(pk=pk).delete()
    [row] = rows(client_of(looked_at.hana.owner), actor=pk)
    assert row["actor"] == {"kind": "user", "id": pk, "name": None}


@pytest.mark.parametrize(
    "query",
    [
        {"actor": "x"},
        {"actor": 2**63},
        {"actor": 0},
        {"subject": "student:"},
        {"subject": "student:1;drop"},
        {"subject": "*"},
        {"since": "yesterday"},
        {"outcome": "lost"},
        {"action": "x" * 81},
        {"action": "\x00"},
    ],
)
def test_a_malformed_filter_is_named(world: World, query: dict[str, str | int]) -> None:
    error = error_of(client_of(world.hana.owner).get(TRAIL, query), 400)
    assert error["attr"] == next(iter(query))


def test_a_subject_of_no_known_kind_finds_nothing(world: World) -> None:
    assert rows(client_of(world.hana.owner), subject="planet:3") == []
    assert rows(client_of(world.hana.owner), subject=f"student:{10**18 - 1}") == []


def test_a_page_of_the_trail_costs_the_same_for_one_and_for_many(world: World) -> None:
    owner = client_of(world.hana.owner)
    owner.get(TRAIL)

    def count() -> int:
        with CaptureQueriesContext(connection) as sent:
            assert owner.get(TRAIL).status_code == 200
        return len([query for query in sent if "SAVEPOINT" not in query["sql"]])

    one = count()
    with world.hana.acting():
        for number in range(10):
            student = make_student(f"44000{number}")
            user = make_user()
            make_guardianship(user, student)
            make_trail_entry(user, student)
    assert (one, count()) == (5, 5), "session, person, entries, names, the entry of this look"


# ---------------------------------------------------------------- declarations


def test_ids_are_found_in_pages_lists_and_single_answers() -> None:
    ids = in_answer("student", "id")
    page = {"results": [{"student": {"id": 1}}, {"student": None}, {"student": {"id": 3}}], "next": None}
    assert list(ids(page, {})) == [1, 3]
    assert list(ids(page["results"], {})) == [1, 3]
    assert list(ids({"student": {"id": 4}}, {})) == [4]
    assert list(ids({"student": None}, {})) == list(ids(None, {})) == list(ids([], {})) == []
    assert list(in_path("user_id")(None, {"user_id": 9})) == [9]


@pytest.mark.parametrize(
    ("personal", "response"),
    [
        (about(is_export=True), Response({})),
        (about(student=in_answer("id")), Response({"id": 3}, headers={"Content-Disposition": "attachment"})),
    ],
)
def test_a_file_about_people_does_not_leave_without_a_reason(
    world: World, personal: Personal, response: Response
) -> None:
    request = RequestFactory().post("/x")
    with pytest.raises(NoReason), world.hana.acting():
        record_answer(request, personal, None, response)
    note_reason(request, "열람 요구")
    with recorded(world.hana) as found, world.hana.acting():
        record_answer(request, personal, None, response)
    assert [entry.reason for entry in found] == ["열람 요구"]


# ---------------------------------------------------------------- how long it is kept


def test_an_owner_decides_how_long_within_the_law(world: World) -> None:
    owner = client_of(world.hana.owner)

    def set_to(**body: object) -> Any:
        given = {"mfa_required_for_staff": False, **body}
        return owner.patch("/api/v1/academy", given, content_type="application/json")

    assert set_to(trail_months=12).json() == {"mfa_required_for_staff": False, "trail_months": 12}
    assert set_to().json()["trail_months"] == 12, "what is not named stays"
    for months in (0, 11, 25, -1, None, "for ever"):
        assert error_of(set_to(trail_months=months), 400)["attr"] == "trail_months"
    assert Tenant.objects.get(pk=world.hana.tenant.pk).trail_months == 12
    assert Tenant.objects.get(pk=world.duri.tenant.pk).trail_months == 24


def test_whoever_asks_for_somebodys_erasure_says_why_in_the_trail(world: World) -> None:
    owner, student = client_of(world.hana.owner), world.hana.student
    with recorded(world.hana) as found:
        body = {"subject_kind": "student", "subject_id": student.pk, "reason": "퇴원", "grace_days": 7}
        assert post(owner, "/api/v1/privacy/erasures", body).status_code == 202
    [act] = [entry for entry in found if not entry.operation]
    assert (act.action, act.subjects, act.reason) == ("erasures.posted", [f"student:{student.pk}"], "퇴원")
