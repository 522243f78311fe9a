"""Every URL x method x role x (own, a colleague's, another academy's, missing) object, through the whole stack.

Foreign and missing get byte-identical answers, a refused request changes no row of any academy, and whoever has the
permission gets through to their own. So it is inside an academy, too: of a course that somebody has nothing to do with,
and of all that hangs on it, they get the answer of what is missing, unless they see everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker
from rest_framework.views import APIView

from academy.http.disclosures import NOT_PERSONAL, declared_personal
from academy.http.permissions import PUBLIC, SIGNED_IN, SIGNING_IN, DeclaredPermission, declared_permission
from academy.limits.limiter import forget_everything
from academy.logs.web import HEADER
from academy.storage import s3
from academy.tenancy.middleware import UNTENANTED_PATHS
from academy.trail.models import TrailEntry
from apps.accounts.models import User
from apps.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from tests.architecture.objects import (
    BODIES,
    MISSING,
    MISSING_ID,
    OBJECTS,
    PREPARATIONS,
    PUBLIC_OPERATIONS,
    REFUSED_ROLES,
    UNTENANTED,
    Body,
)
from tests.architecture.permits import EVERYBODY, PERMITS, SEE_EVERYTHING, WITHIN
from tests.architecture.rows import COLLEAGUE, colleague_of, every_tenant_model
from tests.factories import Cast, World, client_of

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
# Besides the seven roles: nobody, and somebody signed in at the other academy who comes here with that session.
ANONYMOUS: Final = "anonymous"
OUTSIDER: Final = "signed in elsewhere"
# All that a request names is of the colleague's course: who sees everything gets through.
COLLEAGUES_WHOLLY: Final = "colleague's path and body"
CALLERS: Final = (*(role.value for role in Role), ANONYMOUS, OUTSIDER)
TEMPLATE: Final = (
    b'{"pageDimensions": [300, 400], "bubbleDimensions": [10, 10], "preProcessors": [], "fieldBlocks": {"B":'
    b' {"fieldType": "QTYPE_MCQ4", "origin": [10, 10], "fieldLabels": ["q1..4"], "bubblesGap": 20, "labelsGap": 20}}}'
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    route: str
    name: str
    view: type[APIView] | None
    arguments: Mapping[str, str]  # name -> converter

    def path(self, values: Mapping[str, object]) -> str:
        path = self.route
        for argument, value in values.items():
            before, _, rest = path.partition("<")
            converter, _, after = rest.partition(">")
            assert converter.rsplit(":", 1)[-1] == argument
            path = f"{before}{value}{after}"
        return f"/{path}"


def _endpoints(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[Endpoint]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if route == "admin/":
                continue  # pages, not views of the API: tests/architecture/test_desk.py walks them
            yield from _endpoints(pattern.url_patterns, route)
        else:
            view = getattr(pattern.callback, "cls", None)
            converters = {
                argument: type(converter).__name__.removesuffix("Converter").lower()
                for argument, converter in pattern.pattern.converters.items()
            }
            yield Endpoint(route, pattern.name or route, view, converters)


ENDPOINTS: Final = list(_endpoints(get_resolver().url_patterns))
TENANTED: Final = [endpoint for endpoint in ENDPOINTS if endpoint.name not in UNTENANTED]


def _methods(view: type[APIView]) -> list[str]:
    return [method for method in METHODS if hasattr(view, method.lower())]


OPERATIONS: Final = [
    (endpoint, method) for endpoint in TENANTED if endpoint.view is not None for method in _methods(endpoint.view)
]
by_operation = pytest.mark.parametrize(
    ("endpoint", "method"), OPERATIONS, ids=[f"{method} {endpoint.route}" for endpoint, method in OPERATIONS]
)


# ---------------------------------------------------------------- what is declared


def test_every_url_is_known() -> None:
    assert len(OPERATIONS) >= 18
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS), "two URLs have one name"
    assert {endpoint.name for endpoint in ENDPOINTS} >= UNTENANTED
    assert {endpoint.path({}) for endpoint in ENDPOINTS if endpoint.name in UNTENANTED} == UNTENANTED_PATHS
    for endpoint in TENANTED:
        assert endpoint.view is not None, f"{endpoint.route}: a plain view, whose permission nobody checks"
        for argument in endpoint.arguments:
            assert argument in OBJECTS, f"{endpoint.route}: tests/architecture/objects.py knows no {argument}"
            assert endpoint.arguments[argument] in MISSING, f"{endpoint.route}: what is missing for {argument}?"
        for method in METHODS_WITH_BODY & set(_methods(endpoint.view)):
            assert (endpoint.name, method) in BODIES, f"{endpoint.name}: no {method} body in objects.py"


def test_only_these_operations_are_public() -> None:
    declared = {
        (endpoint.name, method)
        for endpoint, method in OPERATIONS
        if endpoint.view is not None and declared_permission(endpoint.view, method) == PUBLIC
    }
    assert declared == PUBLIC_OPERATIONS


def _may_by_declaration(role: Role, permission: str | None) -> bool:
    return permission in (SIGNED_IN, SIGNING_IN) or permission in ROLE_PERMISSIONS[role]


def test_the_declarations_and_the_table_of_roles_say_who_was_meant() -> None:
    assert {(endpoint.name, method) for endpoint, method in OPERATIONS} == set(PERMITS), "tests/architecture/permits.py"
    for endpoint, method in OPERATIONS:
        assert endpoint.view is not None
        permission, permitted = declared_permission(endpoint.view, method), PERMITS[endpoint.name, method]
        assert (permission == PUBLIC) == (permitted == EVERYBODY), f"{method} {endpoint.route}"
        if permission != PUBLIC:
            allowed = {role for role in Role if _may_by_declaration(role, permission)}
            assert allowed == frozenset(permitted), f"{method} {endpoint.route}"
    declared = {declared_permission(endpoint.view, method) for endpoint, method in OPERATIONS if endpoint.view}
    assert {one for one in Permission if one not in declared} == set(WITHIN), (
        "what no view declares is written down in permits.py"
    )
    for asked, permitted in WITHIN.items():
        assert {role for role in Role if _may_by_declaration(role, asked)} == permitted, asked


def undeclared(view: type[APIView]) -> list[str]:
    """What ``view`` leaves open: methods with no permission, a permission nobody knows, a check that was replaced."""
    known = {PUBLIC, SIGNED_IN, SIGNING_IN, *Permission}
    problems = [method for method in _methods(view) if declared_permission(view, method) not in known]
    problems += [f"{method}: personal" for method in _methods(view) if declared_personal(view, method) is None]
    problems += [
        f"{method}, not implemented"
        for method in {**getattr(view, "permissions", {}), **getattr(view, "personal", {})}
        if method not in _methods(view)
    ]
    if list(view.permission_classes) != [DeclaredPermission]:
        problems.append(f"permission classes {view.permission_classes}")
    return problems


@pytest.mark.parametrize("endpoint", TENANTED, ids=lambda endpoint: endpoint.route)
def test_every_view_declares_a_permission_and_whose_data_it_is_for_each_of_its_methods(endpoint: Endpoint) -> None:
    assert endpoint.view is not None
    assert undeclared(endpoint.view) == []


def test_a_view_that_declares_only_the_one_or_the_other_is_refused_to_everybody() -> None:
    class NoPermission(APIView):
        personal = {"GET": NOT_PERSONAL}

        def get(self) -> None: ...

    class NobodysData(APIView):
        permissions = {"GET": PUBLIC}

        def get(self) -> None: ...

    for view in (NoPermission(), NobodysData()):
        assert not DeclaredPermission().has_permission(view.initialize_request(RequestFactory().get("/")), view)


def test_the_walk_notices_a_view_without_a_permission() -> None:
    class Open(APIView):
        personal = {"GET": NOT_PERSONAL}

        def get(self) -> None: ...

    class Half(APIView):
        permissions = {"GET": PUBLIC}
        personal = {"GET": NOT_PERSONAL, "POST": NOT_PERSONAL}

        def get(self) -> None: ...
        def post(self) -> None: ...

    class Misspelt(APIView):
        permissions = {"GET": "exam.view"}
        personal = {"GET": NOT_PERSONAL}

        def get(self) -> None: ...

    class Replaced(APIView):
        permissions = {"GET": PUBLIC}
        personal = {"GET": NOT_PERSONAL}
        permission_classes = []

        def get(self) -> None: ...

    class Unaccounted(APIView):
        permissions = {"GET": PUBLIC, "POST": PUBLIC}
        personal = {"GET": NOT_PERSONAL}

        def get(self) -> None: ...
        def post(self) -> None: ...

    assert undeclared(Unaccounted) == ["POST: personal"]
    assert undeclared(Open) == ["GET"]
    assert undeclared(Half) == ["POST"]
    assert undeclared(Misspelt) == ["GET"]
    assert undeclared(Replaced) == ["permission classes []"]


# ---------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Walk:
    """The world with its files in S3, and a session cookie for every caller."""

    world: World
    colleague: Cast  # of hana
    cookies: Mapping[str, str]

    def client(self, caller: str) -> Client:
        client = Client(SERVER_NAME=self.world.hana.host)
        if caller in self.cookies:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.cookies[caller]
        return client

    def user(self, caller: str) -> User | None:
        return None if caller in (ANONYMOUS, OUTSIDER) else self.world.hana.users[Role(caller)]


def _send(client: Client, method: str, path: str, body: Body | None) -> Any:
    forget_everything()  # the limits have tests of their own
    if body is None:
        return client.generic(method, path)
    return client.generic(method, path, orjson.dumps(body), "application/json")


@pytest.fixture(scope="module")
def _walk(_module_world: World, aws: None, django_db_blocker: DjangoDbBlocker) -> Walk:
    world = _module_world
    cookies = {}
    with django_db_blocker.unblock():
        for cast in (world.hana, world.duri):
            for of in (cast, colleague_of(cast)):
                with of.acting():
                    s3.write_object(of.spare_upload.key, b"\xff\xd8\xff", content_type="image/jpeg")
                    s3.write_object(of.template_upload.key, TEMPLATE, content_type="application/json")
            for role, user in cast.users.items():
                cookie = str(client_of(user).cookies[settings.SESSION_COOKIE_NAME].value)
                if cast is world.hana:
                    cookies[role.value] = cookie
                elif role is Role.OWNER:
                    cookies[OUTSIDER] = cookie
        return Walk(world, colleague_of(world.hana), cookies)


@pytest.fixture
def walk(_walk: Walk, full_world: World) -> Walk:
    return _walk


def _is_allowed(caller: str, operation: tuple[str, str]) -> bool:
    permitted = PERMITS[operation]
    return permitted == EVERYBODY or caller in permitted


def _fingerprint(world: World) -> list[Any]:
    """Changes whenever any row of either academy does; the academy's own trail may say that somebody was refused."""
    found = []
    for cast in (world.hana, world.duri):
        statement = " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(row::text, ' ' ORDER BY row::text)) FROM {table} AS row"
            " WHERE tenant_id = %(tenant)s"
            for table in sorted(model._meta.db_table for model in every_tenant_model())
            if table != TrailEntry._meta.db_table or cast is world.duri
        )
        with cast.acting(), connection.cursor() as cursor:
            cursor.execute(statement, {"tenant": cast.tenant.pk})
            found.append(cursor.fetchall())
    return found


