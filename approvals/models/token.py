"""API tokens as rows: the hash of each secret, whose it is, until when. The secret itself is kept nowhere."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ApiToken(models.Model):
    """One token. Everything but `last_used_at` follows from events, and `rebuild` compares it."""

    id = models.UUIDField(primary_key=True)
    digest = models.TextField(unique=True)
    prefix = models.TextField()
    agent = models.TextField()
    agent_revision = models.IntegerField()
    person = models.TextField()
    scopes = models.JSONField()
    policy = models.TextField()
    per_minute = models.IntegerField()
    reason = models.TextField()
    created_by = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.TextField()
    revoked_because = models.TextField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(agent="") & ~Q(person="")) | (~Q(agent="") & Q(person="")),
                name="token_of_one",
            ),
            # A service identity never decides, whatever a row says.
            models.CheckConstraint(
                condition=Q(agent="") | ~Q(scopes__contains=["decide"]), name="token_agent_never_decides"
            ),
            models.CheckConstraint(
                condition=Q(person="") | ~Q(scopes__contains=["act"]), name="token_person_never_acts"
            ),
        ]
        indexes = [
            models.Index(fields=["agent", "-created_at"], name="token_of_agent"),
            models.Index(fields=["person", "-created_at"], name="token_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.agent or self.person}"
