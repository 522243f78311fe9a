"""Making schemas, migrating them, granting the application its rights, and making academies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder

from academy.tenancy.catalogue import triggers_of
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for, tenant_connection
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import POOL_SCHEMA, Domain, Isolation, Plan, Tenant
from academy.tenancy.plans import ensure_plans
from academy.tenancy.postgres.base import PUBLIC_SCHEMA
from academy.tenancy.postgres.changes import (
    CREATE_FUNCTION,
    TRIGGER_NAME,
    create_trigger,
    trigger_arguments,
    trigger_definition,
)

# Any number: it only has to be the same for every process that migrates.
MIGRATION_LOCK: Final = 7_244_001

# Ids of a silo begin at the academy's own id with so many bits behind it.
SILO_ID_BITS: Final = 32

_SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")

# Who may do what. The dispatcher's rights on the job table are granted by that table's own migration policy.
_GRANTS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {app}, {dispatcher}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {app}",
    "REVOKE ALL ON {schema}.django_migrations FROM {app}",
    "GRANT SELECT ON {schema}.django_migrations TO {app}",
)


class SilosNotMigrated(Exception):
    """Some silos could not be migrated, by schema; all others are. Migrating again goes on with them."""


def migrate_everything(*, verbosity: int = 1, jobs: int = 1) -> None:
    """Migrate ``public``, then ``pool``, then every silo, ``jobs`` of them at once in processes of their own.

    Needs a connection as the schemas' owner. Each schema knows what it has behind it, so that whatever stopped this,
    the next run goes on from there. Raises ``SilosNotMigrated`` when some fail, after the others are through.
    """
    connection = tenant_connection()
    connection.is_session_scoped = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        migrate_schema(PUBLIC_SCHEMA, verbosity=verbosity)
        migrate_schema(POOL_SCHEMA, verbosity=verbosity)
        ensure_plans()
        silos = list(Tenant.objects.filter(isolation=Isolation.SILO).order_by("pk"))
        if jobs > 1 and len(silos) > 1:
            _migrate_in_processes([silo.schema_name for silo in silos], verbosity=verbosity, jobs=jobs)
        else:
            for silo in silos:
                _migrate_silo(silo, verbosity=verbosity)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    finally:
        connection.set_schema_to_public()
        connection.close()
        connection.is_session_scoped = False


def migrate_one_silo(schema: str, *, verbosity: int = 1) -> None:
    """Migrate the silo in ``schema``; the lock is its parent's. Raises ``Tenant.DoesNotExist``."""
    connection = tenant_connection()
    connection.is_session_scoped = True
    try:
        _migrate_silo(Tenant.objects.get(schema_name=schema, isolation=Isolation.SILO), verbosity=verbosity)
    finally:
        connection.set_schema_to_public()
        connection.close()
        connection.is_session_scoped = False


def _migrate_silo(silo: Tenant, *, verbosity: int) -> None:
    migrate_schema(silo.schema_name, verbosity=verbosity)
    reserve_ids(silo, silo.schema_name)


def _migrate_in_processes(schemas: Sequence[str], *, verbosity: int, jobs: int) -> None:
    def migrate(schema: str) -> tuple[str, int, str]:
        command = [sys.executable, "manage.py", "migrate_academies", "--silo", schema, "--verbosity", str(verbosity)]
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)  # noqa: S603
        return schema, done.returncode, done.stdout + done.stderr

    failed = []
    with ThreadPoolExecutor(jobs) as pool:
        for schema, status, output in pool.map(migrate, schemas):
            if status != 0:
                failed.append(f"{schema}: {output.strip().splitlines()[-1] if output.strip() else status}")
    if failed:
        raise SilosNotMigrated("; ".join(failed))


