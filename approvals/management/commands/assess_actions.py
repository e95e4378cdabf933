"""`manage.py assess_actions`: what a policy would have said of the tool calls of recorded runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from approvals.services import assessing
from orchestrator.domain import errors


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
            "--floor",
            action="store_true",
            help="hold guessed financial, safety-critical and personal calls as if the tools were declared so",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        encoder = msgspec.json.Encoder(enc_hook=str)
        try:
            table = assessing.tools_table(options["tools"])
            with (
                options["input"].open(encoding="utf-8", errors="replace") as lines,
                options["output"].open("wb") as out,
            ):

                def write(verdict: Any) -> None:
                    out.write(encoder.encode(verdict) + b"\n")

                counted = assessing.assess_lines(
                    lines, write, policy=options["policy"], table=table, guards_guesses=options["floor"]
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
