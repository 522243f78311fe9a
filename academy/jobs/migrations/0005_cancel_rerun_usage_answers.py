import academy.tenancy.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

TENANT = academy.tenancy.fields.TenantKey(
    db_index=False,
    editable=False,
    on_delete=django.db.models.deletion.PROTECT,
    related_name="+",
    to="tenancy.tenant",
)
OPTIONS = {"abstract": False, "base_manager_name": "objects", "default_manager_name": "objects"}


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0004_changes"),
        ("tenancy", "0006_days_and_daily_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(model_name="job", name="cancel_requested_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="job",
            name="spent_attempts",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(
                    ("cancel_requested_at__isnull", False), ("state__in", ["queued", "sent", "running"])
                ),
                fields=["tenant", "id"],
                name="job_cancelling",
            ),
        ),
        migrations.CreateModel(
            name="AnsweredRequest",
            fields=[
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("endpoint", models.CharField(max_length=80)),
                ("client_token", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("body", models.TextField(blank=True, default="")),
                (
                    "person",
                    academy.tenancy.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("tenant", TENANT),
            ],
            options={
                **OPTIONS,
                "indexes": [models.Index(fields=["tenant", "created_at"], name="answered_request_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "person", "endpoint", "client_token"), name="answered_request_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyUsage",
            fields=[
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("kind", models.CharField(max_length=80)),
                ("used", models.PositiveIntegerField(default=0)),
                ("tenant", TENANT.clone()),
            ],
            options={
                **OPTIONS,
                "constraints": [models.UniqueConstraint(fields=("tenant", "day", "kind"), name="daily_usage_once")],
            },
        ),
    ]
