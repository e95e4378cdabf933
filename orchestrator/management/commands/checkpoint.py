"""`manage.py checkpoint`: sign the heads of all streams, and export what was signed."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from orchestrator.services import checkpoints, signing_keys


class Command(BaseCommand):
    help = "Sign a list of all stream heads, so that a tail that is cut off later shows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = settings.CHECKPOINT_EXPORT_DIR
        parser.add_argument(
            "--export",
            type=Path,
            default=Path(default) if default else None,
            metavar="DIR",
            help="copy every checkpoint that is not there yet into this folder (CHECKPOINT_EXPORT_DIR)",
        )
        parser.add_argument("--rotate-key", action="store_true", help="sign with a new key from now on")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        if options["rotate_key"]:
            signing_keys.rotate_key(by="system", now=now)
        card = checkpoints.take_checkpoint(by="system", now=now)
        written = checkpoints.export(options["export"]) if options["export"] else []
        header = card.header
        if options["json"]:
            said = {"digest": card.digest, **header, "exported": [str(file) for file in written]}
            self.stdout.write(json.dumps(said, indent=2))
            return
        self.stdout.write(
            f"Signed {header['streams']} streams with {header['events']} events: {card.digest} by key {card.key}."
        )
        for file in written:
            self.stdout.write(f"Exported {file}")
        if not options["export"]:
            self.stdout.write(
                "Not exported: a checkpoint beside its log can be deleted with it. Use --export DIR."
            )
