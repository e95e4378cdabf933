"""Start a run from a shell with the files of a folder, and follow it if asked.

Exit codes: 0 succeeded (or started, without --follow), 2 bad input, 3 waits for a person, 4 paused with a fault,
5 failed or cancelled.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from config import running
from config.following import Follower, exit_code
from config.people import User
from orchestrator.domain import errors, run_inputs
from orchestrator.queries.published import find_workflow
from orchestrator.services import files, runs

BAD_INPUT = 2


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workflow", help="the workflow's short name, such as invoice_settlement")
        parser.add_argument(
            "--input", required=True, type=Path, metavar="DIR", help="the folder with the files"
        )
        parser.add_argument(
            "--follow", action="store_true", help="show the progress until it ends or waits for people"
        )
        parser.add_argument(
            "--json", action="store_true", help="print JSON lines: events while following, then the state"
        )
        parser.add_argument("--by", default="operator", metavar="USERNAME", help="who starts it (operator)")
        parser.add_argument(
            "--behalf", default="", metavar="NAME", help="on whose behalf, if not the starter's"
        )
        parser.add_argument("--title", default="", help="a title that people will read")
        parser.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of the workflow; repeatable",
        )
        parser.add_argument(
            "--key", default="", help="a one-time key: the same key is the same run, started once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = self._start(options)
        except errors.CountersignError as error:
            self._refuse(error.message)
        url = _base() + f"/runs/{run}/"
        if not options["follow"]:
            self.stdout.write(
                json.dumps({"run": run, "url": url}) if options["json"] else f"Run {run} has started: {url}"
            )
            return
        with Follower(run, base=_base(), out=self.stdout, as_json=options["json"]) as follower:
            standing = follower.follow()
        raise SystemExit(exit_code(standing))

    def _start(self, options: dict[str, Any]) -> str:
        person = User.objects.filter(username=options["by"], is_active=True).first()
        if person is None:
            raise errors.NotFound(f"There is no active person {options['by']!r}. Name one with --by.")
        if not person.has_perm("orchestrator.start_run"):
            raise errors.NotPermitted(
                f"{person.username} may not start runs. Name somebody who may with --by."
            )
        workflow = find_workflow(options["workflow"])
        if workflow is None:
            raise runs.UnknownWorkflow(
                f"There is no workflow {options['workflow']!r}. `manage.py seed` installs the examples."
            )
        inputs = run_inputs.read(workflow.input_schema, dict(map(_pair, options["param"])))
        inputs["files"] = files.keep_files(files=files.read_folder(options["input"]))
        return runs.start_run(
            workflow=workflow.slug,
            inputs=inputs,
            key=options["key"] or secrets.token_hex(16),
            by=person,
            now=timezone.now(),
            title=options["title"],
            on_behalf_of=options["behalf"],
        )

    def _refuse(self, message: str) -> NoReturn:
        self.stderr.write(message)
        raise SystemExit(BAD_INPUT)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise errors.Refused(f"--param {text!r} must read NAME=VALUE.")
    return name, value


def _base() -> str:
    """Where the pages are served: by the supervisor of this folder, or at its usual place."""
    found = running.running(settings.VAR_DIR)
    return (found.url if found else "http://127.0.0.1:8000/").rstrip("/")
