"""`manage.py export_log --output FILE`: the record as JSON lines, for the stand-alone verifier."""

from __future__ import annotations

import datetime as dt
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from orchestrator import kinds
from orchestrator.domain import errors
from orchestrator.services import export


class Command(BaseCommand):
    help = "Write the record, its chains and its signed checkpoints into a file that verifier/verify_export.py reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="FILE")
        parser.add_argument("--since", type=_moment, metavar="TIME", help="a date or a time (ISO 8601)")
        parser.add_argument("--until", type=_moment, metavar="TIME", help="up to, and without, this time")
        parser.add_argument("--run", default="", metavar="ID", help="this stream only")
        parser.add_argument(
            "--kind", action="append", default=[], choices=sorted(kinds.NAMES), help="repeatable"
        )
        parser.add_argument(
            "--content", action="store_true", help="with the content that events name by digest"
        )

    def handle(self, **options: Any) -> None:
        scope = export.Scope(
            run=options["run"],
            kinds=tuple(options["kind"]),
            since=options["since"],
            until=options["until"],
            contents=options["content"],
        )
        now = timezone.now()
        output: Path = options["output"]
        fresh = output.with_name(f"{output.name}.{os.getpid()}")
        try:
            lines = export.export_log(scope, now=now)
            export.record_export(scope, by="system", now=now)
            with fresh.open("wb") as out:
                count = 0
                for line in lines:
                    out.write(line)
                    count += 1
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(output)
        except (errors.Refused, errors.NotFound) as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        finally:
            fresh.unlink(missing_ok=True)
        self.stdout.write(
            f"Wrote {count} lines to {output}. Check them with: python verifier/verify_export.py {output}"
        )


def _moment(text: str) -> dt.datetime:
    """A time, or the beginning of a day, in the organisation's time zone unless it names another."""
    found = parse_datetime(text)
    if found is None and (day := parse_date(text)) is not None:
        found = dt.datetime.combine(day, dt.time())
    if found is None:
        raise ValueError(text)
    return found if found.tzinfo else timezone.make_aware(found)
