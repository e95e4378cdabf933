"""Canaries: requests that an administrator planted to be rejected. A row of the approval stream that planted it."""

from __future__ import annotations

from django.db import models


class Canary(models.Model):
    """One canary: the run that asks, with which call, and what is wrong with it. Which request it became is found by
    its run; `shown_as` is whose name that run bears."""

    id = models.UUIDField(primary_key=True)
    run = models.UUIDField(unique=True)
    like = models.UUIDField()
    flaw = models.TextField()
    planted_by = models.TextField()
    planted_at = models.DateTimeField()
    shown_as = models.TextField(default="")
    arguments = models.JSONField(default=dict)
    stated_reason = models.TextField(default="")

    def __str__(self) -> str:
        return self.flaw
