"""Runs one management command with the embedded servers there, and leaves them as they were found.

`python -m config.attached migrate` is what `make manage ARGS="migrate"` does.
"""

from __future__ import annotations

import os
import sys

from config import embedded, servers


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from config import running

    try:
        found = servers.running(settings.VAR_DIR)
        embedded.ensure(settings.VAR_DIR)
    except servers.CannotStart as error:
        raise SystemExit(str(error)) from error
    try:
        execute_from_command_line(["manage.py", *arguments])
    finally:
        # A supervisor that started meanwhile goes on using them.
        if not found and not running.running(settings.VAR_DIR):
            embedded.stop(settings.VAR_DIR)


if __name__ == "__main__":
    main(sys.argv[1:])
