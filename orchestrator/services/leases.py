"""Keeps the leases of what this process holds, from a side thread, so that a slow call is not taken for a dead one.

It also learns which runs were cancelled or paused meanwhile, and which leases were lost: whoever asks
`is_cancelled` during a long call hears of it within one renewal.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid

import structlog
from django.conf import settings
from django.db import connection

from orchestrator import outbox, sql
from orchestrator.outbox import Held

log = structlog.get_logger(__name__)

# Who holds: host, process, and a random part, because process ids come back.
HOLDER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

_held: dict[str, tuple[int, str]] = {}  # key -> (token, run)
_gone: set[str] = set()
_guard = threading.Lock()
_thread: threading.Thread | None = None
_pid = os.getpid()


def holder() -> str:
    """This process's name as a holder; a forked child gets its own."""
    global HOLDER, _pid, _thread
    if os.getpid() != _pid:
        _pid = os.getpid()
        HOLDER = f"{socket.gethostname()}:{_pid}:{uuid.uuid4().hex[:8]}"
        _held.clear()
        _gone.clear()
        _thread = None
    return HOLDER


def keep(run: str, held: Held) -> None:
    """Renew this effect's lease until `let_go`."""
    with _guard:
        _held[held.key] = (held.token, run)
        _gone.discard(held.key)
    _ensure_thread()


def let_go(key: str) -> None:
    with _guard:
        _held.pop(key, None)
        _gone.discard(key)


def is_gone(key: str) -> bool:
    """Whether the lease was lost, or the run was cancelled, since it was taken."""
    return key in _gone


def _ensure_thread() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_renew, name="leases", daemon=True)
        _thread.start()


def _renew() -> None:
    pause = threading.Event()
    while True:
        pause.wait(settings.LEASE_RENEW_SECONDS)
        with _guard:
            current = dict(_held)
        if not current:
            continue
        try:
            mine = outbox.renew(holder(), [(key, token) for key, (token, _) in current.items()])
            over = {
                row[0]
                for row in sql.run(
                    'SELECT id::text FROM "orchestrator_run" WHERE id=ANY($1::uuid[]) '
                    "AND state IN ('cancelled','failed','succeeded')",
                    [sorted({run for _, run in current.values()})],
                    prepare=False,
                )
            }
            with _guard:
                _gone.update(key for key, (_, run) in current.items() if key not in mine or run in over)
        except Exception:
            # An error while renewing is lost authority as far as this process can tell.
            log.warning("leases_not_renewed", held=len(current), exc_info=True)
            with _guard:
                _gone.update(current)
        finally:
            connection.close()
