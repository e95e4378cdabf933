"""Puts an installation back as a back-up has it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import back_up, running


class Command(BaseCommand):
    help = "Restore a back-up that `back_up` wrote. Countersign must be stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("archive", type=Path)
        parser.add_argument("--replace", action="store_true", help="overwrite an installation that has runs")

    def handle(self, *args: Any, **options: Any) -> None:
        if there := running.running(settings.VAR_DIR):
            raise CommandError(f"Countersign is running at {there.url}. Stop it first: make stop")
        try:
            files = back_up.restore(options["archive"], replace=options["replace"])
        except (back_up.CannotRestore, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The database and {files} files are as the back-up has them. Start it: make run")
