"""Create what a fresh installation has: roles, sign-ins, the shipped policy, the example workflows. Repeatable.

Asked to, it also starts one run of the example, once in the life of an installation.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from approvals.services import policies
from config import example_run, sign_in
from config.people import User
from config.roles import ensure_roles
from orchestrator.adapters import registry
from orchestrator.domain.errors import CountersignError, Refused
from orchestrator.services import declarations


class Command(BaseCommand):
    help = (
        "Create roles, sign-ins, the strict policy and the example workflows. May be called again: what people have "
        "published since is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files",
            nargs="*",
            type=Path,
            help="TOML files that declare workflows. Without any: examples/*/workflow*.toml.",
        )
        parser.add_argument(
            "--example-run",
            action="store_true",
            help="on a fresh installation, also start one run of the example with its files",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._people()
        policies.ensure_shipped(now=timezone.now())
        was_fresh = example_run.is_fresh()
        files = options["files"] or sorted(settings.BASE_DIR.glob(declarations.DECLARATIONS))
        schemas = registered_schemas()
        broken = [file for file in files if not self._install(file, schemas, options["verbosity"])]
        if options["example_run"] and was_fresh:
            self._start_example(options["verbosity"])
        # Countersign starts all the same; only who asked for it at a prompt gets a failing exit code.
        if broken and getattr(self, "_called_from_command_line", False):
            raise SystemExit(1)

    def _people(self) -> None:
        usernames = [username for username, *_ in sign_in.SIGN_INS]
        if User.objects.filter(username__in=usernames).count() == len(usernames):
            ensure_roles()
            return
        sign_in.ensure_sign_ins(
            var=settings.VAR_DIR, password=os.environ.get("COUNTERSIGN_DEMO_PASSWORD", "")
        )

    def _start_example(self, verbosity: int) -> None:
        """Start the example run. Without it the installation is whole all the same, so a failure is only told."""
        try:
            run = example_run.start(now=timezone.now())
        except CountersignError as error:
            self.stderr.write(f"The example run was not started. {error.message}")
            return
        if verbosity and run:
            self.stdout.write(f"Run {run} has started with the example files.")

    def _install(self, file: Path, schemas: dict[str, dict[str, Any]], verbosity: int) -> bool:
        """Install one file; whether it was sound. A broken one is named and stops no other."""
        shown = file.relative_to(settings.BASE_DIR) if file.is_relative_to(settings.BASE_DIR) else file
        try:
            declaration = declarations.read_declaration(file=file, variables=os.environ)
            done = declarations.install(
                declaration=declaration,
                now=timezone.now(),
                output_schemas=schemas,
                notes=f"Installed from {shown}.",
            )
        except declarations.VariableUnset as skipped:
            if verbosity:
                self.stdout.write(skipped.message.replace(str(file), str(shown)))
            return True
        except Refused as error:
            self.stderr.write(f"{shown} was not installed. {error.message.replace(str(file), str(shown))}")
            return False
        if verbosity:
            for line in done or ["nothing new"]:
                self.stdout.write(f"{shown}: {line}")
        return True


def registered_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of the registered functions, for agents and tools that declare none."""
    found = {f"agent:{name}": agent.output_schema for name, agent in registry.agents().items()}
    found.update({f"tool:{name}": tool.parameters for name, tool in registry.tools().items()})
    return found
