"""`manage.py retention [--dry-run]`: let go what RETENTION_DAYS says. Without that setting nothing ever goes."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from collections.abc import Sized
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from monitoring.domain import retention
from monitoring.services import audit_retention
from orchestrator.domain import errors


class Command(BaseCommand):
    help = "Erase content and remove runs that are older than RETENTION_DAYS allows and that nothing needs any more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--days", metavar="KIND=DAYS,…", help="instead of RETENTION_DAYS")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        try:
            given = options["days"]
            days = audit_retention.policy() if given is None else retention.days_of(given)
            if options["dry_run"]:
                found = audit_retention.propose(days, now=now)
            else:
                found = audit_retention.apply(days, by="system", now=now)
        except errors.Refused as refused:
            raise CommandError(refused.message) from refused
        if options["json"]:
            self.stdout.write(json.dumps({"days": days, **dataclasses.asdict(found)}, indent=2))
            return
        for sentence in retention.in_words(days) or ["Everything is kept: RETENTION_DAYS is not set."]:
            self.stdout.write(sentence)
        verb = "would go" if options["dry_run"] else "went"
        self.stdout.write(
            f"{_counted(found.contents, 'content')} ({found.bytes} byte{pluralize(found.bytes)}) and "
            f"{_counted(found.runs, 'run')} with {_counted(found.requests, 'request')} {verb}."
        )
        if found.still_named:
            self.stdout.write(
                f"Kept, because something that stays names them: {', '.join(found.still_named)}"
            )


def _counted(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{pluralize(len(things))}"
