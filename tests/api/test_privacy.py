"""A person's rights over HTTP: who may ask what about whom."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.roles import Role
from apps.privacy.models import Erasure, Export
from tests.api.answers import error_of, post
from tests.api.test_list_query_counts import queries_of
from tests.factories import Cast, World, client_of, make_erasure, make_export, make_student, make_user

EXPORTS, ERASURES = "/api/v1/privacy/exports", "/api/v1/privacy/erasures"


def about(kind: str, subject_id: int, **more: Any) -> dict[str, Any]:
    return {"subject_kind": kind, "subject_id": subject_id, **more}


def test_everybody_may_ask_for_a_copy_of_their_own(world: World, subtests: pytest.Subtests) -> None:
    for role, user in world.hana.users.items():
        with subtests.test(role=role):
            answer = post(client_of(user), EXPORTS, about("user", user.pk))
            assert (answer.status_code, answer.json()["state"]) == (202, "queued")


def test_a_guardian_asks_for_their_child_and_for_no_other(world: World) -> None:
    client = client_of(world.hana.users[Role.GUARDIAN])
    with world.hana.acting():
        other = make_student()
    assert post(client, EXPORTS, about("student", world.hana.student.pk)).status_code == 202
    strange = [other.pk, world.duri.student.pk, 2**40]
    answers = {error_of(post(client, EXPORTS, about("student", pk)), 404)["code"] for pk in strange}
    assert answers == {"not_found"}


def test_who_manages_people_gives_a_reason(world: World) -> None:
    client = client_of(world.hana.owner)
    subject = about("student", world.hana.student.pk)
    assert error_of(post(client, EXPORTS, subject), 400)["attr"] == "reason"
    assert error_of(post(client, EXPORTS, subject | {"reason": "  "}), 400)["attr"] == "reason"
    assert post(client, EXPORTS, subject | {"reason": "보호자 요청"}).status_code == 202


def test_a_manager_exports_no_owner(world: World) -> None:
    client = client_of(world.hana.users[Role.MANAGER])
    error_of(post(client, EXPORTS, about("user", world.hana.owner.pk, reason="왜")), 403)


def test_a_copy_is_shown_to_who_asked_and_to_nobody_else(world: World) -> None:
    with world.hana.acting():
        export = make_export(world.hana.teacher)
        Export.objects.filter(pk=export.pk).update(archive_key="")
    assert client_of(world.hana.teacher).get(f"{EXPORTS}/{export.pk}").json()["download_url"] is None
    missing = client_of(world.hana.owner).get(f"{EXPORTS}/{2**40}").content
    for stranger in (world.hana.owner, world.duri.owner, world.duri.teacher):
        answer = client_of(stranger).get(f"{EXPORTS}/{export.pk}")
        assert (answer.status_code, answer.content) == (404, missing)


def test_a_person_who_is_to_be_erased_is_out_at_once(world: World) -> None:
    student = client_of(world.hana.users[Role.STUDENT])
    assert student.get("/api/v1/session").status_code == 200
    body = about("student", world.hana.student.pk, reason="퇴원")
    answer = post(client_of(world.hana.owner), ERASURES, body)
    assert (answer.status_code, answer.json()["state"]) == (202, "scheduled")
    assert student.get("/api/v1/me/sessions").status_code == 401


def test_what_a_person_asks_for_themselves_waits_for_approval(world: World) -> None:
    user = world.hana.users[Role.STUDENT]
    answer = post(client_of(user), ERASURES, about("user", user.pk)).json()
    assert (answer["state"], answer["due_at"]) == ("asked", None)
    approved = post(client_of(world.hana.owner), f"{ERASURES}/{answer['id']}/approval", {"grace_days": 3})
    assert (approved.status_code, approved.json()["state"]) == (200, "scheduled")
    assert error_of(post(client_of(world.hana.owner), f"{ERASURES}/{answer['id']}/approval", {}), 409)


def test_a_second_asking_is_refused_while_the_first_is_under_way(world: World) -> None:
    user = world.hana.users[Role.STUDENT]
    assert post(client_of(user), ERASURES, about("user", user.pk)).status_code == 202
    assert error_of(post(client_of(user), ERASURES, about("user", user.pk)), 409)["code"] == "erasure_under_way"


def test_who_asked_may_take_it_back(world: World) -> None:
    with world.hana.acting():
        erasure = make_erasure(world.hana.teacher)
    answer = client_of(world.hana.teacher).delete(f"{ERASURES}/{erasure.pk}")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert error_of(client_of(world.hana.teacher).delete(f"{ERASURES}/{erasure.pk}"), 409)["code"] == "too_late"


def test_others_see_no_erasures_but_their_own(world: World) -> None:
    with world.hana.acting():
        mine, theirs = make_erasure(world.hana.teacher), make_erasure(world.hana.users[Role.GUARDIAN])
    shown = [row["id"] for row in client_of(world.hana.teacher).get(ERASURES).json()["results"]]
    assert shown == [mine.pk]
    seen = [row["id"] for row in client_of(world.hana.owner).get(ERASURES).json()["results"]]
    assert seen == [theirs.pk, mine.pk]


def test_hostile_values_are_refused(world: World, subtests: pytest.Subtests) -> None:
    student = world.hana.student.pk
    cases: list[dict[str, Any]] = [
        about("tenant", 1),
        about("user", 0),
        about("user", 2**63),
        about("user", 1) | {"subject_id": "1 OR 1=1"},
        about("student", student, reason="가" * 201),
        about("student", student, reason="x", grace_days=31),
        about("student", student, reason="x", grace_days=-1),
        about("student", student, reason="\x00"),
        {},
    ]
    for body in cases:
        with subtests.test(body=body):
            error_of(post(client_of(world.hana.owner), ERASURES, body), 400)
    assert not _erasures(world.hana)


def test_mass_assignment_sets_nothing_but_what_is_asked(world: World) -> None:
    body = about("user", world.hana.teacher.pk, state="erased", certificate={"forged": 1}, tenant=world.duri.tenant.pk)
    answer = post(client_of(world.hana.teacher), ERASURES, body)
    assert answer.json()["state"] == "asked"
    [erasure] = _erasures(world.hana)
    assert (erasure.tenant_id, erasure.certificate) == (world.hana.tenant.pk, None)


def test_the_list_costs_as_many_queries_with_ten_rows_as_with_one(world: World) -> None:
    client = client_of(world.hana.owner)
    with world.hana.acting():
        people = [make_user(Role.STUDENT) for _ in range(10)]
        make_erasure(people[0])
    queries_of(client, ERASURES)  # the first request fills caches
    one = len(queries_of(client, ERASURES))
    with world.hana.acting():
        for person in people[1:]:
            make_erasure(person)
    assert len(queries_of(client, ERASURES)) == one


def _erasures(cast: Cast) -> list[Erasure]:
    with cast.acting():
        return list(Erasure.objects.all())
