"""The dispatcher learns which schemas there are, and nothing else about an academy."""

from typing import Any

from django.conf import settings
from django.db import migrations


def allow(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"GRANT SELECT (schema_name, isolation) ON tenancy_tenant TO {role}")


def forbid(apps: Any, schema_editor: Any) -> None:
    role = schema_editor.quote_name(settings.DISPATCHER_DB_ROLE)
    schema_editor.execute(f"REVOKE SELECT (schema_name, isolation) ON tenancy_tenant FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]
    operations = [migrations.RunPython(allow, forbid)]
