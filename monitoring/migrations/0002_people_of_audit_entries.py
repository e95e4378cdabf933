"""An event is found by whom it is about as well. Entries are made from the log anew, by whoever reads on next."""

import uuid

from django.db import migrations, models


def begin_again(apps, schema_editor):
    apps.get_model("monitoring", "AuditEntry").objects.all().delete()
    apps.get_model("monitoring", "AuditCursor").objects.update(tx=0, stream=uuid.UUID(int=0), seq=0)


class Migration(migrations.Migration):

    dependencies = [("monitoring", "0001_audit_entries")]

    operations = [
        migrations.RunPython(begin_again, migrations.RunPython.noop, elidable=True),
        migrations.RemoveIndex(model_name="auditentry", name="audit_person"),
        migrations.RemoveField(model_name="auditentry", name="person"),
        migrations.CreateModel(
            name="AuditPerson",
            fields=[
                ("pk", models.CompositePrimaryKey("stream", "seq", "person", blank=True, editable=False, primary_key=True, serialize=False)),
                ("stream", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("person", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["person", "at", "stream", "seq"], name="audit_person")],
            },
        ),
    ]
