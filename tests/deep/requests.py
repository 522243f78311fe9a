"""What a case becomes on its way: ids that exist here, there or nowhere, and secrets that are right."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.architecture.objects import CODE, MISSING_ID
from tests.deep.marked_world import CSRF, Caller
from tests.factories import PASSWORD, Cast, World

# How often a generated value gives way to one that leads somewhere.
SHARE_OF_REAL_IDS: Final = 0.8
SHARE_OF_REAL_BODY_VALUES: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, as the WSGI server would get it."""

    caller: Caller
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    cookies: str

    def curl(self) -> str:
        """The request for a shell, against the rows that this run makes each time."""
        parts = ["curl", "-X", self.method, f"http://{self.caller.cast.host}{self.path}{'?' * bool(self.query)}"]
        parts[-1] += self.query
        for name, value in {**self.headers, "Cookie": self.cookies}.items():
            parts += ["-H", f"{name}: {value}"]
        if self.body:
            parts += ["--data-raw", self.body.decode("utf-8", "backslashreplace")]
        return f"{shlex.join(parts)}  # {self.caller.name}"

    def text(self) -> str:
        """All that the caller said, in which an answer may repeat them."""
        return f"{self.path} {self.query} {list(self.headers.values())} {self.body.decode('utf-8', 'replace')}"


def ids_in_path(generated: Mapping[str, Any], caller: Caller, random: Random) -> dict[str, Any]:
    """Path arguments: own, the other academy's, nobody's, or as generated."""
    return {
        name: random.choice(caller.ids[name]) if name in caller.ids and random.random() < SHARE_OF_REAL_IDS else value
        for name, value in generated.items()
    }


def values_in_body(body: Any, world: World, caller: Caller, random: Random) -> Any:
    """``body`` with some of its ids and secrets replaced by those of rows that exist."""
    if not isinstance(body, dict):
        return body
    other = world.duri if caller.cast is world.hana else world.hana
    changed = dict(body)
    for name in body:
        if random.random() <= SHARE_OF_REAL_BODY_VALUES:
            known = _known_values(name, caller.cast, other)
            changed[name] = random.choice(known) if known else body[name]
    return changed


def _known_values(name: str, own: Cast, other: Cast) -> list[Any]:
    match name:
        case "upload":
            return [own.spare_upload.pk, own.upload.pk, other.spare_upload.pk, MISSING_ID]
        case "template_upload" | "evaluation_upload":
            return [own.template_upload.pk, own.spare_upload.pk, other.template_upload.pk, MISSING_ID]
        case "student":
            return [own.student.pk, other.student.pk, MISSING_ID]
        case "course":
            return [own.course.pk, other.course.pk, MISSING_ID]
        case "students":
            return [[own.student.pk], [own.student.pk, other.student.pk], [MISSING_ID]]
        case "teachers":
            return [[own.teacher.pk], [other.teacher.pk], [own.teacher.pk, MISSING_ID]]
        case "phone":
            return [str(own.owner.phone), str(own.teacher.phone), str(other.owner.phone)]
        case "password" | "old_password":
            return [PASSWORD]
        case "code":
            return [CODE]
    return []


def sent_from(arguments: Mapping[str, Any], caller: Caller, *, cookies: str | None = None) -> Sent:
    """From the arguments that schemathesis has for a WSGI client."""
    query = arguments.get("query_string") or {}
    body = json.dumps(arguments["json"], default=str).encode() if "json" in arguments else arguments.get("data") or b""
    headers = {name: str(value) for name, value in arguments["headers"].items() if name.lower() not in _NOT_CASES}
    if "json" in arguments:
        headers.setdefault("Content-Type", "application/json")
    return Sent(
        caller=caller,
        method=arguments["method"].upper(),
        path=quote(arguments["path"], safe="/%:@!$&'()*+,;=~"),
        query=query if isinstance(query, str) else urlencode(query, doseq=True, errors="replace"),
        headers={**headers, "X-CSRFToken": CSRF},
        body=body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass"),
        cookies=cookies or caller.cookies,
    )


_NOT_CASES: Final = frozenset({"cookie", "host", "user-agent", "x-schemathesis-testcaseid", "content-length"})
