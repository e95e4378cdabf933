"""How tools of other servers looked when they were looked at last. No part of the record: looking again brings it back."""

from __future__ import annotations

from django.db import models

from orchestrator.models.stream import KeyField


class OutsideTool(models.Model):
    """One tool by its name here. `seen` is the digest of what its server said of it, "" when it was not there."""

    tool = KeyField(primary_key=True)
    seen = models.TextField()
    words = models.TextField()
    checked_at = models.DateTimeField()
