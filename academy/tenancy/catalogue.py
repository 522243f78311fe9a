"""The walls as PostgreSQL has them: what its catalogue says, against what has to be there.

By walking the catalogue, so that a table nobody thought of is judged like every other. Each function takes a cursor
of any role (the catalogue is open to all) and returns what is wrong, one line each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from django.apps import apps
from django.conf import settings

from academy.tenancy.checks import tenant_models
from academy.tenancy.fields import TenantForeignKey
from academy.tenancy.models import POOL_SCHEMA, Tenant
from academy.tenancy.postgres.base import PUBLIC_SCHEMA
from academy.tenancy.postgres.changes import (
    FUNCTION_BODY,
    FUNCTION_NAME,
    TRIGGER_NAME,
    trigger_arguments,
    trigger_definition,
)
from academy.tenancy.postgres.schema import POLICY_NAME

MIGRATIONS_TABLE: Final = "django_migrations"
# TENANT_PREDICATE as PostgreSQL prints it back.
POLICY_EXPRESSION: Final = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint)"
# What may see rows of every academy, and which columns. Nothing else: policies add up, so a second one is a hole.
DISPATCHER_POLICY: Final = "dispatcher"
DISPATCHER_TABLE: Final = "jobs_job"
DISPATCHER_READS: Final = frozenset(
    {
        *("id", "tenant_id", "kind", "queue", "state", "traceparent"),
        *("available_at", "sent_at", "lease_expires_at", "cancel_requested_at"),
    }
)
DISPATCHER_WRITES: Final = frozenset({"state", "sent_at", "lease_expires_at", "finished_at"})
# Of the shared tables it learns which schemas there are.
DISPATCHER_SHARED: Final[Mapping[str, frozenset[str]]] = {"tenancy_tenant": frozenset({"schema_name", "isolation"})}

# The triggers that ring when a job changes: they say whose it is and nothing else, with the rights of who writes.
BELL_FUNCTION: Final = "jobs_job_changed"
BELL_TRIGGERS: Final[Mapping[str, str]] = {
    "job_added": "CREATE TRIGGER job_added AFTER INSERT ON {schema}.jobs_job"
    " FOR EACH ROW EXECUTE FUNCTION {schema}.jobs_job_changed()",
    "job_changed": "CREATE TRIGGER job_changed BEFORE UPDATE ON {schema}.jobs_job FOR EACH ROW WHEN"
    " (((((old.state)::text IS DISTINCT FROM (new.state)::text) OR (old.progress IS DISTINCT FROM new.progress))"
    " OR ((old.error_code)::text IS DISTINCT FROM (new.error_code)::text)))"
    " EXECUTE FUNCTION {schema}.jobs_job_changed()",
}
# As PostgreSQL prints it once it was dumped and restored: it has read its own words again, and flattened them.
BELL_RESTORED: Final = (
    "CREATE TRIGGER job_changed BEFORE UPDATE ON {schema}.jobs_job FOR EACH ROW WHEN"
    " ((((old.state)::text IS DISTINCT FROM (new.state)::text) OR (old.progress IS DISTINCT FROM new.progress)"
    " OR ((old.error_code)::text IS DISTINCT FROM (new.error_code)::text)))"
    " EXECUTE FUNCTION {schema}.jobs_job_changed()"
)
BELL_BODY: Final = """
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.changed_in := pg_current_xact_id()::text::bigint;
    END IF;
    PERFORM pg_notify('job_changed', NEW.tenant_id::text);
    RETURN NEW;
END
"""

_APP_RIGHTS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


class Cursor(Protocol):
    """Of psycopg or of Django."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...
    def fetchall(self) -> Any: ...


def isolation_problems(cursor: Cursor) -> list[str]:
    """Everything that is wrong with the walls of this database."""
    problems = [*_role_problems(cursor), *_shared_problems(cursor)]
    for schema in tenant_schemas(cursor):
        problems += _schema_problems(cursor, schema)
    return problems


def tenant_schemas(cursor: Cursor) -> list[str]:
    """Every schema that is neither PostgreSQL's nor ``public``, whether or not an academy points at it."""
    rows = _rows(
        cursor,
        "SELECT nspname FROM pg_namespace WHERE nspname NOT IN ('information_schema', %s)"
        " AND left(nspname, 3) <> 'pg_' ORDER BY nspname",
        [PUBLIC_SCHEMA],
    )
    found = [name for (name,) in rows]
    return found if POOL_SCHEMA in found else [POOL_SCHEMA, *found]


