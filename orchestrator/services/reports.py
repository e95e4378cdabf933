"""Reporting what an effect brought: once it is known it is not lost, and what nobody wants any more is said so."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from orchestrator import engine, eventlog
from orchestrator.engine import Appended

# How long a known result is held on to while the database is away.
REPORT_SECONDS = 20.0


class NoLongerWanted(Exception):
    """Not an error: the run moved on, and this effect is not part of its plan any more."""


def surely(record: Callable[[], Appended]) -> Appended:
    """Record what is known, also while the database is away for a moment: an answer that was paid for, or an
    effect that happened, must not be lost and asked for again. After REPORT_SECONDS the error is raised."""
    give_up = time.monotonic() + REPORT_SECONDS
    while True:
        try:
            return record()
        except (OperationalError, InterfaceError, engine.TooBusy):
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            connection.close()
            time.sleep(0.3)


def now() -> int:
    """The moment of a command, in microseconds since 1970 UTC."""
    return eventlog.micros(timezone.now())
