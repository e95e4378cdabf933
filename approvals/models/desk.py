"""A reviewer's own desk: what they put aside for a while, and the filters they kept.

Preferences of one person. They decide nothing and hide nothing from anybody else, so they are no part of the record.
"""

from __future__ import annotations

from django.db import models


class Snooze(models.Model):
    """One person sees one request again at a moment before its deadline."""

    request = models.ForeignKey("approvals.ApprovalRequest", on_delete=models.CASCADE, related_name="snoozes")
    person = models.TextField()
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "request"], name="snooze_once")]

    def __str__(self) -> str:
        return self.person


class SavedFilter(models.Model):
    """A filter of the inbox under a person's own name for it: `query` is the address's part that names the view."""

    person = models.TextField()
    name = models.TextField()
    query = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_filter_name")]

    def __str__(self) -> str:
        return self.name
