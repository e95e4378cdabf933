"""One view of the database for a long read, so that a busy log is judged as it stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from orchestrator import sql


@contextmanager
def reading() -> Iterator[None]:
    """Everything read inside belongs to one moment. Nothing can be written; inside a transaction it joins that."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        sql.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", prepare=False)
        yield
