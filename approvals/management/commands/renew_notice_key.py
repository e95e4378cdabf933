"""Seals hooks' addresses and secrets with a new key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from approvals.services.notifications import hooks, sealed
from orchestrator.domain import errors


class Command(BaseCommand):
    help = (
        "Make a new key for the addresses and secrets of hooks, seal all of them with it, drop the old keys."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not sealed.is_given():
                sealed.add_key()
            count = hooks.reseal_all()
            sealed.drop_old_keys()
        except errors.Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"Sealed {count} secret{pluralize(count)} with the newest key.")
