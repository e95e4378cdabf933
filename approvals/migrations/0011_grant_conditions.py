"""A standing grant may say a condition beside its patterns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals", "0010_index_of_kinds")]

    operations = [migrations.AddField("standinggrant", "when", models.TextField(default=""))]
