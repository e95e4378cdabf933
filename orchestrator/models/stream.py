"""Streams and their events: the record from which everything else can be made again."""

from __future__ import annotations

from django.db import models
from django.db.models.expressions import RawSQL


class XidField(models.Field):
    """PostgreSQL's 64-bit transaction id."""

    def db_type(self, connection: object) -> str:
        return "xid8"


class JsonBytesField(models.TextField):
    """JSON as it was written: type json keeps the bytes that the hash covers, jsonb would rewrite them."""

    def db_type(self, connection: object) -> str:
        return "json"


class KeyField(models.TextField):
    """A text key. Qualified, because for plain text Django adds a second index for LIKE that nobody would use and
    every append would pay for."""

    def db_type(self, connection: object) -> str:
        return "pg_catalog.text"


class Stream(models.Model):
    """The ordered events of one subject. `head` is the last seq, `hash` the last event's hash."""

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    head = models.BigIntegerField()
    hash = models.BinaryField()
    created_at = models.DateTimeField(db_default=RawSQL("clock_timestamp()", ()))


class Event(models.Model):
    """One fact. `payload` keeps its canonical bytes (type json, not jsonb), which the hash covers."""

    pk = models.CompositePrimaryKey("stream_id", "seq")
    # No constraint and no index of its own: the append selects from the stream's row, the key leads with it.
    stream = models.ForeignKey(
        Stream, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    seq = models.BigIntegerField()
    type = models.TextField()
    version = models.SmallIntegerField()
    actor = models.TextField()
    cause = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    payload = JsonBytesField()
    hash = models.BinaryField()
    tx = XidField(db_default=RawSQL("pg_current_xact_id()", ()))

    class Meta:
        indexes = [models.Index(fields=["tx", "stream", "seq"], name="event_across_streams")]


class Snapshot(models.Model):
    """A state at a seq, to fold less. It may be lost, and is ignored when its version is not the code's."""

    stream = models.OneToOneField(Stream, on_delete=models.CASCADE, primary_key=True, related_name="+")
    seq = models.BigIntegerField()
    version = models.IntegerField()
    state = models.BinaryField()


class Checkpoint(models.Model):
    """A signed list of all stream heads at one moment. It shows a tail that was cut off later."""

    taken_at = models.DateTimeField()
    streams = models.IntegerField()
    events = models.BigIntegerField()
    heads = models.BinaryField()
    digest = models.TextField()
    key = models.TextField()
    signature = models.BinaryField()
