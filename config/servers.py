"""Starts, finds again and ends the embedded PostgreSQL and Redis of one `var` folder.

Servers outlive the process that started them, so that a killed parent loses nothing: the next one finds them by
their sockets. Until when they are wanted is decided by the supervisor and the commands.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import embedded_postgres, embedded_redis, processes
from config.owner import CannotStart, owner_of, prepare_folders

__all__ = ["CannotStart", "Started", "ensure", "running", "stop"]


@dataclass(frozen=True)
class Started:
    """What `ensure` had to start; what was already there is left out."""

    postgres: bool = False
    redis: bool = False


def ensure(var: Path) -> Started:
    want_postgres, want_redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
    if not (want_postgres or want_redis):
        return Started()
    with _locked(var):
        postgres = want_postgres and not embedded_postgres.accepts(var)
        redis = want_redis and not processes.answers(embedded_redis.socket_path(var))
        owner = owner_of(var)
        if postgres or redis:
            prepare_folders(var, owner)
        if redis:
            embedded_redis.start(var, owner)
        if postgres:
            embedded_postgres.start(var, owner)
        if want_postgres:
            embedded_postgres.create_database(var)
        return Started(postgres, redis)


def running(var: Path) -> bool:
    """Whether every server that is wanted accepts connections."""
    processes.reap()
    wanted = []
    if "DATABASE_URL" not in os.environ:
        wanted.append(embedded_postgres.socket_path(var))
    if "REDIS_URL" not in os.environ:
        wanted.append(embedded_redis.socket_path(var))
    return all(processes.answers(path) for path in wanted)


def stop(var: Path) -> list[str]:
    if not var.exists():
        return []
    with _locked(var):
        return [
            name
            for name, end in (("PostgreSQL", embedded_postgres.stop), ("Redis", embedded_redis.stop))
            if end(var)
        ]


@contextlib.contextmanager
def _locked(var: Path) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with (var / "servers.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
