"""What reviewers keep for themselves, whose answer is wanted now, and canaries."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Of requests that have answers already, `manage.py rebuild` knows more.
FILL = """
SET LOCAL countersign.rebuilding = on;
UPDATE approvals_approvalrequest AS request SET open_groups = ARRAY(
    SELECT DISTINCT level->>'group' FROM jsonb_array_elements(request.levels) AS level
    WHERE COALESCE((level->>'order')::int, 0) = (
        SELECT min(COALESCE((other->>'order')::int, 0)) FROM jsonb_array_elements(request.levels) AS other
    ) ORDER BY 1
) WHERE status = 'pending';
SET LOCAL countersign.rebuilding = off;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0006_notices")]

    operations = [
        migrations.CreateModel(
            name="Canary",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("run", models.UUIDField(unique=True)),
                ("like", models.UUIDField()),
                ("flaw", models.TextField()),
                ("planted_by", models.TextField()),
                ("planted_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.TextField()),
                ("name", models.TextField()),
                ("query", models.TextField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["person", "name"], name="saved_filter_name")]
            },
        ),
        migrations.CreateModel(
            name="Snooze",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.TextField()),
                ("until", models.DateTimeField()),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="snoozes",
                        to="approvals.approvalrequest",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["person", "request"], name="snooze_once")]
            },
        ),
        migrations.AddField(
            "approvalrequest",
            "open_groups",
            django.contrib.postgres.fields.ArrayField(models.TextField(), default=list),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterModelOptions(
            "approvalrequest",
            {
                "permissions": [
                    ("sign_off", "May approve and reject held actions"),
                    ("break_glass", "May release a held action past the quorum, with a second person"),
                    ("manage_grants", "May make, approve and revoke standing grants"),
                    ("oversee_reviews", "May see how everybody reviews, and plant canaries"),
                ]
            },
        ),
    ]
