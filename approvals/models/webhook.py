"""Webhooks, what each is to be told, and how far the log was read for them."""

from __future__ import annotations

from django.db import models


class Webhook(models.Model):
    """An address that is told of events. Its secret is derived, never stored. Follows from events of its stream."""

    id = models.UUIDField(primary_key=True)
    url = models.TextField()
    subjects = models.JSONField()
    reason = models.TextField()
    secret_version = models.IntegerField()
    created_by = models.TextField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField()
    ended_because = models.TextField()

    class Meta:
        permissions = [("manage_webhooks", "May tell other programs of events")]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One telling of one event to one webhook: wanted, delivered or failed. Work, not record."""

    id = models.UUIDField(primary_key=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE)
    event = models.TextField()
    run = models.TextField()
    body = models.TextField()
    state = models.TextField(default="wanted")
    tries = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    status = models.IntegerField(null=True)
    error = models.TextField(default="")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=models.Q(state="wanted")),
            models.Index(fields=["webhook", "-made_at"], name="delivery_latest"),
        ]


class LogPlace(models.Model):
    """How far a reader has come in the log of all streams."""

    reader = models.TextField(primary_key=True)
    tx = models.BigIntegerField()
    stream = models.UUIDField()
    seq = models.BigIntegerField()
