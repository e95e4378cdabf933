"""Reads the log for notices once everything before it has settled: tests beside this one have transactions open.
And gives people addresses."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.utils import timezone

from approvals.adapters import telling
from approvals.services.notifications import gathering
from tests.orchestrator.runs import settle


def gather() -> int:
    """Plan what the log led to."""
    settle()
    return gathering.gather(timezone.now())


def tell() -> None:
    """A whole round: people, then hooks."""
    settle()
    telling.tell_people()
    telling.tell_hooks()


def confirmed(person: Any, address: str) -> None:
    """As if this person had confirmed this address."""
    EmailAddress.objects.create(user=person, email=address, verified=True, primary=True)