def migrate_schema(schema: str, *, verbosity: int = 1) -> None:
    """Create ``schema`` if need be, bring its tables and triggers up to date, grant the application its rights on them.

    What the models declare for the trail needs no migration of its own: this is where it comes into force.
    """
    if not _SCHEMA_NAME.match(schema):
        raise ValueError(f"not a schema name: {schema!r}")
    connection = tenant_connection()
    connection.set_schema_to_public()
    if schema != PUBLIC_SCHEMA:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        # Without its own migrations table the schema would read the one in public and believe itself migrated.
        connection.set_schema(schema, include_public=False)
        MigrationRecorder(connection).ensure_schema()
        connection.set_schema(schema)
    call_command("migrate_one_schema", verbosity=verbosity, interactive=False)
    _grant(schema)
    if schema == PUBLIC_SCHEMA:
        with connection.cursor() as cursor:
            cursor.execute(CREATE_FUNCTION)
    else:
        _trail_changes(schema)
    connection.set_schema_to_public()


def _grant(schema: str) -> None:
    # At once: nobody may change what is append-only between the two.
    with transaction.atomic(), tenant_connection().cursor() as cursor:
        for grant in _GRANTS:
            cursor.execute(
                grant.format(schema=schema, app=settings.APP_DB_ROLE, dispatcher=settings.DISPATCHER_DB_ROLE)
            )
        for model in tenant_models() if schema != PUBLIC_SCHEMA else ():
            if getattr(model, "is_append_only", False):
                cursor.execute(f"REVOKE UPDATE, DELETE ON {schema}.{model._meta.db_table} FROM {settings.APP_DB_ROLE}")


def _trail_changes(schema: str) -> None:
    """Have every table of ``schema`` say to the trail what its model declares today. Locks only what is to change."""
    with tenant_connection().cursor() as cursor:
        found = triggers_of(cursor, schema)
        for model in tenant_models():
            table, arguments = model._meta.db_table, trigger_arguments(model)
            if arguments is None:
                if table in found:
                    cursor.execute(f"DROP TRIGGER {TRIGGER_NAME} ON {schema}.{table}")
            elif found.get(table) != trigger_definition(schema, table, arguments):
                cursor.execute(create_trigger(f"{schema}.{table}", arguments))


def silo_schema(slug: str) -> str:
    return f"silo_{slug.replace('-', '_')}"


def reserve_ids(tenant: Tenant, schema: str) -> None:
    """Let the tables of a silo count on in the range of ids that is its academy's own (academy/tenancy/moving.py)."""
    first = tenant.pk << SILO_ID_BITS
    with acting_for(tenant), transaction.atomic(), tenant_connection().cursor() as cursor:
        for model in tenant_models():
            pk = model._meta.auto_field
            if pk is None:
                continue
            table = f'"{schema}".{model._meta.db_table}'
            cursor.execute(f"SELECT max({pk.column}) FROM {table} WHERE tenant_id = %s", [tenant.pk])  # noqa: S608
            ((highest,),) = cursor.fetchall()
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, pk.column])
            ((sequence,),) = cursor.fetchall()
            cursor.execute("SELECT coalesce(pg_sequence_last_value(%s::regclass), 0)", [sequence])
            ((last,),) = cursor.fetchall()
            cursor.execute(
                "SELECT setval(%s::regclass, %s, false)", [sequence, max(first, (highest or 0) + 1, last + 1)]
            )


def default_domain(slug: str) -> str:
    return f"{slug}.{settings.BASE_DOMAIN}"


def create_tenant(
    *,
    slug: str,
    name: str,
    plan: Plan,
    domain: str | None = None,
    isolation: Isolation = Isolation.POOL,
    is_platform: bool = False,
) -> Tenant:
    """Make an academy with its host. A silo gets a schema of its own, which needs the schemas' owner.

    Raises ``ValidationError`` when a value is malformed or taken.
    """
    schema = POOL_SCHEMA if isolation == Isolation.POOL else silo_schema(slug)
    tenant = Tenant(slug=slug, name=name, plan=plan, isolation=isolation, schema_name=schema, is_platform=is_platform)
    tenant.full_clean()
    with transaction.atomic():
        if isolation == Isolation.SILO:
            migrate_schema(schema, verbosity=0)
        tenant.save()
        if isolation == Isolation.SILO:
            reserve_ids(tenant, schema)
        host = Domain(tenant=tenant, domain=(domain or default_domain(slug)).lower(), is_primary=True)
        host.full_clean()
        host.save()
    forget_hosts()
    return tenant
