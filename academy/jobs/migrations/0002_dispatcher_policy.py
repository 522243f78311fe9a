"""The one role that sees jobs of every academy: which columns it may read, and which it may write."""

from typing import Any

from django.conf import settings
from django.db import migrations

READS = "id, tenant_id, queue, state, available_at, sent_at, lease_expires_at"
WRITES = "state, sent_at, lease_expires_at"


def allow(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"CREATE POLICY dispatcher ON jobs_job TO {role} USING (true) WITH CHECK (true)")
    schema_editor.execute(f"GRANT SELECT ({READS}), UPDATE ({WRITES}) ON jobs_job TO {role}")


def forbid(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"REVOKE ALL ON jobs_job FROM {role}")
    schema_editor.execute("DROP POLICY dispatcher ON jobs_job")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [migrations.RunPython(allow, forbid)]
