"""Take back a granted approval before it is used. Against the executor's claim exactly one of the two wins."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from approvals.domain import quorum, record
from approvals.domain import requests as lifecycle
from approvals.queries import people, requests
from approvals.queries.answering import on_request
from approvals.services import rows, settling, sign_offs
from orchestrator.domain import errors
from orchestrator.queries import actions
from orchestrator.services import release


class AlreadyTaken(errors.Conflict):
    """The executor has taken this action already, so the approval cannot be revoked any more."""


class NotApproved(errors.Refused):
    """Only an approval that was granted and not used can be revoked."""


def revoke(*, request: str, by: Any, reason: str, now: dt.datetime) -> record.Request:
    """Revoke an approval that was not used; the action is refused and its agent is told why.

    Raises AlreadyTaken when the executor was first, NotApproved, sign_offs.ReasonMissing, quorum.NotEligible.
    """
    reason = reason.strip()
    me = by.get_username()
    run = requests.run_of(request)
    with transaction.atomic():
        # The claim locks the same stream: whoever comes second sees what the first one did.
        release.lock(run=run)
        before = requests.load(request)
        at = rows.database_time()
        if before.status != "approved":
            raise NotApproved(
                f"This request is {lifecycle.WORDS[before.status]}; there is nothing to revoke."
            )
        if not reason:
            raise sign_offs.ReasonMissing("Say why you revoke it: the agent and your colleagues read it.")
        opened = before.opened
        if me not in {one.reviewer for one in before.standing}:
            who = on_request(before, people.reviewer(by))
            quorum.check(who, "reject", opened.levels, opened.excluded)
        state = actions.action_card(run, opened.action).state
        if state != "released":
            raise AlreadyTaken(
                f"The executor was first: the action is {state}, and the approval cannot be revoked any more.",
                code="taken",
            )
        fact = record.Revoked(request=request, reason=reason, at=at, by=me)
        if not rows.step(before, fact, by=f"user:{me}", at=at):
            raise AlreadyTaken()
        release.refuse(
            run=run,
            action=opened.action,
            source="revoked",
            reason=f"{me} revoked the approval: {reason}",
            request=request,
            digest=opened.digest,
            policy=opened.policy,
            policy_revision=opened.policy_revision,
            sign_offs=settling.signed_by(before),
            by=f"user:{me}",
            now=at,
        )
        after = record.evolve(before, fact)
        assert after is not None
        return after
