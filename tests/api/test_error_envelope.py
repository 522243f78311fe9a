"""Whatever is sent, the answer is the one error envelope, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from apps.exams.models import Exam
from apps.students.models import Student
from apps.students.services import create_student
from tests.api.answers import JSON, error_of, post
from tests.factories import World, client_of, stranger_on

EXAMS = "/api/v1/exams"


@pytest.fixture
def owner(world: World) -> Client:
    return client_of(world.hana.owner)


def send(client: Client, url: str, body: bytes | str, content_type: str = JSON, **headers: Any) -> Any:
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return client.generic("POST", url, data, content_type=content_type, **headers)


def test_what_is_no_json_is_a_parse_error(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[bytes | str] = [
        "{",
        "{]",
        "nonsense",
        '{"title": "x",}',
        "{'title': 'x'}",
        '{"title": NaN}',
        '{"title": Infinity}',
        '{"title": 1e400}',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"\x00",
        b'{"title": "\xff"}',
        '{"title": "\\ud800"}',
        '{"\\udc00": 1}',
        '{"title": "\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 100_000,
        "{} {}",
    ]
    for body in cases:
        with subtests.test(body=body):
            assert error_of(send(owner, EXAMS, body), 400)["code"] == "parse_error"


def test_json_of_another_shape_is_invalid(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = [
        "null",
        "7",
        '"text"',
        "[]",
        "[1]",
        "[{}]",
        "true",
        '{"title": {"deep": ' + "[" * 500 + "]" * 500 + "}}",
        '{"' + "k" * 10_000 + '": 1}',
        "{}",
        "",
    ]
    for body in cases:
        with subtests.test(body=body):
            for url in (EXAMS, "/api/v1/students", "/api/v1/uploads", "/api/v1/session"):
                error_of(send(owner, url, body), 400)


def test_another_content_type_is_unsupported(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "x",
        "\x00",
    ]
    for content_type in cases:
        with subtests.test(content_type=content_type):
            error_of(send(owner, EXAMS, '{"title": "x"}', content_type), 415)


def test_a_charset_changes_nothing(world: World, owner: Client) -> None:
    for charset in ("utf-8", "latin-1", "nonsense", "utf-7"):
        body = json.dumps({"title": "기말고사", "question_count": 5}, ensure_ascii=False)
        answer = send(owner, EXAMS, body, f"application/json; charset={charset}")
        assert answer.status_code == 201
        assert answer.json()["title"] == "기말고사"


def test_a_body_over_a_megabyte_is_too_large(world: World, owner: Client) -> None:
    limit = 1024 * 1024
    fits = json.dumps({"title": "x" * (limit - 100)})
    assert error_of(send(owner, EXAMS, fits), 400)["attr"] == "title"
    for content_type in (JSON, "application/x-www-form-urlencoded"):
        answer = send(owner, EXAMS, b" " * (limit + 1), content_type)
        assert answer.status_code in (413, 415)
        error_of(answer, answer.status_code)
    assert error_of(send(owner, EXAMS, b" " * (limit + 1)), 413)["code"] == "request_too_large"


def test_a_form_too_large_for_the_csrf_check_is_no_crash(world: World, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    for content_type in cases:
        with subtests.test(content_type=content_type):
            client = client_of(world.hana.owner, checks_csrf=True)
            bodies = [
                b"a" * (1024 * 1024 + 1),
                b"&".join(b"a%d=1" % number for number in range(2000)),
                b"--x\r\nbroken",
            ]
            for body in bodies:
                answer = send(client, EXAMS, body, content_type)
                assert 400 <= answer.status_code < 500
                error_of(answer, answer.status_code)


def test_an_unknown_url_is_not_found(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = [
        "/",
        "/nothing",
        "/api",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/exams/",
        "/api/v1/exams/x",
        "/api/v1/exams/-1",
        "/api/v1/exams/1.5",
        "/api/v1/exams/%00",
        "/api/v1/exams/%FF",
        "/api/v1/exams/1/nothing",
        "/api/v1/exams/" + "9" * 6000,
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//evil.test/x",
        "/api/v1/세션",
    ]
    for path in cases:
        with subtests.test(path=path):
            for client in (owner, stranger_on(world.hana.tenant)):
                assert error_of(client.get(path), 404)["code"] == "not_found"


def test_an_id_of_any_size_in_a_path_is_missing(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[int] = [0, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, 10**300]
    for identity in cases:
        with subtests.test(identity=identity):
            for path in (
                f"exams/{identity}",
                f"exams/{identity}/key",
                f"exams/{identity}/sheet.pdf",
                f"exams/{identity}/scans",
                f"exams/{identity}/results",
                f"batches/{identity}",
                f"scans/{identity}",
                f"jobs/{identity}",
            ):
                assert error_of(owner.get(f"/api/v1/{path}"), 404)["code"] == "not_found"
            answer = owner.put(f"/api/v1/exams/{identity}/key", {"answers": {}}, content_type=JSON)
            assert error_of(answer, 404)["code"] == "not_found"
            error_of(post(owner, f"/api/v1/exams/{identity}/scans", {"upload": 1}), 404)


def test_an_id_of_any_size_in_a_body_is_missing_or_invalid(
    world: World, owner: Client, subtests: pytest.Subtests
) -> None:
    cases: list[object] = [2**63, 2**64, 10**30, "9" * 30, "9" * 999, "9" * 5000, -(2**70)]
    for identity in cases:
        with subtests.test(identity=identity):
            template = {"title": "x", "template_upload": identity}
            for url, data in (
                (f"{EXAMS}/{world.hana.exam.pk}/scans", {"upload": identity}),
                (f"{EXAMS}/on-template", template),
            ):
                answer = send(owner, url, json.dumps(data))
                assert answer.status_code in (400, 404)
                error_of(answer, answer.status_code)


def test_an_unknown_host_is_no_academy(world: World, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["nobody.academy.test", "academy.test", "hana.academy.test.evil.test", "127.0.0.1"]
    for host in cases:
        with subtests.test(host=host):
            assert error_of(Client(SERVER_NAME=host).get("/api/v1/session"), 404)["code"] == "academy_not_found"


def test_a_malformed_host_is_no_academy(world: World, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["", "a b", "ha_na..", "%00", "[::1", "x" * 300, "hana.academy.test/", "한글"]
    for host in cases:
        with subtests.test(host=host):
            raw = host.encode().decode("latin-1")
            assert error_of(Client(HTTP_HOST=raw).get("/api/v1/session"), 404)["code"] == "academy_not_found"


def test_a_host_is_known_in_every_spelling(world: World, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["HANA.academy.test", "hana.academy.test:8000", "hana.academy.test."]
    for host in cases:
        with subtests.test(host=host):
            assert Client(HTTP_HOST=host).get("/api/v1/session").json()["academy"]["slug"] == "hana"


def test_a_suspended_academy_answers_like_an_unknown_host(world: World) -> None:
    from academy.tenancy.hosts import forget_hosts
    from academy.tenancy.models import TenantStatus

    world.hana.tenant.status = TenantStatus.SUSPENDED
    world.hana.tenant.save(update_fields=["status"])
    forget_hosts()
    suspended = stranger_on(world.hana.tenant).get("/api/v1/session")
    assert suspended.content == Client(SERVER_NAME="nobody.academy.test").get("/api/v1/session").content
    assert suspended.status_code == 404


def test_a_method_that_a_url_does_not_have_is_not_allowed(world: World, subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str]] = [
        ("DELETE", "/api/v1/exams"),
        ("PATCH", "/api/v1/session"),
        ("POST", "/api/v1/jobs/1"),
        ("PUT", "/api/v1/uploads"),
        ("GET", "/api/v1/uploads"),
        ("NONSENSE", "/api/v1/exams"),
        ("TRACE", "/api/v1/exams"),
    ]
    for method, path in cases:
        with subtests.test(method=method, path=path):
            for client in (client_of(world.hana.owner), stranger_on(world.hana.tenant)):
                assert error_of(client.generic(method, path), 405)["code"] == "method_not_allowed"


def test_a_head_request_is_a_get_without_a_body(world: World, owner: Client) -> None:
    answer = owner.head(EXAMS)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_stranger_is_asked_to_sign_in(world: World) -> None:
    answer = stranger_on(world.hana.tenant).get(EXAMS)
    assert error_of(answer, 401)["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"] == "Session"


def test_what_cannot_be_sent_is_not_acceptable(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["text/html", "application/xml", "nonsense"]
    for accept in cases:
        with subtests.test(accept=accept):
            error_of(owner.get(EXAMS, HTTP_ACCEPT=accept), 406)


def test_a_format_that_is_asked_for_is_not_found(world: World, owner: Client) -> None:
    error_of(owner.get(EXAMS, {"format": "xml"}), 404)


def test_several_errors_come_together(world: World, owner: Client) -> None:
    answer = post(owner, "/api/v1/students", {})
    error_of(answer, 400)
    assert {error["attr"] for error in answer.json()["errors"]} == {"number", "name"}
    assert {error["code"] for error in answer.json()["errors"]} == {"required"}


def test_a_fault_of_ours_says_nothing_and_writes_nothing(
    world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = create_student

    def broken(**data: Any) -> Student:
        create(**data)
        raise RuntimeError("secret detail of the inside")

    monkeypatch.setattr("apps.students.api.services.create_student", broken)
    owner.raise_request_exception = False
    answer = post(owner, "/api/v1/students", {"number": "555555", "name": "이하늘"})
    assert "secret" not in str(error_of(answer, 500))
    with world.hana.acting():
        assert not Student.objects.filter(number="555555").exists()


def test_a_refused_request_keeps_the_connection_usable(world: World, owner: Client) -> None:
    post(owner, "/api/v1/students", {"number": world.hana.student.number, "name": "x"})
    assert owner.get("/api/v1/students").status_code == 200


def test_a_json_number_that_is_no_id_finds_nobody(world: World, owner: Client) -> None:
    with world.hana.acting():
        before = Exam.objects.count()
    error_of(send(owner, EXAMS, '{"title": "x", "question_count": 18446744073709551616}'), 400)
    with world.hana.acting():
        assert Exam.objects.count() == before
