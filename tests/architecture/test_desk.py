"""Every page of both admin sites x method x caller x (own, a colleague's, another academy's, missing) object, walked.

Foreign and missing get byte-identical answers; who has no business at a site gets the answer of a missing page; who
lacks the permission is refused before anything is looked at; what is refused writes nothing. Of a course that
somebody has nothing to do with they get the answer of what is missing, unless they see everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from academy.desk.options import DeskAdmin
from academy.desk.pages import Page
from academy.desk.site import Desk, academy_desk, platform_desk
from academy.http.disclosures import NOT_PERSONAL, Personal
from academy.http.permissions import PUBLIC, SIGNING_IN
from academy.jobs.backend import job_kinds
from academy.jobs.wording import known_kinds
from academy.limits.limiter import forget_everything
from academy.storage import s3
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.accounts.models import User
from apps.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from tests.architecture.desk_permits import FORMS, PERMITS, PREPARATIONS, object_for
from tests.architecture.objects import MISSING
from tests.architecture.permits import EVERYBODY, SEE_EVERYTHING
from tests.architecture.rows import COLLEAGUE, colleague_of
from tests.architecture.test_urls import ANONYMOUS, COLLEAGUES_WHOLLY, OUTSIDER, _fingerprint
from tests.factories import PASSWORD, Cast, World, client_of, make_academy, make_user

URLCONFS: Final = {"desk": settings.ROOT_URLCONF, "platform": settings.PLATFORM_URLCONF}
SITES: Final[Mapping[str, Desk]] = {"desk": academy_desk, "platform": platform_desk}
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
CALLERS: Final = (*(role.value for role in Role), ANONYMOUS, OUTSIDER)
OVERLAY: Final = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Place:
    """A page as the resolver has it."""

    site: str
    route: str
    name: str
    permissions: Mapping[str, str] | None
    personal: Mapping[str, Personal]
    arguments: Mapping[str, str]

    def path(self, values: Mapping[str, object]) -> str:
        path = self.route
        for argument, converter in self.arguments.items():
            path = path.replace(f"<{converter}:{argument}>", str(values[argument]))
        return f"/{path}"


def _walk(patterns: list[URLPattern | URLResolver], site: str, prefix: str) -> Iterator[Place]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, site, route)
            continue
        converters = {
            argument: type(converter).__name__.removesuffix("Converter").lower()
            for argument, converter in pattern.pattern.converters.items()
        }
        permissions = getattr(pattern.callback, "permissions", None)
        personal = getattr(pattern.callback, "personal", {})
        yield Place(site, route, str(pattern.name), permissions, personal, converters)


def places_of(site: str) -> list[Place]:
    [found] = [pattern for pattern in get_resolver(URLCONFS[site]).url_patterns if str(pattern.pattern) == "admin/"]
    assert isinstance(found, URLResolver)
    return list(_walk(found.url_patterns, site, "admin/"))


PLACES: Final = [place for site in SITES for place in places_of(site)]
OPERATIONS: Final = [(place, method) for place in PLACES for method in sorted(place.permissions or {})]
by_operation = pytest.mark.parametrize(
    ("place", "method"), OPERATIONS, ids=[f"{method} {place.site} {place.route}" for place, method in OPERATIONS]
)


# ---------------------------------------------------------------- what is declared


def test_every_page_is_known_and_declares_its_permissions() -> None:
    assert len(PLACES) > 40
    for place in PLACES:
        assert place.permissions, f"{place.route}: a page that nobody guards"
        assert set(place.permissions) <= {"GET", "POST"}
        assert set(place.personal) == set(place.permissions), f"{place.route}: whose data it is about"
        for argument in place.arguments:
            if place.site == "desk":
                object_for(place.name, argument)
    for site in SITES:
        declared = {(place.name, method) for place, method in OPERATIONS if place.site == site}
        assert declared == set(PERMITS[site]), "tests/architecture/desk_permits.py"
        assert len({place.name for place in PLACES if place.site == site}) == len(places_of(site))


def test_the_rest_of_both_hosts_is_the_same() -> None:
    """So that the walk over the API's URLs has seen those of the platform's host too."""
    besides = [
        [pattern for pattern in get_resolver(urlconf).url_patterns if str(pattern.pattern) != "admin/"]
        for urlconf in URLCONFS.values()
    ]
    assert besides[0] == besides[1]


def test_every_list_says_which_rows_somebody_sees() -> None:
    for site in SITES.values():
        for admin in site._registry.values():
            assert type(admin).visible_to is not DeskAdmin.visible_to, admin


def test_every_kind_of_job_is_in_words() -> None:
    assert known_kinds() == set(job_kinds())


def test_a_page_that_does_not_say_whose_data_it_is_about_is_refused(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("shown")

    declarations: list[tuple[dict[str, Personal], int]] = [({"GET": NOT_PERSONAL}, 200), ({}, 405)]
    for personal, status in declarations:
        page = Page("", "open", view, {"GET": PUBLIC}, personal)
        request = rf.get("/admin/")
        request.user = AnonymousUser()
        assert academy_desk.guarded(page)(request).status_code == status


def _may_by_declaration(site: str, role: Role, permission: str) -> bool:
    held = ROLE_PERMISSIONS[role]
    if Permission(SITES[site].entry) not in held:
        return False
    return permission == SIGNING_IN or Permission(permission) in held


def test_the_pages_and_the_table_of_roles_say_who_was_meant() -> None:
    for place, method in OPERATIONS:
        assert place.permissions is not None
        permission, permitted = place.permissions[method], PERMITS[place.site][place.name, method]
        assert (permission == PUBLIC) == (permitted == EVERYBODY), f"{method} {place.route}"
        if permission != PUBLIC:
            allowed = {role for role in Role if _may_by_declaration(place.site, role, permission)}
            assert allowed == set(permitted), f"{method} {place.route}"


# ---------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Cookies:
    """A session for every caller, per site, and the hosts of the sites."""

    world: World
    colleague: Cast  # of hana
    platform: Tenant
    hosts: Mapping[str, str]
    sessions: Mapping[tuple[str, str], str]

    def user(self, site: str, caller: str) -> User | None:
        """Who calls, of the academy whose desk it is."""
        is_ours = site == "desk" and caller not in (ANONYMOUS, OUTSIDER)
        return self.world.hana.users.get(Role(caller)) if is_ours else None

    def client(self, site: str, caller: str) -> Client:
        client = Client(SERVER_NAME=self.hosts[site])
        if (site, caller) in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[site, caller]
        return client


@pytest.fixture(scope="module")
def _cookies(_module_world: World, aws: None, django_db_blocker: DjangoDbBlocker) -> Cookies:
    world = _module_world
    with django_db_blocker.unblock():
        platform = make_academy("platform", name="운영", is_platform=True)
        with acting_for(platform), transaction.atomic():
            people = {role: make_user(role, password=PASSWORD) for role in Role}
        sessions = {}
        for site, users in (("desk", world.hana.users), ("platform", people)):
            for role, user in users.items():
                sessions[site, role.value] = _session(user)
            sessions[site, OUTSIDER] = _session(world.duri.owner)
        for user in world.duri.users.values():
            _session(user)  # so that there is a foreign session for every caller
        for cast in (world.hana, world.duri):
            with cast.acting():
                s3.write_object(
                    s3.tenant_key("overlays", str(cast.scan.pk), "1.jpg"), OVERLAY, content_type="image/jpeg"
                )
        hosts = {"desk": world.hana.host, "platform": platform.domains.get(is_primary=True).domain}
        return Cookies(world, colleague_of(world.hana), platform, hosts, sessions)


def _session(user: User) -> str:
    return str(client_of(user).cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def cookies(_cookies: Cookies, full_world: World) -> Cookies:
    return _cookies


def _send(client: Client, method: str, path: str, form: Mapping[str, Any] | None = None) -> Any:
    forget_everything()  # the limits have tests of their own
    if method == "POST":
        return client.post(path, dict(form or {}))
    return client.generic(method, path)


def _paths(place: Place, cookies: Cookies, caller: str) -> dict[str, str]:
    role = Role.OWNER if caller in (ANONYMOUS, OUTSIDER) else Role(caller)
    if not place.arguments:
        return {"own": place.path({})}
    missing = {argument: MISSING[converter] for argument, converter in place.arguments.items()}
    if place.site == "platform":
        if "handle" in place.arguments:
            return {"missing": place.path(missing)}
        return {"own": place.path({"object_id": cookies.world.duri.tenant.pk}), "missing": place.path(missing)}

    def values(cast: Cast) -> dict[str, object]:
        return {argument: object_for(place.name, argument)(cast, role) for argument in place.arguments}

    own, colleagues, foreign = (values(cast) for cast in (cookies.world.hana, cookies.colleague, cookies.world.duri))
    found = {"own": place.path(own)}
    for argument in place.arguments:
        found[f"foreign {argument}"] = place.path({**own, argument: foreign[argument]})
        found[f"missing {argument}"] = place.path({**own, argument: missing[argument]})
    if len(place.arguments) > 1:
        found["foreign path"], found["missing path"] = place.path(foreign), place.path(missing)
    for argument in place.arguments:
        if len(place.arguments) > 1 and colleagues[argument] != own[argument]:
            found[f"colleague's {argument}"] = place.path({**own, argument: colleagues[argument]})
    if colleagues != own:
        found[COLLEAGUES_WHOLLY] = place.path(colleagues)
    return found


# Pages of signing in answer who is signed in otherwise; their tests are in tests/api/test_desk_log_in.py.
_OF_SIGNING_IN: Final = {"login", "ask-for-code", "log-in-by-code", "second-factor", "set-up-factor", "logout"}


_ANSWERED_AT_ONCE: Final = {  # recovery codes, and files
    "set-up-factor",
    "exams_exam_export",
    "rosters_roster_left",
    "accounts_user_export",
    "students_student_export",
    "courses_course_export",
    "homework_assignment_export-missing",
}


@by_operation
def test_own_foreign_and_missing(place: Place, method: str, cookies: Cookies, record_property: Any) -> None:
    permitted = PERMITS[place.site][place.name, method]
    entry = {role.value for role in Role if Permission(SITES[place.site].entry) in ROLE_PERMISSIONS[role]}
    nowhere = _send(cookies.client(place.site, ANONYMOUS), "GET", "/admin/no/such/page/")
    assert nowhere.status_code == 404
    untouched = _fingerprint(cookies.world)
    passed = sent = kept_apart = 0
    for caller in CALLERS:
        is_allowed = permitted == EVERYBODY or caller in permitted
        answers: dict[str, tuple[int, bytes]] = {}
        for name, path in _paths(place, cookies, caller).items():
            with transaction.atomic():
                client = cookies.client(place.site, caller)
                before, form = untouched, FORMS.get(place.name)
                if place.name in PREPARATIONS:
                    with cookies.world.hana.acting():
                        person = cookies.user(place.site, caller)
                        form = PREPARATIONS[place.name](client, cookies.world.hana, person) or form
                    before = _fingerprint(cookies.world)
                response = _send(client, method, path, form)
                sent += 1
                status, answers[name] = response.status_code, (response.status_code, response.content)
                what = f"{caller}, {name}: {status} {response.content[:300]!r}"
                gets_through = name == "own" or (name == COLLEAGUES_WHOLLY and caller in SEE_EVERYTHING)
                if is_allowed and gets_through:
                    assert status in (200, 302), what
                    if method == "POST" and place.name not in _OF_SIGNING_IN:
                        assert status == 302 or place.name in _ANSWERED_AT_ONCE, f"{what}: the form came back"
                    passed += 1
                elif is_allowed:
                    assert status == 404, what
                elif caller in (ANONYMOUS, OUTSIDER):
                    assert status == 302, what
                    assert response["Location"].startswith("/admin/log-in/"), what
                elif caller not in entry:
                    assert answers[name] == (404, nowhere.content), f"{what}: not the answer of a missing page"
                else:
                    assert status == 403, what
                if not (is_allowed and gets_through):
                    assert _fingerprint(cookies.world) == before, f"{what}: something was written"
                transaction.set_rollback(True)
        for name in [name for name in answers if name.startswith("foreign")]:
            assert answers[name] == answers[name.replace("foreign", "missing")], f"{caller}: {name} shows"
        for name in [name for name in answers if name.startswith("colleague's")]:
            if is_allowed and caller not in SEE_EVERYTHING:
                missing = [answers[other] for other in answers if other.startswith("missing")]
                assert all(answers[name] == answer for answer in missing), f"{caller}: {name} shows"
                kept_apart += 1
        if not is_allowed and caller not in (ANONYMOUS, OUTSIDER):
            assert len(set(answers.values())) == 1, f"{caller}: the refusal depends on the object"
    assert passed > 0 or place.name == "end-session", "nobody gets through: the walk proves nothing"
    record_property("covered", ("combinations of desk page, method, caller and object", sent))
    record_property(
        "covered", ("of them, requests for a colleague's course by who gets through to their own", kept_apart)
    )


def test_no_list_shows_a_colleagues_course_to_who_sees_their_own(cookies: Cookies, record_property: Any) -> None:
    """Whatever shows a manager something of the colleague's without naming it is walked as everybody who may."""
    showing = compared = 0
    for place in PLACES:
        if place.site != "desk" or place.arguments or "GET" not in (place.permissions or {}):
            continue
        path = place.path({})
        if COLLEAGUE.encode() not in _send(cookies.client("desk", Role.MANAGER.value), "GET", path).content:
            continue
        showing += 1
        for caller in CALLERS:
            if caller not in SEE_EVERYTHING:
                answer = _send(cookies.client("desk", caller), "GET", path)
                assert COLLEAGUE.encode() not in answer.content, (path, caller)
                compared += answer.status_code == 200
    assert showing >= 6, "home, students, exams, files, sheets, people: the walk does not see the colleague's things"
    assert compared >= 10
    record_property("covered", ("desk lists without a colleague's things, by who sees their own", compared))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.site} {place.route}")