def _without_ids(body: Any, other: Any) -> Any:
    """``body`` with every value that differs from the other academy's body, an id, replaced by one nobody has."""
    if isinstance(body, dict):
        return {name: _without_ids(value, other[name]) for name, value in body.items()}
    if isinstance(body, list):
        return [_without_ids(*pair) for pair in zip(body, other, strict=True)]
    return body if body == other else MISSING_ID


@dataclass(frozen=True, slots=True)
class _Case:
    """A request, by where its ids come from."""

    path: str
    body: Body | None


def _cases(endpoint: Endpoint, method: str, walk: Walk, caller: str) -> dict[str, _Case]:
    world = walk.world
    role = Role.OWNER if caller in (ANONYMOUS, OUTSIDER) else Role(caller)

    def values(cast: Cast) -> dict[str, object]:
        return {
            argument: OBJECTS.get(f"{endpoint.name} {argument}", OBJECTS[argument])(cast, role)
            for argument in endpoint.arguments
        }

    make_body = BODIES.get((endpoint.name, method))
    own_body = make_body(world.hana) if make_body else None
    own, colleagues, foreign = values(world.hana), values(walk.colleague), values(world.duri)
    missing = {argument: MISSING[converter] for argument, converter in endpoint.arguments.items()}
    cases = {"own": _Case(endpoint.path(own), own_body)}
    for argument in endpoint.arguments:
        for kind, strange in (("foreign", foreign), ("missing", missing)):
            if strange[argument] != own[argument]:  # a word that all academies share is nobody's
                cases[f"{kind} {argument}"] = _Case(endpoint.path({**own, argument: strange[argument]}), own_body)
    if len(endpoint.arguments) > 1:
        cases["foreign path"] = _Case(endpoint.path(foreign), own_body)
        cases["missing path"] = _Case(endpoint.path(missing), own_body)
    foreign_body = make_body(world.duri) if make_body else None
    if foreign_body != own_body:
        cases["foreign body"] = _Case(endpoint.path(own), foreign_body)
        cases["missing body"] = _Case(endpoint.path(own), _without_ids(own_body, foreign_body))
    colleagues_body = make_body(walk.colleague) if make_body else None
    for argument in endpoint.arguments:
        if colleagues[argument] != own[argument]:
            path = endpoint.path({**own, argument: colleagues[argument]})
            cases[f"colleague's {argument}"] = _Case(path, own_body)
    if colleagues_body != own_body:
        cases["colleague's body"] = _Case(endpoint.path(own), colleagues_body)
    if (colleagues, colleagues_body) != (own, own_body):
        cases[COLLEAGUES_WHOLLY] = _Case(endpoint.path(colleagues), colleagues_body)
    return cases


