"""Whether the people behind an approval still stand for it, asked once more when the action is about to be taken."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.domain import quorum, record, terms
from approvals.domain.eligibility import standing_in, stepping_in
from approvals.queries import people
from orchestrator.domain import errors


def no_longer_signed(found: record.Request, wanted: Sequence[terms.Level]) -> str:
    """Why the sign-offs no longer make the quorum, the frozen one and the one `wanted` now; empty when they do."""
    if found.opened.grant:
        return ""  # the grant itself is counted and judged when it is used
    if found.is_break_glass:
        return _no_longer_called(found)
    given = [one for one in found.standing if one.verb == "approve"]
    now = people.reviewers(name for one in given for name in (one.reviewer, one.acting_for) if name)
    answers: list[quorum.Answer] = []
    for one in given:
        who = now[one.reviewer]
        if one.acting_for:
            who = standing_in(who, now[one.acting_for])
        who = stepping_in(who, (*found.opened.levels, *wanted), found.stepping_in)
        try:
            quorum.check(who, "approve", found.opened.levels, found.opened.excluded)
        except errors.NotPermitted:
            return f"{one.reviewer}, who approved this, may no longer approve it."
        answers.append(
            quorum.Answer(person=who.person, verb="approve", groups=who.groups, acting_for=who.acting_for)
        )
    # The order of levels was kept when people signed; now only who is needed counts.
    for levels, whose in ((found.opened.levels, "its quorum"), (wanted, "the policy's present quorum")):
        if not quorum.fills(levels, answers, found.opened.editors):
            return f"The people who approved this do not make {whose}."
    return ""


def _no_longer_called(found: record.Request) -> str:
    """Both people who broke the glass must still be allowed to."""
    callers = [call.person for call in found.calls[-2:]]
    allowed = people.may_break_glass(callers)
    excluded = {one.person for one in found.opened.excluded}
    for name in callers:
        if name not in allowed or name in excluded:
            return f"{name}, who broke the glass for this, may no longer do so."
    return ""
