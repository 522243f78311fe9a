"""The run: each operation's cases by each caller, every one undone, and what was wrong with the answers."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIApplication

import hypothesis
import orjson
import schemathesis
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.test import Client as DjangoClient
from django.test import override_settings
from django.urls import resolve
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from werkzeug.test import Client, TestResponse

from academy.jobs.queues import create_queues
from academy.limits.limiter import forget_everything
from academy.storage.s3 import create_bucket
from academy.tenancy.checks import tenant_models
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.statements import StatementGuard
from tests.architecture.objects import BODIES, PREPARATIONS
from tests.deep.marked_world import Caller, make_callers, make_marked_world
from tests.deep.requests import Sent, ids_in_path, sent_from, values_in_body
from tests.factories import World

FRAMES: Final = 4
SCHEMA_TYPE: Final = "application/vnd.oai.openapi+json"
Case: TypeAlias = schemathesis.Case[Any]
Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]


@dataclass(slots=True)
class Finding:
    """What is wrong, the shortest request that shows it, and how many did."""

    what: str
    detail: str
    sent: Sent
    count: int = 1


@dataclass(slots=True)
class Run:
    application: WSGIApplication
    world: World
    callers: list[Caller]
    guard: StatementGuard
    seed: int
    findings: dict[str, Finding] = field(default_factory=dict)
    reports: dict[str, Finding] = field(default_factory=dict)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    unsendable: int = 0
    digest: Any = field(default_factory=sha256)

    def note(self, notes: dict[str, Finding], what: str, detail: str, sent: Sent) -> None:
        known = notes.get(what)
        if known is None:
            notes[what] = Finding(what, detail, sent)
            return
        known.count += 1
        if len(sent.text()) < len(known.sent.text()):
            known.detail, known.sent = detail, sent


def run(application: WSGIApplication, *, seed: int, examples: int, only: str) -> list[Finding]:
    """Send, print the counts of each operation as it is done and then what was found; gives the findings."""
    logging.disable(logging.CRITICAL)  # each 5xx has its traceback in the report
    with _aws(), override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        guard = StatementGuard(frozenset(model._meta.db_table for model in tenant_models()))
        with transaction.atomic():
            world = make_marked_world()
            this = Run(application, world, make_callers(world), guard, seed)
            with _connection_kept(), connection.execute_wrapper(guard), _tracebacks(this.errors):
                for operation in _operations(this, only):
                    _walk(this, operation, examples)
                    _print_statuses(operation.definition.raw["operationId"], this)
            transaction.set_rollback(True)
    assert this.statuses, f"no operation has {only!r} in its id"
    _print(this)
    return list(this.findings.values())


@contextmanager
def _aws() -> Iterator[None]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(
        ip_address="127.0.0.1", port=urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 0, verbose=False
    )
    server.start()
    create_queues()
    create_bucket()
    try:
        yield
    finally:
        server.stop()


@contextmanager
def _connection_kept() -> Iterator[None]:
    """Requests do not end the transaction that undoes them, as in Django's test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


@contextmanager
def _tracebacks(errors: list[str]) -> Iterator[None]:
    """Collect the last frames of what a view or a middleware raised."""

    def keep(**_: object) -> None:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        frames = traceback.format_list(traceback.extract_tb(trace)[-FRAMES:])
        errors.append("".join([*frames, *traceback.format_exception_only(kind, error)]))

    got_request_exception.connect(keep)
    try:
        yield
    finally:
        got_request_exception.disconnect(keep)


def _operations(this: Run, only: str) -> Iterator[Operation]:
    config = SchemathesisConfig()
    config.projects.default.generation = GenerationConfig(with_security_parameters=False)
    described = Client(this.application).get(
        "/api/schema", base_url=f"http://{this.world.hana.host}", headers={"Accept": SCHEMA_TYPE}
    )
    assert described.status_code == 200, this.errors
    schema = schemathesis.openapi.from_dict(orjson.loads(described.get_data()), config=config)
    schema.app = this.application
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result.err()
        operation = result.ok()
        if only in operation.definition.raw["operationId"]:
            yield operation


def _walk(this: Run, operation: Operation, examples: int) -> None:
    name = operation.definition.raw["operationId"]
    random = Random(f"{this.seed} {name}")
    this.statuses[name] = Counter()
    _send_known_bodies(this, operation)

    def send(case: Case) -> None:
        path, body = dict(case.path_parameters), case.body
        for caller in this.callers:
            case.path_parameters = ids_in_path(path, caller, random)
            case.body = values_in_body(body, this.world, caller, random)
            with _undone():
                _send(this, operation, sent_from(case.as_transport_kwargs(), caller), case)
        case.path_parameters, case.body = path, body

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    test = create_test(
        operation=operation,
        test_func=hypothesis.seed(this.seed)(send),
        config=HypothesisTestConfig(project=operation.schema.config, modes=list(HypothesisTestMode), settings=settings),
    )
    test()


def _send_known_bodies(this: Run, operation: Operation) -> None:
    """The requests that succeed, by each caller, with the body and the ids of their academy and of the other one."""
    for caller in this.callers:
        other = this.world.duri if caller.cast is this.world.hana else this.world.hana
        for bodies_of in (caller.cast, other):
            for ids in zip(*(caller.ids[argument.name] for argument in operation.path_parameters), strict=False):
                _send_known_body(this, operation, caller, bodies_of, ids)
            if not list(operation.path_parameters):
                _send_known_body(this, operation, caller, bodies_of, ())


