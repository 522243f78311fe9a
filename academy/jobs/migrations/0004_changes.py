"""Jobs know the transaction that changed them last, and ring at every change that people see.

The trigger leaves the column of an inserted row alone (its default has set it): a row that moves between schemas keeps
what it had. Old rows count as changed long ago. Both steps of the column are changes of the catalogue alone.
"""

from typing import Any

from django.db import migrations, models

import academy.jobs.models

FUNCTION = """
CREATE FUNCTION jobs_job_changed() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.changed_in := pg_current_xact_id()::text::bigint;
    END IF;
    PERFORM pg_notify('job_changed', NEW.tenant_id::text);
    RETURN NEW;
END
$function$
"""
ON_INSERT = """
CREATE TRIGGER job_added AFTER INSERT ON jobs_job FOR EACH ROW EXECUTE FUNCTION jobs_job_changed()
"""
ON_UPDATE = """
CREATE TRIGGER job_changed BEFORE UPDATE ON jobs_job FOR EACH ROW
WHEN ((OLD.state, OLD.progress, OLD.error_code) IS DISTINCT FROM (NEW.state, NEW.progress, NEW.error_code))
EXECUTE FUNCTION jobs_job_changed()
"""


def ring(apps: Any, schema_editor: Any) -> None:
    for statement in (FUNCTION, ON_INSERT, ON_UPDATE):
        schema_editor.execute(statement)


def be_silent(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP TRIGGER job_added ON jobs_job")
    schema_editor.execute("DROP TRIGGER job_changed ON jobs_job")
    schema_editor.execute("DROP FUNCTION jobs_job_changed()")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_times_by_the_database")]
    operations = [
        migrations.AddField("job", "changed_in", models.BigIntegerField(db_default=0, editable=False)),
        migrations.AlterField(
            "job",
            "changed_in",
            models.BigIntegerField(db_default=academy.jobs.models.CurrentTransaction(), editable=False),
        ),
        migrations.AddIndex("job", models.Index(fields=["tenant", "changed_in", "id"], name="job_by_change")),
        migrations.RunPython(ring, be_silent),
    ]
