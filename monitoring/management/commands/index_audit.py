"""`manage.py index_audit [--again]`: read the log on into what the Audit page searches; --again from its beginning."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitoring.services import audit_index


class Command(BaseCommand):
    help = "Read the log on into the entries that the Audit page searches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="forget the entries and make them anew")

    def handle(self, **options: Any) -> None:
        if options["again"]:
            audit_index.start_again()
        done = 0
        while read := audit_index.catch_up():
            done += read
        self.stdout.write(f"{done} events read.")
