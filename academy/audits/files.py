"""Objects in S3 against the rows that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from django.db import DatabaseError, connection, models, transaction

from academy.storage.s3 import PLATFORM_PREFIX, own_keys, prefixes_below, unfinished_multiparts
from academy.tenancy.audit import Check
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant

TENANT_FOLDERS: Final = "t/"
_TENANT_FOLDER: Final = re.compile(r"t/([1-9][0-9]*)/")
# A key as a value of its own inside JSON.
_KEY_IN_JSON: Final = r'"(t/[0-9]+/[^"]+)"'
MAX_ORPHANS_NAMED: Final = 5


def key_columns(model: type[models.Model]) -> list[str]:
    """The columns of ``model`` that hold an S3 key: by their name, ``key`` or ``..._key``."""
    return [
        field.column
        for field in model._meta.local_fields
        if isinstance(field, models.CharField) and re.fullmatch(r"(.*_)?key", field.name) and not field.primary_key
        if field.name != "session_key"
    ]


def json_columns(model: type[models.Model]) -> list[str]:
    return [field.column for field in model._meta.local_fields if isinstance(field, models.JSONField)]


def check_files() -> Check:
    """Every object lies under an academy that is there, and every key in a row is its academy's.

    What is being sent in parts counts as an object. Objects that no row names are noted: an interrupted upload leaves
    one. Examined: objects and keys in rows.
    """
    check = Check("files")
    tenants = {tenant.pk: tenant for tenant in Tenant.objects.order_by("pk")}
    for prefix in prefixes_below(""):
        if prefix not in (TENANT_FOLDERS, PLATFORM_PREFIX):
            check.add(f"{prefix}: neither an academy's nor the platform's")
    for prefix in prefixes_below(TENANT_FOLDERS):
        folder = _TENANT_FOLDER.fullmatch(prefix)
        if folder is None or int(folder[1]) not in tenants:
            check.add(f"{prefix}: holds objects of no academy")
    for key, _ in unfinished_multiparts():
        folder = _TENANT_FOLDER.match(key)
        if folder is None or int(folder[1]) not in tenants:
            check.add(f"{key}: an unfinished upload of no academy")
    for tenant in tenants.values():
        _check_academy(check, tenant)
    return check


def _check_academy(check: Check, tenant: Tenant) -> None:
    prefix = f"t/{tenant.pk}/"
    named: set[str] = set()
    try:
        with acting_for(tenant), transaction.atomic():
            for place, key in _keys_in_rows(tenant):
                check.examined += 1
                named.add(key)
                if not key.startswith(prefix):
                    check.add(f"academy {tenant.pk}: {place} names {key}")
    except DatabaseError as error:
        check.add(f"academy {tenant.pk}: its rows cannot be read: {str(error).splitlines()[0]}")
        return
    orphans: list[str] = []
    orphan_count = 0
    with acting_for(tenant):
        sending = (key for key, _ in unfinished_multiparts(prefix))
        for key in chain(own_keys(), sending):
            check.examined += 1
            if key not in named:
                orphan_count += 1
                if len(orphans) < MAX_ORPHANS_NAMED:
                    orphans.append(key)
    if orphan_count:
        check.notes.append(f"academy {tenant.pk}: {orphan_count} objects that no row names: {', '.join(orphans)} ...")


def _keys_in_rows(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Place and key of every S3 key in the rows of the acting academy."""
    for model in tenant_models():
        table = model._meta.db_table
        for column in key_columns(model):
            plain = f"SELECT {column} FROM {table} WHERE tenant_id = %s AND {column} <> ''"  # noqa: S608  our models'
            yield from ((f"{table}.{column}", key) for key in _column(plain, [tenant.pk]))
        for column in json_columns(model):
            matches = f"SELECT regexp_matches({column}::text, %s, 'g') AS found FROM {table} WHERE tenant_id = %s"  # noqa: S608
            within = f"SELECT found[1] FROM ({matches}) AS matches"  # noqa: S608
            yield from ((f"{table}.{column}", key) for key in _column(within, [_KEY_IN_JSON, tenant.pk]))


def _column(statement: str, values: list[str | int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [key for (key,) in cursor.fetchall()]
