"""`manage.py verify_log`: exit code 0 when the record is sound, 1 when something is not as it was written."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import pluralize

from orchestrator.services import verify


class Command(BaseCommand):
    help = (
        "Walk every hash chain, compare every signed checkpoint, and name the first bad event of each stream."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--exported", type=Path, metavar="DIR", help="compare exported checkpoints as well"
        )
        parser.add_argument(
            "--public-key",
            action="append",
            default=[],
            metavar="HEX",
            help="trust this key as well (repeatable)",
        )

    def handle(self, **options: Any) -> None:
        found = verify.verify_log(exported=options["exported"], public_keys=tuple(options["public_key"]))
        if options["json"]:
            self.stdout.write(json.dumps({"sound": found.is_sound, **dataclasses.asdict(found)}, indent=2))
        else:
            self._print(found)
        if not found.is_sound:
            raise SystemExit(1)

    def _print(self, found: verify.Verification) -> None:
        for finding in found.findings:
            where = (
                f"{finding.kind or 'stream'} {finding.stream} event {finding.seq}" if finding.stream else "-"
            )
            self.stdout.write(f"{finding.problem.upper()}  {where}\n    {finding.text}")
        word = "The record is sound" if found.is_sound else _counted(len(found.findings), "finding")
        looked = ", ".join(
            _counted(getattr(found, f"{noun}s"), noun) for noun in ("stream", "event", "checkpoint")
        )
        self.stdout.write(f"{word}: {looked} looked at.")
        for sentence in found.unproven:
            self.stdout.write(f"Not proven: {sentence}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{pluralize(number)}"
