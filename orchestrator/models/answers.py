"""Answers kept for calls from outside that are sent again. No part of the record: losing them loses a comfort."""

from __future__ import annotations

from django.db import models
from django.db.models.expressions import RawSQL

from orchestrator.models.stream import KeyField


class KeptAnswer(models.Model):
    """What one caller was answered under one idempotency key. Status 0 while the call is being answered."""

    token = KeyField()
    key = KeyField()
    fingerprint = models.TextField()
    status = models.SmallIntegerField()
    body = models.TextField()
    at = models.DateTimeField(db_default=RawSQL("clock_timestamp()", ()))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="answer_once")]
        indexes = [models.Index(fields=["at"], name="answer_by_age")]
