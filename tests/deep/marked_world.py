"""Two academies each of whose rows says whose it is, so that an answer which holds the other's is recognised."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import psycopg
from django.conf import settings
from django.db import connection, transaction

from academy.jobs.models import Job
from academy.storage import s3
from academy.storage.models import Upload
from academy.tenancy.context import acting_for
from apps.accounts.models import Session, User
from apps.accounts.roles import Role
from apps.courses.models import Attendance, Course
from apps.exams.models import Exam, Scan
from apps.students.models import Student
from tests.architecture.objects import MISSING, OBJECTS
from tests.architecture.rows import bystander_of, complete, every_tenant_model
from tests.architecture.test_urls import TEMPLATE
from tests.factories import Cast, World, client_of
from tests.factories.world import make_cast

FIRST_IDS: Final = {"hana": 7_100_000_001, "duri": 7_200_000_001}
NEW_IDS: Final = 7_300_000_001  # of what the requests make, for either academy
MARKER_CHARACTERS: Final = 8  # shorter values turn up by chance
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
CSRF: Final = "d" * 32


@dataclass(frozen=True, slots=True)
class Caller:
    """A browser: on whose host, with which session, what it must never be shown, and the ids it may try in paths."""

    name: str
    cast: Cast
    user: User | None
    cookies: str
    foreign: frozenset[str]
    ids: Mapping[str, Sequence[str]]


def make_marked_world() -> World:
    """Rows with ids, names, titles, numbers and phones that no row of the other academy has."""
    _begin_ids(FIRST_IDS["hana"])
    hana = make_cast("hana", "하나수학 hana-academy")
    _begin_ids(FIRST_IDS["duri"])
    world = World(hana=hana, duri=make_cast("duri", "두리영어 duri-academy"))
    complete(world)
    _begin_ids(NEW_IDS)
    for cast, digit in ((world.hana, "1"), (world.duri, "2")):
        for user in cast.users.values():
            client_of(user)  # the sessions that some URLs name
        with cast.acting():
            _stamp(cast, cast.tenant.slug, digit)
            s3.write_object(cast.spare_upload.key, b"\xff\xd8\xff", content_type="image/jpeg")
            s3.write_object(cast.template_upload.key, TEMPLATE, content_type="application/json")
    return world


def _begin_ids(first: int) -> None:
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as admin:
        admin.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, %s, false) FROM pg_sequences"
            " WHERE data_type = 'bigint'::regtype AND schemaname NOT IN ('pg_catalog', 'information_schema')",
            [first],
        )


def _stamp(cast: Cast, slug: str, digit: str) -> None:
    for user in User.objects.order_by("pk"):
        mine = User.objects.filter(pk=user.pk)
        mine.update(name=f"{user.name} {slug}-{user.role}")
        if user.pk != bystander_of(cast).pk:  # who is found by the phone
            mine.update(phone=f"+82105{digit}{user.pk % 1_000_000:06d}")
    for index, student in enumerate(Student.objects.order_by("pk"), start=1):
        number = f"{slug.upper()}24010{index}"
        Student.objects.filter(pk=student.pk).update(name=f"이하늘 {slug}-student", number=number)
        Scan.objects.filter(student=student).update(number_read=number)
    for index, exam in enumerate(Exam.objects.order_by("pk"), start=1):
        code = f"{slug.upper()}SHEETCODE0{index}"
        Exam.objects.filter(pk=exam.pk).update(title=f"중간고사 {slug}-exam", sheet_code=code)
    Course.objects.update(name=f"심화반 {slug}-course", schedule=f"{slug}-on-Mondays")
    Attendance.objects.update(note=f"{slug}-note")
    Upload.objects.update(file_name=f"{slug}-scan-file.jpg", created_by=cast.owner)
    Job.objects.update(error_code=f"{slug}_error_code", error_message=f"{slug}-error-message")
    Session.objects.update(user_agent=f"{slug}-browser")
    for thing in (*cast.users.values(), cast.student, cast.exam, cast.upload, cast.spare_upload, cast.scan, cast.job):
        thing.refresh_from_db()


def make_callers(world: World) -> list[Caller]:
    """The sessions of the run, and for each the values of the other academy's rows."""
    people = [
        ("hana owner", world.hana, world.hana.owner),
        ("duri owner", world.duri, world.duri.owner),
        ("hana student", world.hana, world.hana.users[Role.STUDENT]),
        ("nobody", world.hana, None),
    ]
    cookies = [_cookies(user) for _, _, user in people]
    values = {cast.tenant.slug: _values(cast) for cast in (world.hana, world.duri)}
    foreign = {"hana": values["duri"] - values["hana"], "duri": values["hana"] - values["duri"]}
    return [
        Caller(name, cast, user, cookie, foreign[cast.tenant.slug], _ids(world, cast, user))
        for (name, cast, user), cookie in zip(people, cookies, strict=True)
    ]


def _ids(world: World, cast: Cast, user: User | None) -> dict[str, list[str]]:
    """Path argument -> own twice, the other academy's, nobody's."""
    role = Role(user.role) if user else Role.OWNER
    other = world.duri if cast is world.hana else world.hana
    found: dict[str, list[str]] = {}
    for key, find in OBJECTS.items():
        missing = MISSING["uuid" if key.endswith("handle") else "int"]
        own, foreign = find(cast, role), find(other, role)
        found.setdefault(key.rpartition(" ")[2], []).extend([str(own), str(own), str(foreign), str(missing)])
    return found


def _cookies(user: User | None) -> str:
    found = f"{settings.CSRF_COOKIE_NAME}={CSRF}"
    if user is None:
        return found
    return f"{found}; {settings.SESSION_COOKIE_NAME}={client_of(user).cookies[settings.SESSION_COOKIE_NAME].value}"


def _values(cast: Cast) -> frozenset[str]:
    """Every value of the academy's rows that is long enough to be told from chance."""
    tenant = cast.tenant
    found = {f"{tenant.slug}-academy", tenant.name, cast.host}
    with acting_for(tenant), transaction.atomic(), connection.cursor() as cursor:
        for model in every_tenant_model():
            table = model._meta.db_table
            cursor.execute(f"SELECT to_json(row)::text FROM {table} AS row WHERE tenant_id = %s", [tenant.pk])
            for (row,) in cursor.fetchall():
                found.update(_texts(orjson.loads(row)))
    found.update([text.replace("+82", "0", 1) for text in found if text.startswith("+8210")])
    # The stamp alone too, e.g. in a part of a name.
    return frozenset(
        {f"{tenant.slug}-"} | {text for text in found if len(text) >= MARKER_CHARACTERS and not _TIME.match(text)}
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
    elif type(value) is int:
        yield str(value)
