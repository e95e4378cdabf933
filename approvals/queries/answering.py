"""As whom a person may answer a request: the one judgement behind the button and behind the answer itself."""

from __future__ import annotations

import datetime as dt

from approvals.domain import quorum, record
from approvals.domain.eligibility import Reviewer, stepping_in
from approvals.queries import canaries, pools
from orchestrator.domain import errors


def on_request(found: record.Request, person: Reviewer) -> Reviewer:
    """A person as they count on this request: silence may have taken it up to a group of theirs."""
    return stepping_in(person, found.opened.levels, found.stepping_in)


def answering(found: record.Request, person: Reviewer, verb: quorum.Verb, at: dt.datetime) -> Reviewer:
    """The person themselves when they may, else as they decide for a colleague. Raises NotEligible, SelfSignOff.

    An approval must bring the quorum nearer, so that everybody on record was needed. Who is part of the action is
    refused in each way of answering; that one colleague is, keeps nobody from deciding for another.
    """
    opened = found.opened
    if verb == "approve" and canaries.planted_by(opened.run) == person.person:
        raise quorum.SelfSignOff("You planted this canary, so you may not approve it.")
    refused: errors.NotPermitted | None = None
    for capacity in pools.capacities(person, at):
        one = on_request(found, capacity)
        try:
            quorum.check(one, verb, opened.levels, opened.excluded)
            if verb == "approve":
                answer = quorum.Answer(
                    person=one.person, verb=verb, groups=one.groups, acting_for=one.acting_for
                )
                quorum.check_counts(
                    answer,
                    opened.levels,
                    found.answers,
                    opened.editors,
                    awaited=lambda: pools.awaited(found, at),
                )
        except errors.NotPermitted as error:
            is_told_already = isinstance(refused, quorum.SelfSignOff)
            if refused is None or (isinstance(error, quorum.SelfSignOff) and not is_told_already):
                refused = error
        else:
            return one
    assert refused is not None
    raise refused
