"""Which requests wait for whom: the sets that the inbox's tabs show, each as one question to the database."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from approvals.models import ApprovalRequest, PickUp, SignOff, Snooze
from approvals.queries import people, pools

Tab = Literal["mine", "groups", "waiting", "decided", "all"]
TABS: dict[Tab, str] = {
    "mine": "Mine",
    "groups": "My groups",
    "waiting": "Waiting on others",
    "decided": "Decided",
    "all": "All",
}


class Desk:
    """What waits for one person at one moment. Who they may decide for is read once."""

    def __init__(self, person: Any, at: dt.datetime | None = None) -> None:
        self.me: str = person.get_username()
        self.at = at or timezone.now()
        self.may_sign_off: bool = person.has_perm(people.SIGN_OFF)
        reviewer = people.reviewer(person)
        self.groups = sorted(reviewer.groups)
        self.capacities = (
            [one for one in pools.capacities(reviewer, self.at) if one.may_sign_off and one.is_active]
            if self.may_sign_off
            else []
        )

    def of(self, tab: Tab) -> QuerySet[ApprovalRequest]:
        """The requests of a tab, in no order."""
        everything = ApprovalRequest.objects.all()
        pending = everything.filter(status="pending")
        if tab == "mine":
            return self.mine().exclude(self._is_snoozed()) if self.has_snoozed else self.mine()
        if tab == "groups":
            asked = Q(pk__in=[])
            for group in self.groups:
                asked |= Q(levels__contains=[{"group": group}]) | Q(open_groups__contains=[group])
            return pending.filter(asked)
        if tab == "waiting":
            return pending.exclude(pk__in=self.mine().values("pk"))
        if tab == "decided":
            return everything.exclude(status="pending")
        return everything

    def mine(self) -> QuerySet[ApprovalRequest]:
        """What this person may approve now and has not answered, and what they picked up."""
        pending = ApprovalRequest.objects.filter(status="pending")
        may = Q(pk__in=[])
        for one in self.capacities:
            kept_out = Q(pk__in=[])
            for name in one.identities:
                kept_out |= Q(excluded__contains=[{"person": name}])
            may |= Q(open_groups__overlap=sorted(one.groups)) & ~kept_out
        answered = SignOff.objects.filter(request=OuterRef("pk"), reviewer=self.me, retracted_at=None)
        if self._picked_up is not None:
            return pending.filter((may & ~Exists(answered)) | Q(pk=self._picked_up))
        return pending.filter(may).filter(~Exists(answered))

    def snoozed(self) -> QuerySet[ApprovalRequest]:
        """Of those, what this person put aside."""
        return self.mine().filter(self._is_snoozed())

    def count(self) -> int:
        """How many requests wait for this person's answer now."""
        return self.of("mine").count() if self.may_sign_off else 0

    @cached_property
    def has_snoozed(self) -> bool:
        return Snooze.objects.filter(person=self.me, until__gt=self.at).exists()

    @cached_property
    def _picked_up(self) -> object:
        """The one request that this person has picked up, if any."""
        mine = PickUp.objects.filter(person=self.me, until__gt=self.at)
        return mine.values_list("request", flat=True).first()

    def _is_snoozed(self) -> Exists:
        """A critical request is never put aside, whatever became of its tier."""
        mine = Snooze.objects.filter(request=OuterRef("pk"), person=self.me, until__gt=self.at)
        return Exists(mine.filter(request__rank__gt=0, until__lt=F("request__decide_by")))
