"""`manage.py reset_second_factor USERNAME`: for the only administrator who lost theirs. Whoever may run it here may."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import staff
from orchestrator.domain import errors


class Command(BaseCommand):
    help = "Take off somebody's passkeys, authenticator app and recovery codes, and end their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, **options: Any) -> None:
        try:
            staff.reset_second_factor(username=options["username"], by=None, now=timezone.now())
        except errors.CountersignError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{options['username']} signs in with the password alone now. It is on the record.")
