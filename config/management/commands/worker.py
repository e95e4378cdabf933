"""Performs effects: a Celery worker on one or several queues."""

from __future__ import annotations

import argparse
import logging
import os
import threading
from typing import Any

from celery.signals import worker_process_init, worker_ready, worker_shutting_down
from django.core.management.base import BaseCommand, CommandError

from config import lifeline, preparation

log = logging.getLogger("config.worker")
QUEUES = ("resume", "runs", "watch", "isolated")


class Command(BaseCommand):
    help = (
        "Perform effects from one or several queues: `resume` (what a person's decision set free), `runs`, "
        "`watch` and `isolated` (agents in a process of their own; needs --processes)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--queue", default="resume,runs,watch", help="names, separated by commas")
        parser.add_argument("--concurrency", type=int, default=int(os.environ.get("WORKER_THREADS", "8")))
        parser.add_argument(
            "--processes", action="store_true", help="processes that can be killed, not threads"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        queues = options["queue"].split(",")
        if unknown := sorted(set(queues) - set(QUEUES)):
            raise CommandError(f"There is no queue {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
        lifeline.tie_to_parent()
        # A person may run this as root in a container; Celery's warning about pickle does not apply: JSON only.
        os.environ.setdefault("C_FORCE_ROOT", "1")
        from config.celery import app
        from orchestrator import tasks
        from orchestrator.adapters import timed

        worker_ready.connect(_ready, weak=False)
        worker_shutting_down.connect(_shutting_down, weak=False)
        timed.when_full(tasks.leave)
        if not options["processes"]:
            worker_ready.connect(_warm, weak=False)
        worker_process_init.connect(_child_started, weak=False)
        app.worker_main(
            [
                "worker",
                *("--pool", "prefork" if options["processes"] else "threads"),
                *("--concurrency", str(options["concurrency"])),
                *("--queues", options["queue"], "--hostname", f"{queues[0]}-{os.getpid()}@%h"),
                *("--loglevel", os.environ.get("LOG_LEVEL", "INFO")),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )


def _ready(**_facts: Any) -> None:
    preparation.settle_memory()
    lifeline.report_ready()


def _shutting_down(**_facts: Any) -> None:
    """A thread that hangs in somebody's function would be waited for without end."""
    from orchestrator import tasks
    from orchestrator.adapters import timed

    if timed.stuck_threads():
        tasks.leave_at_last()


def _warm(**_facts: Any) -> None:
    threading.Thread(target=_load_models, name="warm", daemon=True).start()


def _load_models() -> None:
    """The libraries of model providers are large: loaded beforehand where an agent in use needs them."""
    from django.db import connection

    from orchestrator.adapters import model_catalogue
    from orchestrator.queries import published

    try:
        model_catalogue.warm(published.agents().values())
    except Exception:
        # The first turn loads them instead, and says what is wrong.
        log.warning("The models could not be loaded beforehand", exc_info=True)
    finally:
        connection.close()


def _child_started(**_facts: Any) -> None:
    lifeline.die_with_parent()
