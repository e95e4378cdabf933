"""Break-glass: two people, each with a reason, release a held action past its quorum. Never one alone, never for long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from approvals.domain.eligibility import Exclusion, SelfSignOff
from approvals.domain.happenings import Call
from orchestrator.domain import errors

LASTS = dt.timedelta(hours=1)


class NotAlone(errors.NotPermitted):
    """You have called already; a second person must call as well. Ask somebody who may."""


class MayNotBreak(errors.NotPermitted):
    """You may not break the glass. Ask an administrator."""


def check(
    person: str,
    *,
    may: bool,
    excluded: Iterable[Exclusion],
    editors: Sequence[str],
    calls: Sequence[Call],
    at: dt.datetime,
) -> Call | None:
    """The first call that this one completes, or None when it is the first. Raises MayNotBreak, SelfSignOff, NotAlone."""
    if not may:
        raise MayNotBreak()
    for one in excluded:
        if one.person == person:
            raise SelfSignOff(f"{person} {one.reason} and so may not break the glass for it.", code="self")
    if person in editors:
        raise SelfSignOff(f"{person} changed this action and so may not break the glass for it.", code="self")
    standing = [call for call in calls if call.until > at]
    if any(call.person == person for call in standing):
        raise NotAlone()
    return standing[-1] if standing else None
