"""An academy on its way between the pool and a silo is neither active nor suspended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_staff_second_factor")]
    operations = [
        migrations.AlterField(
            model_name="tenant",
            name="status",
            field=models.CharField(
                choices=[("active", "Active"), ("suspended", "Suspended"), ("moving", "Moving")],
                default="active",
                max_length=12,
            ),
        )
    ]
