"""Who is looking at a case: a courtesy among colleagues. No part of the record, and it never keeps anybody out."""

from __future__ import annotations

from django.db import models


class PickUp(models.Model):
    """One person has one case at a time, until a moment."""

    request = models.OneToOneField(
        "approvals.ApprovalRequest", on_delete=models.CASCADE, primary_key=True, related_name="pick_up"
    )
    person = models.TextField(unique=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.person