def test_a_method_that_is_not_declared_is_refused(place: Place, cookies: Cookies) -> None:
    role = Role.OWNER if place.site == "desk" else Role.OPERATOR
    path = next(iter(_paths(place, cookies, role.value).values()))
    for method in METHODS:
        if method not in (place.permissions or {}):
            assert _send(cookies.client(place.site, role.value), method, path).status_code == 405, method
            assert _send(cookies.client(place.site, ANONYMOUS), method, path).status_code in (302, 405), method


def test_the_pages_of_one_host_are_not_on_the_other(cookies: Cookies) -> None:
    for site, other, role in (("desk", "platform", Role.OPERATOR), ("platform", "desk", Role.OWNER)):
        known = {place.name for place in places_of(other)}
        client = cookies.client(other, role.value)
        nowhere = client.get("/admin/no/such/page/").content
        for place in places_of(site):
            if place.name not in known:
                answer = client.get(next(iter(_paths(place, cookies, role.value).values())))
                assert (answer.status_code, answer.content) == (404, nowhere), place.route


@pytest.mark.parametrize("page", ["history", "delete", "autocomplete", "password"])
def test_pages_of_django_that_look_past_the_services_are_not_there(page: str, cookies: Cookies) -> None:
    client = cookies.client("desk", Role.OWNER.value)
    exam = cookies.world.hana.exam.pk
    for path in (f"/admin/exams/exam/{exam}/{page}/", f"/admin/{page}/", "/admin/r/1/1/"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "query",
    [
        "exam={exam}",
        "exam__id__exact={exam}",
        "exam_id={exam}",
        "student={student}",
        "batch__exam={exam}",
        "_popup=1&_to_field=id",
        "after={scan}",
        "q={number}",
        "review=1&exam={exam}",
        "tenant={tenant}",
        "tenant__id__exact={tenant}",
    ],
)
def test_what_stands_in_the_address_of_a_list_shows_nothing_foreign(query: str, cookies: Cookies) -> None:
    world = cookies.world
    client = cookies.client("desk", Role.OWNER.value)
    answers = []
    for exam, student, scan, tenant in (
        (world.duri.exam.pk, world.duri.student.pk, world.duri.scan.pk, world.duri.tenant.pk),
        (2**40, 2**40, 2**40, 2**40),
    ):
        values = {"exam": exam, "student": student, "scan": scan, "tenant": tenant, "number": "두리"}
        response = client.get("/admin/exams/scan/?" + query.format(**values), follow=True)
        assert response.status_code in (200, 400), response.status_code
        body = response.content.decode()
        assert "두리영어" not in body
        assert f"/admin/exams/scan/{world.duri.scan.pk}/" not in body
        answers.append((response.status_code, body.count('class="data-row')))
    assert len({status for status, _ in answers}) == 1
    if "after" not in query:  # where the list goes on from is a number of the reader's own
        assert answers[0] == answers[1]
