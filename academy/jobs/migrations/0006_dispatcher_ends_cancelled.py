"""The dispatcher ends cancelled jobs whose worker is gone, and finds jobs by kind."""

from typing import Any

from django.conf import settings
from django.db import migrations

READS = "kind, cancel_requested_at"
WRITES = "finished_at"


def allow(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"GRANT SELECT ({READS}), UPDATE ({WRITES}) ON jobs_job TO {role}")


def forbid(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"REVOKE SELECT ({READS}), UPDATE ({WRITES}) ON jobs_job FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_cancel_rerun_usage_answers")]
    operations = [migrations.RunPython(allow, forbid)]
