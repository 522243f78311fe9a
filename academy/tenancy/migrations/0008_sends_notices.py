"""Whether an academy lets people's devices be told of news."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0007_looks_and_words")]
    operations = [
        migrations.AddField(
            model_name="tenant",
            name="sends_notices",
            field=models.BooleanField(db_default=True, default=True),
        )
    ]
