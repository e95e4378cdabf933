"""Writes everything that cannot be made anew into one archive."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import back_up


class Command(BaseCommand):
    help = (
        "Back up the database, the keys and the files into one archive. May be used while Countersign runs."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("archive", type=Path, help="for example ../countersign.tar.gz")

    def handle(self, *args: Any, **options: Any) -> None:
        archive: Path = options["archive"]
        try:
            size = back_up.back_up(archive)
        except (back_up.CannotRestore, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Backed up to {archive} ({size / 2**20:.1f} MiB). It holds keys: keep it safe.")
