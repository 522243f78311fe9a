"""Making schemas, migrating them, granting the application its rights, and making academies."""

from __future__ import annotations

import re
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder

from academy.tenancy.context import tenant_connection
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import POOL_SCHEMA, Domain, Isolation, Plan, Tenant
from academy.tenancy.plans import ensure_plans
from academy.tenancy.postgres.base import PUBLIC_SCHEMA

# Any number: it only has to be the same for every process that migrates.
MIGRATION_LOCK: Final = 7_244_001

_SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")

# Who may do what. The dispatcher's rights on the job table are granted by that table's own migration policy.
_GRANTS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {app}, {dispatcher}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {app}",
    "REVOKE ALL ON {schema}.django_migrations FROM {app}",
    "GRANT SELECT ON {schema}.django_migrations TO {app}",
)


def migrate_everything(*, verbosity: int = 1) -> None:
    """Migrate ``public``, then ``pool``, then every silo. Needs a connection as the schemas' owner."""
    connection = tenant_connection()
    connection.is_session_scoped = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        migrate_schema(PUBLIC_SCHEMA, verbosity=verbosity)
        migrate_schema(POOL_SCHEMA, verbosity=verbosity)
        silos = Tenant.objects.filter(isolation=Isolation.SILO).order_by("pk")
        for schema in list(silos.values_list("schema_name", flat=True)):
            migrate_schema(schema, verbosity=verbosity)
        ensure_plans()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    finally:
        connection.set_schema_to_public()
        connection.close()
        connection.is_session_scoped = False


def migrate_schema(schema: str, *, verbosity: int = 1) -> None:
    """Create ``schema`` if need be, bring its tables up to date and grant the application its rights on them."""
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
    with connection.cursor() as cursor:
        for grant in _GRANTS:
            cursor.execute(
                grant.format(schema=schema, app=settings.APP_DB_ROLE, dispatcher=settings.DISPATCHER_DB_ROLE)
            )
    connection.set_schema_to_public()


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
    schema = POOL_SCHEMA if isolation == Isolation.POOL else f"silo_{slug.replace('-', '_')}"
    tenant = Tenant(slug=slug, name=name, plan=plan, isolation=isolation, schema_name=schema, is_platform=is_platform)
    tenant.full_clean()
    with transaction.atomic():
        if isolation == Isolation.SILO:
            migrate_schema(schema, verbosity=0)
        tenant.save()
        host = Domain(tenant=tenant, domain=(domain or default_domain(slug)).lower(), is_primary=True)
        host.full_clean()
        host.save()
    forget_hosts()
    return tenant
