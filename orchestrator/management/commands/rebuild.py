"""`manage.py rebuild [--check]`: the rows folded from the log once more. Exit code 1 when --check finds differences."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from orchestrator.services import rebuild


class Command(BaseCommand):
    help = "Make the rows what the log says; with --check only say where they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when rows differ")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, **options: Any) -> None:
        if not options["check"]:
            repaired = rebuild.rebuild()
            self._say(options, {"repaired": repaired}, f"{repaired} differences repaired.")
        left = 0
        for difference in rebuild.differences():
            left += 1
            self._say(options, dataclasses.asdict(difference), difference.text)
        if left:
            self._say(options, {"differences": left}, f"{left} differences between the log and the rows.")
            raise SystemExit(1)
        self._say(options, {"differences": 0}, "The rows are exactly what the log says.")

    def _say(self, options: dict[str, Any], fact: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(fact) if options["json"] else text)
