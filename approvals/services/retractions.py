"""Taking back a sign-off: possible until the quorum is complete, and kept on the record."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from approvals.domain import happenings, record
from approvals.queries import requests
from approvals.services import rows, sign_offs
from orchestrator.domain import errors
from orchestrator.services import release


class NothingToRetract(errors.Refused):
    """You have no sign-off here to take back."""


def retract(*, request: str, by: Any, reason: str = "", now: dt.datetime) -> record.Request:
    """Take back one's own sign-off; returns the request as it then stands. One may answer again after it.

    Raises sign_offs.Decided when the request was decided in the meantime, NothingToRetract, TooLate.
    """
    me = by.get_username()
    with transaction.atomic():
        release.lock(run=requests.run_of(request))
        before = requests.load(request)
        at = rows.database_time()
        if before.status != "pending":
            raise sign_offs.already_decided(before, at)
        if not any(one.reviewer == me for one in before.standing):
            raise NothingToRetract()
        fact = happenings.Retracted(request=request, person=me, at=at, reason=reason.strip())
        sign_offs.take(before, fact, by=f"user:{me}", at=at)
        after = record.evolve(before, fact)
        assert after is not None
        return after
