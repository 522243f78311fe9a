"""How long each academy's trail is kept: one year at least, two unless somebody decides."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0004_academies_move")]
    operations = [
        migrations.AddField(
            model_name="tenant",
            name="trail_months",
            field=models.PositiveSmallIntegerField(db_default=24, default=24),
        ),
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.CheckConstraint(
                condition=models.Q(("trail_months__range", (12, 24))), name="tenant_trail_kept_one_to_two_years"
            ),
        ),
    ]
