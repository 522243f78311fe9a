"""Moving one academy between the pool and a schema of its own, with every row, id and session kept.

Ids. The tables of a silo count for themselves, so that two schemas could give one id to two rows, and a row that
came back would find its place in the pool taken. Therefore a silo counts in a range of its academy's own, from
``tenant id * 2**32`` on: ids are never mapped, links and S3 keys and queued jobs stay true, and an academy can move
there and back. Up to two million academies these ids are exact in JavaScript, too (below 2**53). A silo that was made
before there were ranges may hold ids that the pool has given as well; that move is refused by the pool's primary keys.

The way: no request may write meanwhile, so the academy is marked MOVING, which every process knows once its copy of
the host table is old (``hosts.LOOKUP_SECONDS``) and its running requests have ended; then everything is copied,
compared by count and content, deleted where it was, and the academy pointed to its new schema, in one transaction. A
row that somebody wrote in between makes the counts differ, and the move is undone. Jobs that run meanwhile find
nothing to finish where they were claimed: their lease ends and they run again, in the new place.
Whatever stops it, the same command goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from academy.tenancy.catalogue import tenant_schemas
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for, tenant_connection
from academy.tenancy.hosts import LOOKUP_SECONDS, forget_hosts
from academy.tenancy.models import POOL_SCHEMA, Isolation, Tenant, TenantStatus
from academy.tenancy.provisioning import migrate_schema, reserve_ids, silo_schema

# A copy of the host table lives so long in every process; then as long again for what had begun with it to end
# (infra/gunicorn_conf.py stops a request sooner).
DRAIN_SECONDS: Final = 2 * LOOKUP_SECONDS


class MoveRefused(Exception):
    """The academy cannot be moved, and stays whole where it is; says why."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by table. Empty when the academy was there already."""

    rows: dict[str, int]


def move_tenant(
    *, slug: str, to: Isolation, drain_seconds: float = DRAIN_SECONDS, say: Callable[[str], None] = lambda _: None
) -> Moved:
    """Move the academy and let it go on there. Needs a connection as the schemas' owner. Raises ``MoveRefused``."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise MoveRefused(f"there is no academy {slug!r}")
    schema = POOL_SCHEMA if to == Isolation.POOL else silo_schema(slug)
    moved = Moved({})
    if tenant.isolation != to:
        if Tenant.objects.filter(pk=tenant.pk, status=TenantStatus.ACTIVE).update(status=TenantStatus.MOVING):
            say(f"{slug}: closed; {drain_seconds:.0f} s until every process knows and what runs has ended")
        time.sleep(drain_seconds)
        try:
            if to == Isolation.SILO:
                _make_room(schema)
            moved = _move_rows(tenant, schema, to)
        except MoveRefused:
            _open_again(tenant)
            raise
    _drop_left_silo(slug)
    _open_again(tenant)
    return moved


def _open_again(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk, status=TenantStatus.MOVING).update(status=TenantStatus.ACTIVE)
    forget_hosts()


@contextmanager
def _as_session() -> Iterator[None]:
    bound = tenant_connection()
    bound.is_session_scoped = True
    try:
        yield
    finally:
        bound.set_schema_to_public()
        bound.close()
        bound.is_session_scoped = False


def _make_room(schema: str) -> None:
    with _as_session():
        migrate_schema(schema, verbosity=0)


def _move_rows(tenant: Tenant, schema: str, to: Isolation) -> Moved:
    rows: dict[str, int] = {}
    source = tenant.schema_name
    with transaction.atomic():
        locked = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if locked.status == TenantStatus.ACTIVE or locked.schema_name != source:
            raise MoveRefused(f"{tenant.slug} was opened or moved by somebody else meanwhile")
        with acting_for(locked):
            for model in tenant_models():
                rows[model._meta.db_table] = _copy(model, tenant.pk, source, schema)
            for model in tenant_models():
                _delete(model, tenant.pk, source, rows[model._meta.db_table])
        if to == Isolation.SILO:
            reserve_ids(locked, schema)
        locked.schema_name, locked.isolation = schema, to
        locked.save(update_fields=["schema_name", "isolation"])
    return Moved(rows)


def _copy(model: type[Model], tenant_id: int, source: str, target: str) -> int:
    """Copy the academy's rows of one table and compare; returns how many there are."""
    table = model._meta.db_table
    columns = ", ".join(f'"{field.column}"' for field in model._meta.local_concrete_fields)
    before = _fingerprint(source, table, columns, tenant_id)
    if _fingerprint(target, table, columns, tenant_id)[0]:
        raise MoveRefused(f"{target}.{table} holds rows of the academy already: manage.py audit_isolation")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{target}".{table} ({columns})'  # noqa: S608  names of our models and schemas
                f' SELECT {columns} FROM "{source}".{table} WHERE tenant_id = %s',
                [tenant_id],
            )
    except IntegrityError as error:
        raise MoveRefused(f"{target}.{table}: {str(error).splitlines()[0]}") from error
    after = _fingerprint(target, table, columns, tenant_id)
    if before != after:
        raise MoveRefused(f"{table}: {before} in {source} became {after} in {target}")
    return before[0]


def _fingerprint(schema: str, table: str, columns: str, tenant_id: int) -> tuple[int, str]:
    """Count and hash of the academy's rows in one table, whatever their order."""
    with connection.cursor() as cursor:
        hashes = f'SELECT md5(ROW({columns})::text) AS hash FROM "{schema}".{table} WHERE tenant_id = %s'  # noqa: S608
        digest = "coalesce(md5(string_agg(hash, '' ORDER BY hash)), '')"
        cursor.execute(f"SELECT count(*), {digest} FROM ({hashes}) AS hashes", [tenant_id])  # noqa: S608
        count, content = cursor.fetchone()
        return int(count), str(content)


def _delete(model: type[Model], tenant_id: int, schema: str, expected: int) -> None:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{schema}".{table} WHERE tenant_id = %s', [tenant_id])  # noqa: S608
        if cursor.rowcount != expected:
            raise MoveRefused(f"{table}: {expected} rows were copied and {cursor.rowcount} were there in the end")


def _drop_left_silo(slug: str) -> None:
    """The schema that an academy left for the pool; it is empty, as its rows were counted out."""
    schema = silo_schema(slug)
    if Tenant.objects.filter(schema_name=schema).exists():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        if schema in tenant_schemas(cursor):
            cursor.execute(f'DROP SCHEMA "{schema}" CASCADE')