def _answer(response: Any) -> tuple[int, dict[str, str], bytes]:
    content = response.getvalue() if response.streaming else response.content
    headers = dict(response.headers)
    headers.pop(HEADER)  # a number drawn for each request: it says nothing, and never twice the same
    return response.status_code, headers, content


@by_operation
def test_own_foreign_and_missing(endpoint: Endpoint, method: str, walk: Walk, record_property: Any) -> None:
    assert endpoint.view is not None
    operation = endpoint.name, method
    untouched = _fingerprint(walk.world)
    passed = sent = kept_apart = 0
    for caller in CALLERS:
        is_allowed = _is_allowed(caller, operation)
        answers = {}
        for name, case in _cases(endpoint, method, walk, caller).items():
            of = walk.colleague if name == COLLEAGUES_WHOLLY and caller in SEE_EVERYTHING else walk.world.hana
            with transaction.atomic():
                client, body = walk.client(caller), case.body
                if operation in PREPARATIONS:
                    with of.acting():
                        body = PREPARATIONS[operation](client, of, walk.user(caller)) or body
                before = _fingerprint(walk.world) if operation in PREPARATIONS else untouched
                response = _send(client, method, case.path, body)
                sent += 1
                status, answers[name] = response.status_code, _answer(response)
                what = f"{caller}, {name}: {status} {answers[name][2][:300]!r}"
                if not is_allowed:
                    assert status == (401 if caller in (ANONYMOUS, OUTSIDER) else 403), what
                elif caller in REFUSED_ROLES.get(operation, ()):
                    assert status in (401, 403), what
                elif name == "own" or (name == COLLEAGUES_WHOLLY and caller in SEE_EVERYTHING):
                    leads_to_a_file = status == 302 and response.headers["Location"].startswith("http")
                    assert 200 <= status < 300 or leads_to_a_file, what
                    passed += 1
                elif name.startswith("colleague's") and caller in SEE_EVERYTHING:
                    # Half of it is one course's and half another's: whether that makes sense is the service's to say.
                    assert status in (404, 409) or 200 <= status < 300, what
                else:
                    assert status == 404, what
                if status >= 400:
                    assert _fingerprint(walk.world) == before, f"{what}: something was written"
                transaction.set_rollback(True)
        for name in [name for name in answers if name.startswith("foreign")]:
            assert answers[name] == answers[name.replace("foreign", "missing")], f"{caller}: {name} shows"
        missing = [answers[name] for name in answers if name.startswith("missing")]
        for name in [name for name in answers if name.startswith("colleague's")]:
            if is_allowed and caller not in SEE_EVERYTHING and caller not in REFUSED_ROLES.get(operation, ()):
                assert all(answers[name] == answer for answer in missing), f"{caller}: {name} shows"
                kept_apart += 1
        if not is_allowed:
            assert len({answer[2] for answer in answers.values()}) == 1, f"{caller}: the refusal depends on the object"
    assert passed > 0, "nobody gets through: the walk proves nothing"
    record_property("covered", ("combinations of URL, method, caller and object", sent))
    record_property(
        "covered", ("of them, requests for a colleague's course by who gets through to their own", kept_apart)
    )


