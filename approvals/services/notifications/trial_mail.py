"""A mail that somebody sends to themselves, to see that it arrives. It is a notice like others, so the log has it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from approvals.domain import notices as n
from approvals.services.notifications import gathering, happened, preferences
from orchestrator.domain import errors


class NoAddress(errors.Refused):
    """There is no confirmed address that mail for you could go to. Write and confirm one first."""


def want(*, person: Any, now: dt.datetime) -> int:
    """A test mail to this person's confirmed address, to be sent at once; returns its number. Raises NoAddress."""
    me = person.get_username()
    found = preferences.reachable([me]).get(me)
    if found is None or not found.address:
        raise NoAddress()
    told = n.Told(event=f"test:{uuid.uuid4()}", kind="test", tier="medium")
    one = happened.Happened(told, (), me)
    row = gathering.row_of(one, n.Planned(to=me, channel="mail", due_at=now, via="now"), now)
    row.save()
    return int(row.pk)
