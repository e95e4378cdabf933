"""Where events are found by person, agent, tool, kind, time and words. The log is the record; this only points at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models


class WordsField(models.Field):
    """Words as they are searched for: given as a list, kept as PostgreSQL's tsvector without any of its languages."""

    def db_type(self, connection: object) -> str:
        return "tsvector"

    def get_placeholder(self, value: Sequence[str], compiler: object, connection: object) -> str:
        return "array_to_tsvector(%s::text[])"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else list(value)


def _ordered(*fields: str) -> list[str]:
    """A search walks its index in the order of the page, so its cost does not depend on how much there is."""
    return [*fields, "at", "stream", "seq"]


class AuditEntry(models.Model):
    """One event, with what it can be found by. Made again from the log at any time (`index_audit --again`)."""

    pk = models.CompositePrimaryKey("stream", "seq")
    stream = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.TextField()
    subject = models.TextField()
    type = models.TextField()
    agent = models.TextField(null=True)
    tool = models.TextField(null=True)
    words = WordsField()

    class Meta:
        indexes = [
            models.Index(fields=_ordered(), name="audit_all"),
            models.Index(fields=_ordered("subject"), name="audit_subject"),
            models.Index(fields=_ordered("type"), name="audit_type"),
            models.Index(
                fields=_ordered("agent"), name="audit_agent", condition=models.Q(agent__isnull=False)
            ),
            models.Index(fields=_ordered("tool"), name="audit_tool", condition=models.Q(tool__isnull=False)),
            GinIndex(fields=["words"], name="audit_words"),
        ]


class AuditPerson(models.Model):
    """One person who acted in an event or whom it is about. What they are in it is read from the event itself."""

    pk = models.CompositePrimaryKey("stream", "seq", "person")
    stream = models.UUIDField()
    seq = models.BigIntegerField()
    person = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=_ordered("person"), name="audit_person")]


class AuditCursor(models.Model):
    """How far the log has been read into the entries: one row, locked by whoever reads on."""

    tx = models.BigIntegerField(db_default=0)
    stream = models.UUIDField()
    seq = models.BigIntegerField(db_default=0)
