"""What an academy decides about itself: colour, logo, the wording of its texts, what its sheets are like at first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0006_days_and_daily_limits")]
    operations = [
        migrations.AddField(
            model_name="tenant",
            name="colour",
            field=models.CharField(blank=True, db_default="", default="", max_length=7),
        ),
        migrations.AddField(
            model_name="tenant",
            name="logo_place",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.AddField(
            model_name="tenant",
            name="sheet_defaults",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="tenant",
            name="texts",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
