"""The world that the other tests stand on is what it says it is."""

from __future__ import annotations

from apps.accounts.roles import Role
from apps.exams.models import Match
from tests.factories import World, client_of


def test_the_academies_look_alike(world: World) -> None:
    for role in Role:
        assert world.hana.users[role].phone == world.duri.users[role].phone
    assert world.hana.student.number == world.duri.student.number
    assert world.hana.exam.title == world.duri.exam.title
    assert world.hana.scan.match == world.duri.scan.match == Match.MATCHED


def test_a_client_is_signed_in_on_the_host_of_its_academy(world: World) -> None:
    for cast in (world.hana, world.duri):
        for checks_csrf in (False, True):
            answer = client_of(cast.owner, checks_csrf=checks_csrf).get("/api/v1/session").json()
            assert answer["academy"]["slug"] == cast.tenant.slug
            assert answer["person"]["id"] == cast.owner.pk


def test_a_client_that_checks_csrf_sends_the_token(world: World) -> None:
    body = {"number": "777", "name": "최바다"}
    client = client_of(world.hana.owner, checks_csrf=True)
    assert client.post("/api/v1/students", body, content_type="application/json").status_code == 201
    del client.defaults["HTTP_X_CSRFTOKEN"]
    body["number"] = "778"
    assert client.post("/api/v1/students", body, content_type="application/json").status_code == 403
