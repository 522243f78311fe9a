"""One request, one academy, one transaction."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from academy.tenancy.context import acting_for, acting_tenant, acting_tenant_or_none
from academy.tenancy.hosts import LOOKUP_SECONDS, MAX_CACHED_HOSTS, _cache, forget_hosts, tenant_of_host
from academy.tenancy.middleware import TenantMiddleware
from academy.tenancy.models import Tenant
from apps.students.models import Student
from tests.factories import World, client_of, make_academy, make_student


def send(tenant: Tenant, view: Callable[[HttpRequest], HttpResponse], path: str = "/x") -> HttpResponse:
    host = tenant.domains.get(is_primary=True).domain
    return TenantMiddleware(view)(RequestFactory().get(path, headers={"host": host}))


@pytest.fixture
def academy(committed: None) -> Tenant:
    return make_academy("hana")


def numbers(tenant: Tenant) -> list[str]:
    from django.db import transaction

    with acting_for(tenant), transaction.atomic():
        return list(Student.objects.order_by("number").values_list("number", flat=True))


def writing(number: str, status: int) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        make_student(number)
        return JsonResponse({}, status=status)

    return view


@pytest.mark.parametrize(("status", "kept"), [(200, True), (302, True), (404, True), (500, False), (503, False)])
def test_an_answer_of_500_or_more_rolls_back(academy: Tenant, status: int, kept: bool) -> None:
    assert send(academy, writing("1", status)).status_code == status
    assert numbers(academy) == (["1"] if kept else [])


def test_an_exception_rolls_back_and_ends_the_acting(academy: Tenant) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        make_student("1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send(academy, view)
    assert numbers(academy) == []
    assert acting_tenant_or_none() is None


def test_the_view_runs_in_one_transaction_for_the_academy_of_the_host(academy: Tenant) -> None:
    seen: list[tuple[bool, Tenant, int]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((connection.in_atomic_block, acting_tenant(), len(connection.savepoint_ids)))
        return HttpResponse()

    send(academy, view)
    assert seen == [(True, academy, 0)]
    assert not connection.in_atomic_block


def test_health_needs_no_academy() -> None:
    request = RequestFactory().get("/health", headers={"host": "10.0.0.7"})
    answer = TenantMiddleware(lambda _: HttpResponse(b"view"))(request)
    assert answer.content == b"view"


def test_the_look_up_of_a_host_is_cached_and_expires(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("academy.tenancy.hosts.time.monotonic", lambda: now)
    forget_hosts()
    with CaptureQueriesContext(connection) as first:
        assert tenant_of_host(world.hana.host) == world.hana.tenant
    with CaptureQueriesContext(connection) as second:
        assert tenant_of_host(world.hana.host) == world.hana.tenant
    now += LOOKUP_SECONDS + 1
    with CaptureQueriesContext(connection) as third:
        tenant_of_host(world.hana.host)
    assert [len(queries) for queries in (first, second, third)] == [1, 0, 1]


def test_a_flood_of_invented_hosts_does_not_grow_the_cache(db: None) -> None:
    _cache.update({f"invented-{number}.test": (1e18, None) for number in range(MAX_CACHED_HOSTS)})
    tenant_of_host("one-more.test")
    assert len(_cache) == 1


def test_a_request_costs_the_binding_and_no_more_than_two_statements_of_tenancy(world: World) -> None:
    client = client_of(world.hana.owner)
    client.get("/api/v1/session")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/v1/session").status_code == 200
    statements = [query["sql"] for query in queries]
    read = [statement for statement in statements if not statement.startswith(("SAVEPOINT", "RELEASE"))]
    assert len(read) <= 3, read  # the session and the person; the host is cached
