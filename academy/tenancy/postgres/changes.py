"""The trigger that writes the trail of changes, so that no way of writing can leave it out.

Row by row after INSERT, UPDATE and DELETE, and only while a person is bound to the transaction (``app.actor``): a
worker's writes cost the comparison of one setting. It notes which columns changed; their values only where the model
says so (``TenantModel.trail_values``), so that an erased person leaves nothing behind in the trail but a number.
"""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.db.models import Model

from academy.tenancy.fields import TenantForeignKey

FUNCTION_NAME: Final = "record_change"
TRIGGER_NAME: Final = "trail"

# Arguments: the primary key's column; the columns whose values are kept; the persons concerned, as kind:column, or
# @column:column where the kind is in a column, too. Runs with the rights of whoever writes, who may only add to the
# trail. It is in place before the tables of any schema are migrated: a column that it names has to be there before, so
# a new one comes a release earlier.
FUNCTION_BODY: Final = """
DECLARE
    actor CONSTANT jsonb := current_setting('app.actor')::jsonb;
    kept text[] := string_to_array(TG_ARGV[1], ',');
    changed text[] := '{}';
    about text[];
    before jsonb;
    after jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        before := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        after := to_jsonb(NEW);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        changed := array(SELECT key FROM jsonb_each(after) WHERE value IS DISTINCT FROM before -> key ORDER BY key);
        IF changed = '{}' THEN
            RETURN NULL;
        END IF;
        kept := array(SELECT name FROM unnest(kept) AS name WHERE name = ANY (changed));
    END IF;
    about := array(
        SELECT DISTINCT
            CASE WHEN pair LIKE '@%' THEN coalesce(after, before) ->> substr(split_part(pair, ':', 1), 2)
            ELSE split_part(pair, ':', 1) END || ':' || id
        FROM unnest(string_to_array(TG_ARGV[2], ',')) AS pair,
            LATERAL (VALUES (before ->> split_part(pair, ':', 2)), (after ->> split_part(pair, ':', 2))) AS ids (id)
        WHERE id IS NOT NULL
    );
    EXECUTE format(
        'INSERT INTO %I.trail_trailentry (tenant_id, created_at, actor_id, actor_role, session, address, request_id,'
        ' action, path, outcome, subjects, reason, operation, table_name, row_id, column_names, old_values, new_values)'
        ' VALUES ($1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, ''done'', $9, '''', $10, $11, $12, $13, $14, $15)',
        TG_TABLE_SCHEMA
    ) USING
        (coalesce(after, before) ->> 'tenant_id')::bigint,
        (actor ->> 'id')::bigint,
        actor ->> 'role',
        (actor ->> 'session')::uuid,
        (actor ->> 'address')::inet,
        (actor ->> 'request_id')::uuid,
        actor ->> 'action',
        actor ->> 'path',
        about,
        lower(TG_OP),
        TG_TABLE_NAME,
        coalesce(after, before) ->> TG_ARGV[0],
        changed,
        CASE WHEN before IS NOT NULL THEN (SELECT jsonb_object_agg(name, before -> name) FROM unnest(kept) AS name) END,
        CASE WHEN after IS NOT NULL THEN (SELECT jsonb_object_agg(name, after -> name) FROM unnest(kept) AS name) END;
    RETURN NULL;
END
"""

CREATE_FUNCTION: Final = (
    f"CREATE OR REPLACE FUNCTION public.{FUNCTION_NAME}() RETURNS trigger LANGUAGE plpgsql"
    f" AS $body${FUNCTION_BODY}$body$"
)


def trigger_arguments(model: type[Model]) -> tuple[str, str, str] | None:
    """What the trigger on the table of ``model`` is told; ``None`` when the model opts out of the trail.

    A model of a migration's state stands for the one of today, which has the declarations.
    """
    try:
        today = apps.get_model(model._meta.app_label, model._meta.object_name or "")
    except LookupError:
        today = model
    if getattr(today, "untrailed", ""):
        return None
    assert today._meta.pk is not None
    values = ",".join(sorted(getattr(today, "trail_values", ())))
    return today._meta.pk.column, values, ",".join(_subjects(today))


def _subjects(model: type[Model]) -> list[str]:
    """``kind:column`` of each column that names a person whom the row is about. Who wrote a row (``..._by``) is not."""
    found = []
    kind = getattr(model, "person_kind", "")
    if kind:
        assert model._meta.pk is not None
        found.append(f"{kind}:{model._meta.pk.column}")
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey) and not field.name.endswith("_by"):
            kind = getattr(field.related_model, "person_kind", "")
            if kind:
                found.append(f"{kind}:{field.column}")
    named = getattr(model, "trail_subject", None)
    if named is not None:
        found.append(f"@{named[0]}:{named[1]}")
    return found


def create_trigger(table: str, arguments: tuple[str, str, str]) -> str:
    """The statement that puts the trigger on ``table`` (quoted), or puts it right."""
    told = ", ".join(f"'{argument}'" for argument in arguments)  # names of columns and kinds of ours
    return (
        f"CREATE OR REPLACE TRIGGER {TRIGGER_NAME} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
        f" WHEN (current_setting('app.actor', true) <> '') EXECUTE FUNCTION public.{FUNCTION_NAME}({told})"
    )


def trigger_definition(schema: str, table: str, arguments: tuple[str, str, str]) -> str:
    """The trigger as ``pg_get_triggerdef`` prints it."""
    told = ", ".join(f"'{argument}'" for argument in arguments)
    return (
        f"CREATE TRIGGER {TRIGGER_NAME} AFTER INSERT OR DELETE OR UPDATE ON {schema}.{table} FOR EACH ROW"
        f" WHEN ((current_setting('app.actor'::text, true) <> ''::text)) EXECUTE FUNCTION {FUNCTION_NAME}({told})"
    )