def test_no_list_shows_a_colleagues_course_to_who_sees_their_own(walk: Walk, record_property: Any) -> None:
    """Whatever shows a manager something of the colleague's without naming it is walked as everybody who may."""
    showing = compared = 0
    for endpoint, method in OPERATIONS:
        if method != "GET" or endpoint.arguments:
            continue
        path = endpoint.path({})
        if COLLEAGUE.encode() not in _send(walk.client(Role.MANAGER.value), method, path, None).content:
            continue
        showing += 1
        for caller in CALLERS:
            if caller not in SEE_EVERYTHING:
                assert COLLEAGUE.encode() not in _send(walk.client(caller), method, path, None).content, (path, caller)
                compared += _is_allowed(caller, (endpoint.name, method))
    assert showing >= 4, "students, courses, exams, people: the walk does not see the colleague's things"
    assert compared >= 8
    record_property("covered", ("lists without a colleague's things, by who sees their own", compared))


@pytest.mark.parametrize("endpoint", TENANTED, ids=lambda endpoint: endpoint.route)
def test_a_method_that_is_not_declared_is_refused(endpoint: Endpoint, walk: Walk, record_property: Any) -> None:
    """Also OPTIONS, which REST framework would answer with a description of the view."""
    assert endpoint.view is not None
    path = _cases(endpoint, "GET", walk, ANONYMOUS)["own"].path
    sent = 0
    for other in [*(name for name in METHODS if name not in _methods(endpoint.view)), "OPTIONS", "PROPFIND"]:
        for caller in (Role.OWNER.value, ANONYMOUS):
            assert _send(walk.client(caller), other, path, None).status_code in (401, 403, 405), f"{other} by {caller}"
            sent += 1
    record_property("covered", ("undeclared methods refused", sent))
