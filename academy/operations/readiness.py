"""Whether this process can serve: its database answers, its migrations are through, its queues are there.

For whoever deploys or watches, not for the load balancer: what is away is away for every process, and replacing them
all helps nobody. It knows no academy and asks nothing outside (of no model's provider either).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import monotonic
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext

from academy.http.errors import error_response
from academy.jobs.queues import Tier, queue_url, sqs_client
from academy.tenancy.catalogue import MIGRATIONS_TABLE
from academy.tenancy.models import POOL_SCHEMA, Tenant
from academy.tenancy.postgres.base import PUBLIC_SCHEMA

logger = logging.getLogger(__name__)

KEPT_SECONDS: Final = 5.0
"""An answer of the queues counts for so long: anybody may ask, and each time would be a call of SQS."""


@dataclass(slots=True)
class Known:
    """What this process found out: migrations do not become undone, queues may go away."""

    is_migrated: bool = False
    queues_until: float = 0.0


known: Final = Known()


def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    try:
        pending = _pending_migrations()
    except DatabaseError:
        return error_response(503, "database_unreachable", gettext("The database does not answer."))
    if pending:
        logger.error("migrations that have not run: %s", ", ".join(pending[:5]))
        return error_response(503, "migrations_pending", gettext("The database is not migrated for this version."))
    if not _are_queues_there():
        return error_response(503, "queues_unreachable", gettext("The queues do not answer."))
    return JsonResponse({"status": "ok"})


def _pending_migrations() -> list[str]:
    """Of this version's migrations those that some schema has not behind it, as ``schema.app.name``."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        if known.is_migrated:
            return []
        wanted = set(MigrationLoader(None).disk_migrations or ())
        pending = []
        schemas = {POOL_SCHEMA, *Tenant.objects.values_list("schema_name", flat=True)}
        for schema in (PUBLIC_SCHEMA, *sorted(schemas)):
            cursor.execute(f"SELECT app, name FROM {connection.ops.quote_name(schema)}.{MIGRATIONS_TABLE}")  # noqa: S608
            pending += [f"{schema}.{app}.{name}" for app, name in sorted(wanted - set(cursor.fetchall()))]
    known.is_migrated = not pending
    return pending


def _are_queues_there() -> bool:
    now = monotonic()
    if now < known.queues_until:
        return True
    try:
        for tier in Tier:
            sqs_client().get_queue_attributes(QueueUrl=queue_url(tier), AttributeNames=["QueueArn"])
    except (BotoCoreError, ClientError):
        logger.exception("the queues do not answer")
        return False
    known.queues_until = now + KEPT_SECONDS
    return True
