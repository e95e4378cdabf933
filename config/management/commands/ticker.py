"""Gives second chances: every few seconds it looks for what was lost, is late or is due."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection
from django.utils import timezone

from config import lifeline

log = logging.getLogger("config.ticker")
# Any number, the same for every ticker on one database.
LOCK = 0x436F756E746572


class Command(BaseCommand):
    help = "Sweep every SWEEP_SECONDS. A second ticker on the same database waits and takes over."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        lifeline.tie_to_parent()
        stop = threading.Event()
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, lambda *_: stop.set())
        lifeline.report_ready()
        log.info("Sweeping every %s s", settings.SWEEP_SECONDS)
        lock: psycopg.Connection[Any] | None = None
        while not stop.wait(settings.SWEEP_SECONDS):
            try:
                lock = _hold(lock)
                if lock is not None:
                    _sweep()
            except Exception:
                # The next round tries again: a ticker that ends helps nobody.
                log.exception("This sweep failed")
            finally:
                close_old_connections()
        if lock is not None:
            lock.close()


def _hold(lock: psycopg.Connection[Any] | None) -> psycopg.Connection[Any] | None:
    """The session that holds the ticker's lock, or None while another ticker has it."""
    if lock is not None:
        try:
            lock.execute("SELECT 1")
        except psycopg.OperationalError:
            log.warning("Lost the lock with its connection; asking for it again")
            lock.close()
        else:
            return lock
    parameters = connection.get_connection_params()
    session: psycopg.Connection[Any] = psycopg.connect(
        **{
            name: parameters[name]
            for name in ("dbname", "user", "password", "host", "port")
            if parameters.get(name)
        },
        autocommit=True,
        application_name="countersign ticker",
    )
    if session.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (True,):
        log.info("This is the ticker now")
        return session
    session.close()
    return None


def _chores() -> list[tuple[str, Callable[[], object]]]:
    from approvals.adapters import telling
    from approvals.services import deadlines, silence
    from approvals.services.notifications import tries
    from monitoring.services import audit_index
    from orchestrator.services import commitments, external, once, sweep

    return [
        ("runs that nobody rang for", sweep.sweep),
        ("requests whose time is over", lambda: deadlines.expire_due(timezone.now())),
        ("claims of agents elsewhere", lambda: external.unconfirm_overdue(timezone.now())),
        ("commitments whose time is over", lambda: commitments.violate_overdue(timezone.now())),
        ("answers kept for repeated calls", lambda: once.forget_old(timezone.now())),
        ("tools of other servers", _outside_tools),
        ("requests that nobody answers", lambda: silence.speak_up(timezone.now())),
        ("the signed checkpoint", _checkpoint),
        ("what the Audit page searches", audit_index.hand_out),
        ("what retention lets go", _retention),
        ("people and programs to be told", telling.tell_in_background),
        ("notices of long ago", lambda: tries.forget_old(timezone.now())),
    ]


_looking = threading.Lock()
_looked_at = 0.0


def _outside_tools() -> None:
    """Look at the tools of other servers every OUTSIDE_TOOLS_SECONDS, in a thread: a slow server delays nothing."""
    global _looked_at
    from orchestrator.adapters import mcp

    if time.monotonic() - _looked_at < settings.OUTSIDE_TOOLS_SECONDS or not _looking.acquire(blocking=False):
        return
    _looked_at = time.monotonic()

    def look() -> None:
        try:
            mcp.look_at_all()
        except Exception:
            log.exception("The tools of other servers could not be looked at")
        finally:
            connection.close()
            _looking.release()

    threading.Thread(target=look, name="outside tools", daemon=True).start()


def _checkpoint() -> None:
    """A signed list of all heads every CHECKPOINT_HOURS; exported where the setting says."""
    from orchestrator.services import checkpoints

    now = timezone.now()
    if not checkpoints.is_due(now=now):
        return
    checkpoints.take_checkpoint(by="system", now=now)
    if settings.CHECKPOINT_EXPORT_DIR:
        checkpoints.export(Path(settings.CHECKPOINT_EXPORT_DIR))


def _retention() -> None:
    """Once a day, and only where a policy is set. Forgetting that it was done costs a second look."""
    from monitoring.services import audit_retention

    if audit_retention.policy() and cache.add(f"retention:{timezone.localdate()}", "done", 2 * 86400):
        audit_retention.hand_out()


def _sweep() -> None:
    """Each chore in turn; one that fails keeps none of the others from being done, and is tried again next time."""
    for name, do in _chores():
        try:
            do()
        except Exception:
            log.exception("Sweeping failed: %s", name)
