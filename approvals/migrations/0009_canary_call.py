"""What a canary asks with, and whose name its run bears: its run's own record does not tell it from a real one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals", "0008_confirmed_addresses")]

    operations = [
        migrations.AddField("canary", "shown_as", models.TextField(default="")),
        migrations.AddField("canary", "arguments", models.JSONField(default=dict)),
        migrations.AddField("canary", "stated_reason", models.TextField(default="")),
    ]
