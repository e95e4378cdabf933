"""Break the glass: the first person calls, a second one releases the action. Every administrator is told of both."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from approvals.domain import break_glass, happenings, record
from approvals.domain import requests as lifecycle
from approvals.queries import people, pools, requests
from approvals.services import rows, settling, sign_offs
from orchestrator.domain import errors
from orchestrator.services import release


class CalledMeanwhile(errors.Conflict):
    """Somebody called while you wrote, so your call would release the action at once. Look again."""


def call(
    *,
    request: str,
    by: Any,
    reason: str,
    seen_digest: str,
    seen_version: int,
    seen_call: str,
    now: dt.datetime,
) -> record.Request:
    """Call for a release past the quorum, or, as the second person within the hour, release the action.

    `seen_call` is who had called when the person was shown the case, empty when nobody had: whoever means to call a
    second person must not release the action because somebody called meanwhile.

    Raises CalledMeanwhile; sign_offs.Decided, Changed, TooLate, ReasonMissing; break_glass.MayNotBreak, NotAlone;
    quorum.SelfSignOff.
    """
    reason = reason.strip()
    me = by.get_username()
    with transaction.atomic():
        release.lock(run=requests.run_of(request))
        before = requests.load(request)
        at = rows.database_time()
        if before.status != "pending":
            raise sign_offs.already_decided(before, at)
        sign_offs.check_seen(before, seen_digest, seen_version)
        if not reason:
            raise sign_offs.ReasonMissing("Say what cannot wait: every administrator reads it.")
        opened = before.opened
        first = break_glass.check(
            me,
            may=me in people.may_break_glass([me]),
            excluded=opened.excluded,
            editors=opened.editors,
            calls=before.calls,
            at=at,
        )
        if first is not None and first.person not in people.may_break_glass([first.person]):
            first = None
        if first is not None and first.person != seen_call:
            raise CalledMeanwhile(
                f"{people.name_of(first.person)} called while you wrote: {first.reason} Yours would be the second call "
                "and release the action at once. Look again, and decide on that.",
                request=request,
            )
        until = at + break_glass.LASTS if first is None else first.until
        fact = happenings.GlassBroken(
            request=request,
            person=me,
            reason=reason,
            at=at,
            until=until,
            seen_digest=seen_digest,
            seen_version=seen_version,
            releases=first is not None,
            # What was released past the quorum is used soon or not at all.
            execute_by=None if first is None else min(lifecycle.execute_by(at, opened.clocks), until),
            people=pools.administrators(),
        )
        sign_offs.take(before, fact, by=f"user:{me}", at=at)
        after = record.evolve(before, fact)
        assert after is not None
        if first is not None:
            settling.settle(after, by=me, at=at)
        return after
