"""Ends a running Countersign, and whatever a killed one left behind."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import embedded, processes, running


class Command(BaseCommand):
    help = "End Countersign on this machine, also what a killed parent left behind."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        var, ended = settings.VAR_DIR, []
        if there := running.running(var):
            if not processes.end(there.pid, signal.SIGTERM, 60):
                processes.end(there.pid, signal.SIGKILL, 5)
            ended.append(f"Countersign (process {there.pid})")
        ended += running.end_leftovers(var)
        ended += embedded.stop(var)
        self.stdout.write(f"Stopped: {', '.join(ended)}." if ended else "Nothing was running.")
