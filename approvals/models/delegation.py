"""Delegations and leave: who does not decide themselves, from when until when, and who does it for them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Delegation(models.Model):
    """One delegation. `ended_at` is set when it was ended before its time."""

    id = models.UUIDField(primary_key=True)
    person = models.TextField()
    delegate = models.TextField()
    is_leave = models.BooleanField()
    starts_at = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    set_by = models.TextField()
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(person=F("delegate")), name="delegation_to_another"),
            models.CheckConstraint(condition=Q(until__gt=F("starts_at")), name="delegation_has_length"),
            models.CheckConstraint(condition=~Q(delegate="") | Q(is_leave=True), name="delegation_says_what"),
        ]
        indexes = [
            models.Index(fields=["until"], name="delegation_open", condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.person} until {self.until:%Y-%m-%d}"
