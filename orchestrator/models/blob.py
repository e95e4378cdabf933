"""Large content, named by the digest of its bytes."""

from __future__ import annotations

from django.db import models
from django.db.models.expressions import RawSQL

from orchestrator.models.stream import KeyField


class Blob(models.Model):
    """Bytes by their SHA-256. Written once; erased content keeps its digest and the reason."""

    digest = KeyField(primary_key=True)
    size = models.BigIntegerField()
    data = models.BinaryField(null=True)
    erased_because = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=RawSQL("clock_timestamp()", ()))