def _rows(cursor: Cursor, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    cursor.execute(statement, params)
    return list(cursor.fetchall())


# ---------------------------------------------------------------- roles


def _role_problems(cursor: Cursor) -> Iterator[str]:
    limited = [settings.APP_DB_ROLE, settings.DISPATCHER_DB_ROLE]
    attributes = _rows(
        cursor,
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        " FROM pg_roles WHERE rolname = ANY(%s)",
        [limited],
    )
    if len(attributes) != len(limited):
        yield f"there are not both of the roles {limited}"
    for role, *flags in attributes:
        if any(flags):
            yield f"role {role}: superuser, bypassrls, createrole, createdb, replication are {flags}"
    for member, parent in _rows(
        cursor,
        "SELECT member.rolname, parent.rolname FROM pg_auth_members"
        " JOIN pg_roles member ON member.oid = pg_auth_members.member"
        " JOIN pg_roles parent ON parent.oid = pg_auth_members.roleid WHERE member.rolname = ANY(%s)",
        [limited],
    ):
        yield f"role {member}: is a member of {parent}"
    for kind, name, owner in _rows(
        cursor,
        "SELECT 'relation', oid::regclass::text, pg_get_userbyid(relowner) FROM pg_class"
        " UNION ALL SELECT 'schema', nspname, pg_get_userbyid(nspowner) FROM pg_namespace"
        " UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_userbyid(proowner) FROM pg_proc"
        " UNION ALL SELECT 'database', datname, pg_get_userbyid(datdba) FROM pg_database",
    ):
        if owner in limited:
            yield f"{kind} {name}: owned by {owner}, who could take its walls down"
    for name, owner in _rows(
        cursor,
        "SELECT oid::regprocedure::text, pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE prosecdef AND pronamespace NOT IN"
        " (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))",
    ):
        yield f"function {name}: runs with the rights of {owner}"
    body = _rows(cursor, "SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure(%s)", [f"public.{FUNCTION_NAME}()"])
    if body != [(FUNCTION_BODY,)]:
        yield f"function public.{FUNCTION_NAME}: is not the one that writes the trail"


# ---------------------------------------------------------------- the shared schema


def shared_tables() -> set[str]:
    """The tables that belong in ``public``: those of the shared apps."""
    return {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name in settings.SHARED_APPS
        for model in config.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }


def _shared_problems(cursor: Cursor) -> Iterator[str]:
    expected = {*shared_tables(), MIGRATIONS_TABLE}
    found = {table for table, _ in _relations(cursor, PUBLIC_SCHEMA)}
    for table in sorted(found - expected):
        yield f"public.{table}: is no table of a shared app"
    for table in sorted(expected - found):
        yield f"public.{table}: is missing"
    yield from _right_problems(cursor, PUBLIC_SCHEMA, sorted(found), DISPATCHER_SHARED, {})


# ---------------------------------------------------------------- a tenant schema


def _schema_problems(cursor: Cursor, schema: str) -> list[str]:
    relations = _relations(cursor, schema)
    tables = sorted(table for table, kind in relations if kind == "table" and table != MIGRATIONS_TABLE)
    problems = [f"{schema}.{name}: is a {kind}" for name, kind in relations if kind != "table"]
    modelled = {model._meta.db_table for model in tenant_models()}
    problems += [f"{schema}.{table}: is missing" for table in sorted(modelled - set(tables))]
    problems += [f"{schema}.{table}: belongs to no model of a tenant app" for table in sorted(set(tables) - modelled)]
    primary_keys = _primary_keys(cursor, schema)
    for check in (_column_problems, _policy_problems, _trigger_problems):
        problems += check(cursor, schema, tables)
    problems += _bell_problems(cursor, schema)
    problems += _index_problems(cursor, schema, tables, primary_keys)
    problems += _key_problems(cursor, schema, tables)
    problems += _right_problems(
        cursor,
        schema,
        [*tables, MIGRATIONS_TABLE],
        {DISPATCHER_TABLE: DISPATCHER_READS},
        {DISPATCHER_TABLE: DISPATCHER_WRITES},
    )
    return problems


_KINDS: Final = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


def _relations(cursor: Cursor, schema: str) -> list[tuple[str, str]]:
    rows = _rows(
        cursor,
        "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
        [schema],
    )
    return [(name, _KINDS[kind]) for name, kind in rows]


def _primary_keys(cursor: Cursor, schema: str) -> dict[str, list[str]]:
    return {table: columns for table, columns, is_primary, _ in _unique_indexes(cursor, schema) if is_primary}


def _unique_indexes(cursor: Cursor, schema: str) -> list[tuple[str, list[str], bool, bool]]:
    """(table, columns, is primary, is partial) of every unique index; an expression counts as column ""."""
    return [
        (table, list(columns), is_primary, is_partial)
        for table, columns, is_primary, is_partial in _rows(
            cursor,
            "SELECT t.relname, array(SELECT coalesce(a.attname, '') FROM unnest(i.indkey)"
            " WITH ORDINALITY AS k(n, place)"
            " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n AND k.n > 0"
            " WHERE k.place <= i.indnkeyatts ORDER BY k.place)::text[], i.indisprimary, i.indpred IS NOT NULL"
            " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
            " WHERE i.indisunique AND i.indisvalid AND t.relnamespace = to_regnamespace(%s)",
            [schema],
        )
    ]


def _column_problems(cursor: Cursor, schema: str, tables: Collection[str]) -> Iterator[str]:
    rows = _rows(
        cursor,
        "SELECT t.relname, a.attnotnull, format_type(a.atttypid, NULL), t.relrowsecurity, t.relforcerowsecurity"
        " FROM pg_class t LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'"
        " WHERE t.relnamespace = to_regnamespace(%s) AND t.relname = ANY(%s) ORDER BY t.relname",
        [schema, list(tables)],
    )
    for table, is_not_null, column_type, is_enabled, is_forced in rows:
        name = f"{schema}.{table}"
        if column_type is None:
            yield f"{name}: has no tenant_id"
        elif not is_not_null or column_type != "bigint":
            yield f"{name}: tenant_id is not bigint NOT NULL"
        if not is_enabled:
            yield f"{name}: row-level security is not enabled"
        if not is_forced:
            yield f"{name}: row-level security is not forced"


def _policy_problems(cursor: Cursor, schema: str, tables: Collection[str]) -> Iterator[str]:
    rows = _rows(
        cursor,
        "SELECT tablename, policyname, permissive, roles::text[], cmd, qual, with_check FROM pg_policies"
        " WHERE schemaname = %s ORDER BY tablename, policyname",
        [schema],
    )
    held: set[str] = set()
    for table, policy, permissive, roles, command, using, with_check in rows:
        name = f"{schema}.{table}"
        if policy == POLICY_NAME:
            held.add(table)
            if (permissive, roles, command) != ("PERMISSIVE", ["public"], "ALL"):
                yield f"{name}: policy {policy} is {permissive} for {roles} on {command}"
            if using != POLICY_EXPRESSION:
                yield f"{name}: policy {policy} USING {using}"
            if with_check != POLICY_EXPRESSION:
                yield f"{name}: policy {policy} WITH CHECK {with_check}"
        elif (table, policy) != (DISPATCHER_TABLE, DISPATCHER_POLICY) or roles != [settings.DISPATCHER_DB_ROLE]:
            yield f"{name}: policy {policy} for {roles} opens it further"
    for table in sorted(set(tables) - held):
        yield f"{schema}.{table}: has no policy {POLICY_NAME}"


def _trigger_problems(cursor: Cursor, schema: str, tables: Collection[str]) -> Iterator[str]:
    rows = _rows(
        cursor,
        "SELECT t.relname, g.tgname, g.tgenabled::text, g.tgisinternal FROM pg_trigger g"
        " JOIN pg_class t ON t.oid = g.tgrelid WHERE t.relnamespace = to_regnamespace(%s) AND t.relname = ANY(%s)",
        [schema, list(tables)],
    )
    for table, trigger, enabled, is_internal in rows:
        is_bell = table == DISPATCHER_TABLE and trigger in BELL_TRIGGERS
        if not is_internal and trigger != TRIGGER_NAME and not is_bell:
            yield f"{schema}.{table}: has a trigger {trigger}"
        elif enabled != "O":
            other = "rings when a job changes" if is_bell else "writes the trail"
            what = "checks a foreign key" if is_internal else other
            yield f"{schema}.{table}: {trigger}, which {what}, is off"
    found = triggers_of(cursor, schema)
    for model in tenant_models():
        table, arguments = model._meta.db_table, trigger_arguments(model)
        wanted = None if arguments is None else trigger_definition(schema, table, arguments)
        if found.get(table) != wanted and table in tables:
            yield f"{schema}.{table}: the trigger of the trail is {found.get(table)}, not {wanted}"


def _bell_problems(cursor: Cursor, schema: str) -> Iterator[str]:
    rows = _rows(
        cursor,
        "SELECT g.tgname, replace(pg_get_triggerdef(g.oid), ' ' || quote_ident(%s) || '.', ' {schema}.')"
        " FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid"
        " WHERE t.relnamespace = to_regnamespace(%s) AND t.relname = %s AND NOT g.tgisinternal",
        [schema, schema, DISPATCHER_TABLE],
    )
    found = dict(rows)
    for trigger, wanted in BELL_TRIGGERS.items():
        if found.get(trigger) not in (wanted, BELL_RESTORED if trigger == "job_changed" else wanted):
            yield f"{schema}.{DISPATCHER_TABLE}: the trigger {trigger} is {found.get(trigger)}, not {wanted}"
    body = _rows(
        cursor,
        "SELECT prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(%s) AND proname = %s",
        [schema, BELL_FUNCTION],
    )
    if body != [(BELL_BODY,)]:
        yield f"{schema}.{BELL_FUNCTION}: is not the function that rings"


def triggers_of(cursor: Cursor, schema: str) -> dict[str, str]:
    """Table -> definition of the trigger that writes the trail, as PostgreSQL prints it."""
    rows = _rows(
        cursor,
        "SELECT t.relname, replace(pg_get_triggerdef(g.oid), ' FUNCTION public.', ' FUNCTION ') FROM pg_trigger g"
        " JOIN pg_class t ON t.oid = g.tgrelid WHERE t.relnamespace = to_regnamespace(%s) AND g.tgname = %s",
        [schema, TRIGGER_NAME],
    )
    return dict(rows)


def _index_problems(
    cursor: Cursor, schema: str, tables: Collection[str], primary_keys: Mapping[str, list[str]]
) -> Iterator[str]:
    indexes = [index for index in _unique_indexes(cursor, schema) if index[0] in tables]
    for table in tables:
        wanted = ["tenant_id", *primary_keys.get(table, ["(no primary key)"])]
        if not any(owner == table and columns == wanted and not partial for owner, columns, _, partial in indexes):
            yield f"{schema}.{table}: has no UNIQUE ({', '.join(wanted)})"
    for table, columns, is_primary, _ in indexes:
        if not is_primary and columns[0] != "tenant_id":
            yield f"{schema}.{table}: UNIQUE ({', '.join(columns)}) is not led by tenant_id"


_FOREIGN_KEYS: Final = """
    SELECT source.relname, target_schema.nspname, target.relname, k.conname, k.convalidated, {enforced},
        array(SELECT attname FROM unnest(k.conkey) WITH ORDINALITY AS c(n, place)
            JOIN pg_attribute ON attrelid = k.conrelid AND attnum = n ORDER BY place)::text[],
        array(SELECT attname FROM unnest(k.confkey) WITH ORDINALITY AS c(n, place)
            JOIN pg_attribute ON attrelid = k.confrelid AND attnum = n ORDER BY place)::text[]
    FROM pg_constraint k
    JOIN pg_class source ON source.oid = k.conrelid
    JOIN pg_class target ON target.oid = k.confrelid
    JOIN pg_namespace target_schema ON target_schema.oid = target.relnamespace
    WHERE k.contype = 'f' AND source.relnamespace = to_regnamespace(%s)
"""


def _key_problems(cursor: Cursor, schema: str, tables: Collection[str]) -> Iterator[str]:
    # NOT ENFORCED keys came with PostgreSQL 18.
    is_enforced_column = "k.conenforced" if _server_version(cursor) >= 180_000 else "true"
    rows = _rows(cursor, _FOREIGN_KEYS.replace("{enforced}", is_enforced_column), [schema])
    held: set[tuple[str, tuple[str, ...], str, tuple[str, ...]]] = set()
    for source, target_schema, target, key, is_validated, is_enforced, columns, target_columns in rows:
        name = f"{schema}.{source}"
        if not (is_validated and is_enforced):
            yield f"{name}: foreign key {key} is not enforced"
            continue
        held.add((source, tuple(columns), target, tuple(target_columns)))
        if target_schema == PUBLIC_SCHEMA:
            continue
        if target_schema != schema:
            yield f"{name}: foreign key {key} leaves for {target_schema}.{target}"
        elif columns[0] != "tenant_id" or target_columns[0] != "tenant_id":
            yield f"{name}: foreign key {key} ({', '.join(columns)}) is not led by tenant_id on both sides"
    for table in tables:
        if (table, ("tenant_id",), Tenant._meta.db_table, ("id",)) not in held:
            yield f"{schema}.{table}: tenant_id references no academy"
    for model in tenant_models():
        for field in model._meta.local_fields:
            if isinstance(field, TenantForeignKey):
                target = field.target_field.model._meta.db_table
                wanted = (
                    model._meta.db_table,
                    ("tenant_id", field.column),
                    target,
                    ("tenant_id", field.target_field.column),
                )
                if wanted not in held:
                    yield f"{schema}.{model._meta.db_table}: ({', '.join(wanted[1])}) has no foreign key to {target}"


def _server_version(cursor: Cursor) -> int:
    return int(_rows(cursor, "SELECT current_setting('server_version_num')::int")[0][0])


# ---------------------------------------------------------------- rights


def _right_problems(
    cursor: Cursor,
    schema: str,
    tables: Iterable[str],
    dispatcher_reads: Mapping[str, frozenset[str]],
    dispatcher_writes: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    app, dispatcher = settings.APP_DB_ROLE, settings.DISPATCHER_DB_ROLE
    append_only = {model._meta.db_table for model in tenant_models() if getattr(model, "is_append_only", False)}
    for role in (app, dispatcher):
        if _rows(cursor, "SELECT has_schema_privilege(%s, to_regnamespace(%s), 'CREATE')", [role, schema])[0][0]:
            yield f"{schema}: {role} may create things in it"
    granted: dict[str, dict[str, set[str]]] = {}
    for table, role, right in _rows(
        cursor,
        "SELECT c.relname, CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(acl.grantee) END,"
        " acl.privilege_type FROM pg_class c, aclexplode(c.relacl) AS acl"
        " WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND acl.grantee <> c.relowner",
        [schema],
    ):
        granted.setdefault(table, {}).setdefault(role, set()).add(right)
    columns: dict[str, dict[tuple[str, str], set[str]]] = {}
    for table, column, role, right in _rows(
        cursor,
        "SELECT c.relname, a.attname, CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(acl.grantee) END,"
        " acl.privilege_type FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,"
        " aclexplode(a.attacl) AS acl WHERE c.relnamespace = to_regnamespace(%s)",
        [schema],
    ):
        columns.setdefault(table, {}).setdefault((role, right), set()).add(column)
    for table in tables:
        name = f"{schema}.{table}"
        rights = granted.get(table, {})
        wanted = {"SELECT"} if table == MIGRATIONS_TABLE else set(_APP_RIGHTS)
        if table in append_only:
            wanted -= {"UPDATE", "DELETE"}
        if rights.get(app, set()) != wanted:
            yield f"{name}: {app} may {sorted(rights.get(app, set()))}, not {sorted(wanted)}"
        for role in sorted(set(rights) - {app}):
            yield f"{name}: {role} may {sorted(rights[role])}"
        expected: dict[tuple[str, str], set[str]] = {}
        if table in dispatcher_reads:
            expected[dispatcher, "SELECT"] = set(dispatcher_reads[table])
        if table in dispatcher_writes:
            expected[dispatcher, "UPDATE"] = set(dispatcher_writes[table])
        actual = columns.get(table, {})
        for role, right in sorted(set(expected) | set(actual)):
            if actual.get((role, right), set()) != expected.get((role, right), set()):
                yield f"{name}: {role} may {right} {sorted(actual.get((role, right), set()))}"
