"""What must be true before pages are served: tables up to date, static files collected. Done only when needed."""

from __future__ import annotations

import gc
import hashlib
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.core.management import call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

# What every part needs: loaded once by the supervisor, shared by all that it forks. None of them opens a
# connection, a thread or an event loop when imported (daphne.server would, so only what it is made of is here).
PRELOADED = (
    "celery.apps.worker",
    "celery.backends.base",
    "celery.concurrency.thread",
    "celery.result",
    "celery.worker.components",
    "celery.worker.consumer",
    "kombu.transport.redis",
    "twisted.internet.asyncioreactor",
    "twisted.internet.tcp",
    "twisted.web.http",
    "autobahn.websocket.protocol",
    "config.urls",
)


def preload() -> None:
    """Load all of it. Without this the first who signs off waits for what the first message to a worker imports."""
    from django.urls import get_resolver

    from config.celery import app

    for name in PRELOADED:
        import_module(name)
    app.loader.import_default_modules()
    get_resolver()._populate()


def settle_memory() -> None:
    """What was loaded so far lives as long as the process. Looking through it again and again for garbage takes
    time from every step, and stops every socket for as long as that takes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def migrate() -> bool:
    """Bring the tables up to date; whether there was anything to do."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", verbosity=0, interactive=False)
    return True


def collect_static() -> bool:
    """Collect, compress and name the static files by their content; whether anything had changed."""
    stamp, seen = Path(settings.STATIC_ROOT) / ".collected", _fingerprint()
    if stamp.exists() and stamp.read_text() == seen:
        return False
    # Its copies of htmx import files that are not there; the pages use the one under static/vendor.
    call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=["django_htmx"])
    stamp.write_text(seen)
    return True


def seed() -> None:
    """Create the example agents and workflows, where the orchestrator offers to. On a fresh installation one of
    them also begins to run, so that a newcomer sees something move."""
    if "seed" in get_commands():
        call_command("seed", verbosity=0, example_run=settings.EXAMPLE_RUN)


def _fingerprint() -> str:
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: found[0]):
            facts = Path(storage.path(path)).stat()
            digest.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
