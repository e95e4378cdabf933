"""Notices, hooks and how people want to be told. Hooks follow from events; the rest is work, not record."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

STATES = ("waiting", "sending", "sent", "dropped", "dead_letter")


class Notice(models.Model):
    """One telling of one event to one person or hook over one channel; what its tries came to.

    `event` is the event's place in the log. `due_at` is when it is tried next; while it is being sent, when another
    process may try. `message` names the message that it travelled in.
    """

    event = models.TextField()
    kind = models.TextField()
    to = models.TextField()
    channel = models.TextField()
    via = models.TextField()
    tier = models.TextField()
    request = models.UUIDField(null=True)
    run = models.UUIDField(null=True)
    agent = models.TextField()
    decide_by = models.DateTimeField(null=True)
    by = models.TextField()
    reason = models.TextField()
    body = models.TextField()
    state = models.TextField(default="waiting")
    due_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    status = models.IntegerField(null=True)
    error = models.TextField(default="")
    message = models.TextField(default="")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "to", "channel"], name="notice_once"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="notice_state"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="notice_due", condition=Q(state__in=["waiting", "sending"])),
            models.Index(fields=["request", "to"], name="notice_of_request"),
            models.Index(fields=["to", "channel", "agent", "kind", "-due_at"], name="notice_of_agent"),
            models.Index(fields=["-made_at", "-id"], name="notice_latest"),
            models.Index(
                fields=["to", "ended_at", "id"],
                name="notice_in_browser",
                condition=Q(channel="browser", state="sent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to} by {self.channel}"


class Hook(models.Model):
    """Another program that is told of events. `place` is its address as it may be shown."""

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    place = models.TextField()
    topics = models.JSONField()
    reason = models.TextField()
    version = models.IntegerField()
    overlaps_until = models.DateTimeField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField()
    ended_because = models.TextField()

    class Meta:
        permissions = [("manage_hooks", "May tell other programs of events, and see what was sent")]

    def __str__(self) -> str:
        return self.place


class HookSecret(models.Model):
    """What a hook needs and nobody may read: its address, and a secret for each version. Encrypted, on no log."""

    hook = models.UUIDField()
    version = models.IntegerField()
    address = models.BinaryField()
    secret = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "version"], name="hook_secret_once")]

    def __str__(self) -> str:
        return f"{self.hook} version {self.version}"


class NoticePreference(models.Model):
    """How one person, or whoever is in a group and said nothing, wants to be told."""

    is_group = models.BooleanField()
    subject = models.TextField()
    wants = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["is_group", "subject"], name="notice_preference_once")]

    def __str__(self) -> str:
        return self.subject


class NoticePlace(models.Model):
    """How far the log was read for notices: one row."""

    reader = models.TextField(primary_key=True)
    tx = models.BigIntegerField()
    stream = models.UUIDField()
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return self.reader
