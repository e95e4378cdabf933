"""Effects: wanted outside work, who holds it and until when."""

from __future__ import annotations

from django.db import models
from django.db.models.expressions import RawSQL

from orchestrator.models.stream import KeyField


class Effect(models.Model):
    """One wanted effect. `token` grows with each claim: a holder with an older one writes nothing.

    `dispatches` counts claims, because a killed worker raises nothing.
    """

    key = KeyField(primary_key=True)
    stream = models.ForeignKey(
        "orchestrator.Stream", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.TextField()
    subject = models.TextField()
    queue = models.TextField()
    state = models.TextField()
    token = models.BigIntegerField(db_default=0)
    holder = models.TextField(db_default="")
    lease_until = models.DateTimeField(null=True)
    dispatches = models.IntegerField(db_default=0)
    not_before = models.DateTimeField(null=True)
    error = models.TextField(db_default="")
    wanted_at = models.DateTimeField(db_default=RawSQL("clock_timestamp()", ()))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["wanted", "claimed", "done", "dropped", "dead"]),
                name="effect_state",
            ),
        ]
        indexes = [
            models.Index(
                fields=["stream", "wanted_at"],
                name="effect_open",
                condition=models.Q(state__in=["wanted", "claimed"]),
            ),
        ]
