"""People with mail addresses, a place in the log, a mail server and another program's server, both on real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from approvals.models import Notice
from orchestrator import eventlog
from tests.approvals.notifications.reading import confirmed, gather
from tests.fakes.outside import HttpServer, MailServer


@pytest.fixture(autouse=True)
def _from_here(settings: Any) -> Iterator[None]:
    """Reading begins at the end of the log, and earlier tests' states are forgotten."""
    settings.COUNTERSIGN_OUTGOING_ALLOW = ["127.0.0.1"]
    settings.PUBLIC_URL = "https://desk.example/"
    eventlog.forget()
    yield
    eventlog.forget()


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 5
        yield server


@pytest.fixture
def receiver() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def people(
    transactional_db: None, operator: Any, admin: Any, reviewer: Any, reviewer2: Any
) -> dict[str, Any]:
    """Operator, admin and two reviewers, each with a confirmed mail address; reading begins now."""
    found = {"operator": operator, "admin": admin, "reviewer": reviewer, "reviewer2": reviewer2}
    for name, person in found.items():
        confirmed(person, f"{name}@desk.example")
    gather()
    return found


@pytest.fixture
def told() -> Callable[..., list[tuple[str, str, str, str]]]:
    """What the rows say: kind, to, channel, state; narrowed by any column."""

    def ask(**columns: Any) -> list[tuple[str, str, str, str]]:
        gather()
        rows = Notice.objects.filter(**columns).order_by("id")
        return list(rows.values_list("kind", "to", "channel", "state"))

    return ask
