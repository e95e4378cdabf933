"""Does once what `up` does at each start: tables, static files, roles."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config import preparation
from config.roles import ensure_roles


class Command(BaseCommand):
    help = "Bring the tables, the static files and the roles up to date. May be called again."

    def handle(self, *args: Any, **options: Any) -> None:
        tables, files = preparation.migrate(), preparation.collect_static()
        ensure_roles()
        for name, changed in (("tables", tables), ("static files", files)):
            self.stdout.write(f"The {name} {'are now' if changed else 'were'} up to date.")
