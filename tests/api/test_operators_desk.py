"""The operators' pages: what waits in every academy, in counts and host labels only."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from django.db import transaction
from django.test import Client
from django.utils import timezone

from academy.jobs.models import JobState
from academy.operations import queries
from academy.tenancy.context import acting_for
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from apps.accounts.roles import Role
from tests.db.kernel import new_job
from tests.factories import World, client_of, make_academy, make_user

pytestmark = pytest.mark.usefixtures("aws", "committed")
QUEUES = "/admin/queues/"


@pytest.fixture
def operator(committed_world: World) -> Client:
    platform = make_academy("platform", name="운영", is_platform=True)
    with transaction.atomic(), acting_for(platform):
        person = make_user(Role.OPERATOR)
    return client_of(person)


def test_each_academy_has_its_line_in_each_tier_and_nobody_is_named(committed_world: World, operator: Client) -> None:
    duri = committed_world.duri.tenant
    new_job(duri, state=JobState.RUNNING)
    new_job(duri, state=JobState.SENT, available_at=timezone.now() - timedelta(seconds=86_400))
    text = operator.get(QUEUES).content.decode()
    line = text[text.index("<td>duri</td>") :]
    assert text.index("<td>duri</td>") < text.index("<td>hana</td>"), "what waits longest stands first"
    assert "<td>1</td><td>1</td>" in line[: line.index("</tr>")]
    assert re.search("8640\\d초", line[: line.index("</tr>")])
    for named in (duri.name, committed_world.duri.student.name, committed_world.duri.student.number):
        assert named not in text


def test_the_page_stands_while_sqs_and_the_dispatchers_role_do_not_answer(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://sqs")

    def refused() -> None:
        raise psycopg.OperationalError("no such role")

    monkeypatch.setattr(queries, "queue_counts", silent)
    monkeypatch.setattr(queries, "connect", refused)
    answer = operator.get(QUEUES)
    assert answer.status_code == 200
    assert answer.content.decode().count("SQS가 응답하지 않았습니다.") == 4
    assert "<td>hana</td>" not in answer.content.decode()


def test_the_operators_site_keeps_its_own_colour(operator: Client) -> None:
    Tenant.objects.filter(is_platform=True).update(colour="#1d4f91")
    forget_hosts()
    assert "--color-primary" not in operator.get(QUEUES).content.decode()
