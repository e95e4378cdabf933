"""`manage.py assess_actions`: what a policy would have said of the tool calls of recorded runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from approvals.services import assessing
from orchestrator.domain import errors


def _is_reachable() -> bool:
    """Whether the database answers. Asked without the pool, which would try again for many seconds."""
    if connection.connection is not None:
        return True
    parameters = connection.get_connection_params()
    parameters.pop("pool", None)
    try:
        psycopg.connect(**parameters).close()
    except psycopg.OperationalError:
        return False
    return True


class Command(BaseCommand):
    help = (
        "Assess every tool call of recorded runs (JSON lines, one run to a line) with a policy, and write run, event, "
        "verdict, rule and explanation for each. Tools are classified by a table of names; what it does not know is held."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--policy", required=True, help="the policy's short name, such as balanced")
        parser.add_argument("--input", required=True, type=Path, help="a file of JSON lines")
        parser.add_argument(
            "--output", required=True, type=Path, help="the file to write, replaced if it is there"
        )
        parser.add_argument("--tools", type=Path, default=assessing.TOOLS, help="another table of tools")
        parser.add_argument(
            "--shipped",
            action="store_true",
            help="ask the policy as it is shipped, whatever is published here; needs no database",
        )
        parser.add_argument(
            "--floor",
            action="store_true",
            help="hold guessed financial, safety-critical and personal calls as if the tools were declared so",
        )

    def _judges(self, slug: str, *, as_shipped: bool) -> assessing.Judges:
        if not as_shipped and not _is_reachable():
            self.stderr.write("The database cannot be reached: the policy is asked as it is shipped.")
            as_shipped = True
        return assessing.as_shipped(slug) if as_shipped else assessing.as_published(slug)

    def handle(self, *args: Any, **options: Any) -> None:
        encoder = msgspec.json.Encoder(enc_hook=str)
        try:
            judges = self._judges(options["policy"], as_shipped=options["shipped"])
            table = assessing.tools_table(options["tools"])
            with (
                options["input"].open(encoding="utf-8", errors="replace") as lines,
                options["output"].open("wb") as out,
            ):

                def write(verdict: Any) -> None:
                    out.write(encoder.encode(verdict) + b"\n")

                counted = assessing.assess_lines(
                    lines, write, judges=judges, table=table, guards_guesses=options["floor"]
                )
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from None
        except errors.CountersignError as error:
            raise CommandError(error.message) from None
        for number, why in counted.bad:
            self.stderr.write(f"line {number}: {why}")
        if counted.bad_lines > len(counted.bad):
            self.stderr.write(f"and {counted.bad_lines - len(counted.bad)} more lines that cannot be read")
        shown = ", ".join(f"{count:,} {name}" for name, count in sorted(counted.verdicts.items())) or "none"
        self.stdout.write(
            f"{counted.runs:,} runs with {counted.calls:,} calls: {shown}; "
            f"{counted.interrupted:,} runs with at least one call that was not allowed."
        )
