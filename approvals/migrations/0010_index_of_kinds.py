"""Repeats of what waits are found by an index, so that the inbox costs the same however much waits."""

from django.db import migrations, models
from django.db.models.functions import MD5

KIND = MD5(models.Case(models.When(target="", then=models.F("digest")), default=models.F("target")))


class Migration(migrations.Migration):
    dependencies = [("approvals", "0009_canary_call")]

    operations = [
        migrations.AddIndex(
            "approvalrequest",
            models.Index(
                "tool",
                "agent",
                "rank",
                KIND,
                "decide_by",
                "opened_at",
                "id",
                name="request_kind",
                condition=models.Q(status="pending"),
            ),
        ),
    ]
