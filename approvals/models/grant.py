"""Standing grants: yes in advance, within bounds. `uses` moves only in the claim of an action."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import F, Q


class StandingGrant(models.Model):
    """One grant. `fields` gives by argument the pattern that it must fit; `when` is a condition beside it."""

    id = models.UUIDField(primary_key=True)
    agent = models.TextField()
    tool = models.TextField()
    fields = models.JSONField()
    when = models.TextField(default="")
    max_amount = models.TextField()
    currency = models.TextField()
    max_uses = models.IntegerField()
    uses = models.IntegerField()
    expires_at = models.DateTimeField()
    reason = models.TextField()
    created_by = models.TextField()
    created_at = models.DateTimeField()
    approved_by = models.TextField()
    approved_at = models.DateTimeField(null=True)
    revoked_by = models.TextField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(approved_by=F("created_by")), name="grant_by_two_people"),
            models.CheckConstraint(
                condition=Q(uses__gte=0) & Q(uses__lte=F("max_uses")), name="grant_uses_counted"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("created_at") + dt.timedelta(days=90)), name="grant_ends"
            ),
            models.CheckConstraint(condition=Q(uses=0) | ~Q(approved_by=""), name="grant_used_when_approved"),
        ]
        indexes = [
            models.Index(fields=["agent", "tool"], name="grant_of_agent"),
            models.Index(
                fields=["expires_at"],
                name="grant_waiting",
                condition=Q(approved_by="", revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.tool}"