def _send_known_body(this: Run, operation: Operation, caller: Caller, bodies_of: Any, ids: tuple[str, ...]) -> None:
    path = operation.path
    for argument, value in zip(operation.path_parameters, ids, strict=True):
        path = path.replace(f"{{{argument.name}}}", value)
    key = resolve(path).url_name or "", operation.method.upper()
    make_body = BODIES.get(key)
    with _undone():
        body = make_body(bodies_of) if make_body else None
        cookies = caller.cookies
        if key in PREPARATIONS:
            with caller.cast.acting():
                browser = DjangoClient(SERVER_NAME=caller.cast.host)
                for pair in cookies.split("; "):
                    browser.cookies.load(pair)
                body = PREPARATIONS[key](browser, caller.cast, caller.user) or body
                cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        arguments = {"path": path, "method": operation.method, "headers": {"Cookie": cookies}}
        sent = sent_from(arguments | ({} if body is None else {"json": body}), caller, cookies=cookies)
        _send(this, operation, sent, None)


@contextmanager
def _undone() -> Iterator[None]:
    forget_hosts()
    forget_everything()  # the limits have tests of their own
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _send(this: Run, operation: Operation, sent: Sent, case: Case | None) -> None:
    name = operation.definition.raw["operationId"]
    this.digest.update(f"{sent.caller.name} {sent.method} {sent.path} {sent.query} ".encode() + sent.body)
    this.errors.clear()
    this.guard.found.clear()
    try:
        answer = Client(this.application, use_cookies=False).open(
            path=sent.path,
            method=sent.method,
            base_url=f"http://{sent.caller.cast.host}",
            query_string=sent.query,
            headers={**sent.headers, "Cookie": sent.cookies},
            data=sent.body,
        )
    except (UnicodeError, ValueError) as error:
        if not this.errors and "header" in str(error).lower() + type(error).__name__.lower():
            this.unsendable += 1
            return
        raise
    this.statuses[name][answer.status_code] += 1
    if answer.status_code >= 500:
        detail = this.errors[-1] if this.errors else answer.get_data(as_text=True)[:500]
        this.note(this.findings, f"{name}: {answer.status_code} {detail.splitlines()[-1][:120]}", detail, sent)
    for statement in this.guard.found:
        this.note(this.findings, f"{name}: statement without its tenant: {statement[:120]}", statement, sent)
    _check_foreign(this, name, sent, answer)
    _check_content_type(this, operation, sent, answer)
    # of a stream of events the schema says that it is text; what is checked there would be each event
    if case is not None and answer.status_code < 500 and answer.mimetype != "text/event-stream":
        _report_schema(this, operation, sent, answer)


def _check_foreign(this: Run, name: str, sent: Sent, answer: TestResponse) -> None:
    """Values of the other academy in the answer which the caller did not say."""
    body = answer.get_data()
    if answer.mimetype == "application/json" and body:
        body += orjson.dumps(orjson.loads(body))  # also what was escaped
    said = f"{answer.headers} {body.decode('utf-8', 'replace')}"
    shown = [marker for marker in sent.caller.foreign if marker in said]
    if shown:
        asked = unquote(sent.text())
        for marker in sorted(shown):
            if marker not in asked:
                self_said = said[max(0, said.find(marker) - 80) :][:240]
                this.note(this.findings, f"{name}: foreign value by {sent.caller.name}", self_said, sent)


def _check_content_type(this: Run, operation: Operation, sent: Sent, answer: TestResponse) -> None:
    name, status = operation.definition.raw["operationId"], answer.status_code
    declared = operation.definition.raw["responses"]
    response = declared.get(str(status)) or declared.get(f"{status // 100}XX") or declared.get("default")
    if sent.method != operation.method.upper() or status >= 500:
        return
    if response is None:
        this.note(this.reports, f"{name}: {status} is not in the schema", "", sent)
        return
    types = set(response.get("content", {}))
    if answer.get_data() and answer.mimetype not in types:
        this.note(this.findings, f"{name}: {status} with {answer.mimetype}, not {sorted(types)}", "", sent)
    elif types and not answer.get_data() and sent.method != "HEAD":
        this.note(this.findings, f"{name}: {status} without a body", "", sent)


def _report_schema(this: Run, operation: Operation, sent: Sent, answer: TestResponse) -> None:
    try:
        operation.validate_response(answer)
    except (schemathesis.core.failures.Failure, BaseExceptionGroup) as failure:
        first = failure.exceptions[0] if isinstance(failure, BaseExceptionGroup) else failure
        lines = str(first).strip().splitlines()
        name = operation.definition.raw["operationId"]
        this.note(this.reports, f"{name}: {answer.status_code} {' '.join(lines[:3])[:160]}", "", sent)


def _print_statuses(name: str, this: Run) -> None:
    statuses = this.statuses[name]
    answers = " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
    print(f"{statuses.total():6,}  {name:32} {answers}", flush=True)


def _print(this: Run) -> None:
    total = sum(statuses.total() for statuses in this.statuses.values())
    print(f"{total:6,}  requests, digest {this.digest.hexdigest()[:12]}; {this.unsendable} more that HTTP cannot carry")
    for title, notes in (("NOT AS THE SCHEMA SAYS (reported only)", this.reports), ("FOUND", this.findings)):
        for finding in notes.values():
            print(f"\n{title}: {finding.what} ({finding.count} times)")
            if finding.detail:
                print(finding.detail.rstrip())
            print(finding.sent.curl())
