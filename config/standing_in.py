"""On a person's page: who decides for them for a while, or that they are on leave, set by an administrator.

For somebody who fell ill and cannot do it themselves. The same bounds hold as for everybody, a reason is asked for, and
both the person and whoever stands in are told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.utils import timezone

from approvals.domain.delegations import Delegation
from approvals.forms.cases import DelegationForm
from approvals.queries import delegations as queries
from approvals.queries import people
from approvals.services import delegations as service
from config.people import User
from config.staff import PersonCard
from orchestrator.domain import errors


class ForAnother(DelegationForm):
    """The form of everybody's own page, in the words of somebody else's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["delegate"].label = "Who decides for them"
        self.fields["is_leave"].label = "They are away: do not count on them and do not remind them"
        self.fields["reason"].label = "Why"
        self.fields["reason"].required = True
        self.fields["reason"].help_text = "They read it, and the record keeps it."


def form_for(card: PersonCard, data: Any = None) -> ForAnother | None:
    """The form for this person; None for whoever decides nothing, so that there is nothing to hand over."""
    one = people.reviewers([card.username])[card.username]
    if not one.is_active or one.is_service or not one.may_sign_off:
        return None
    return ForAnother(data, colleagues=people.colleagues(card.username), label_suffix="", prefix="stand_in")


def of_person(card: PersonCard, now: dt.datetime) -> list[Delegation]:
    """What is in force for this person or will be: their own, and those who have them decide."""
    return queries.of_person(card.username, now)


class Absence(NamedTuple):
    """One line of the People page: the badge says the state, `words` who decides meanwhile."""

    icon: str
    badge: str
    words: str
    starts_at: dt.datetime
    until: dt.datetime
    is_now: bool


def of_list(cards: Iterable[PersonCard], now: dt.datetime) -> dict[str, list[Absence]]:
    """Who of these is away or has another decide, and who stands in, now or later: by username, the soonest first."""
    names = [card.username for card in cards]
    found: dict[str, list[Absence]] = {name: [] for name in names}
    for one in sorted(queries.of_people(names, now), key=lambda one: (one.starts_at, one.until)):
        when = (one.starts_at, one.until, one.is_in_force(now))
        if one.person in found:
            instead = f"{one.delegate} decides" if one.delegate else "nobody decides instead"
            icon, badge = ("user-off", "away") if one.is_leave else ("user-circle", "has another decide")
            found[one.person].append(Absence(icon, badge, instead, *when))
        if one.delegate in found:
            found[one.delegate].append(Absence("user-check", "stands in", f"decides for {one.person}", *when))
    return found


def set_for(card: PersonCard, form: ForAnother, *, by: User) -> bool:
    """Set what the form says; False when it cannot be, with the reason at its field."""
    if not form.is_valid():
        return False
    given = form.cleaned_data
    try:
        service.set_delegation(
            person=card.username,
            delegate=given["delegate"],
            is_leave=given["is_leave"],
            starts_at=given["starts_at"],
            until=given["until"],
            reason=given["reason"],
            by=by,
            now=timezone.now(),
        )
    except errors.Refused as refused:
        field = str(refused.facts.get("field", ""))
        form.add_error(field if field in form.fields else None, refused.message)
        return False
    return True


def end_for(card: PersonCard, delegation: str, *, by: User) -> None:
    """End one that stands on this person's page. Raises UnknownDelegation, delegations.DelegationOver."""
    now = timezone.now()
    if delegation not in {one.id for one in queries.of_person(card.username, now)}:
        raise service.UnknownDelegation()
    service.end_delegation(delegation=delegation, by=by, now=now)
