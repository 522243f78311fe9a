"""A job knows the span that it follows from, and the dispatcher may read it to carry it on."""

from typing import Any

from django.conf import settings
from django.db import migrations, models


def allow(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"GRANT SELECT (traceparent) ON jobs_job TO {role}")


def forbid(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"REVOKE SELECT (traceparent) ON jobs_job FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_unfinished_by_id")]
    operations = [
        migrations.AddField(
            "job",
            "traceparent",
            models.CharField(max_length=55, blank=True, default="", db_default="", editable=False),
        ),
        migrations.RunPython(allow, forbid),
    ]
