"""What has happened to a case besides answers, and what else this person may do about it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from approvals.domain import happenings, quorum, record
from approvals.models import ApprovalRequest, PickUp
from approvals.queries import people
from approvals.queries.answering import answering, on_request
from approvals.queries.case_answer import lets_go
from orchestrator.domain import errors
from orchestrator.queries import events


@dataclass(frozen=True)
class Life:
    """`newer` is the request that took this one's place, empty when none did. `glass` is who called to break the glass
    and still waits for a second person; `may_complete` says what this person's call would then do. `ended_by` revoked or
    withdrew it."""

    fault: str
    escalated_at: dt.datetime | None
    went_up: str
    edit: record.Edit | None
    editors: tuple[str, ...]
    newer: str
    questions: tuple[happenings.Question, ...]
    calls: tuple[happenings.Call, ...]
    glass: tuple[happenings.Call, ...]
    is_break_glass: bool
    grant: str
    ended_by: str
    picked_up_by: str
    picked_up_until: dt.datetime | None
    picked_up_by_me: bool
    may_pick_up: bool
    may_retract: bool
    may_edit: bool
    may_ask: bool
    may_revoke: bool
    may_break_glass: bool
    may_complete: str


def life(found: record.Request, person: Any, action_state: str) -> Life:
    """As this person sees it now."""
    opened = found.opened
    at = timezone.now()
    me = person.get_username()
    reviewer = people.reviewer(person)
    is_pending = found.status == "pending"
    has_answered = any(one.reviewer == me for one in found.standing)
    may_reject = _may(lambda: answering(found, reviewer, "reject", at))
    may_change = _may(
        lambda: quorum.check(on_request(found, reviewer), "approve", opened.levels, opened.excluded)
    )
    excluded = {one.person for one in opened.excluded}
    holder = (
        PickUp.objects.filter(request_id=uuid.UUID(opened.request), until__gt=at).first()
        if is_pending
        else None
    )
    newer = (
        ApprovalRequest.objects.filter(run=opened.run, action=opened.action, revision__gt=opened.revision)
        .order_by("-revision")
        .values_list("pk", flat=True)
        .first()
        if not is_pending
        else None
    )
    glass = tuple(call for call in found.calls if call.until > at) if is_pending else ()
    may_break_glass = (
        is_pending
        and me not in excluded
        and me not in opened.editors
        and me in people.may_break_glass([me])
        and not any(call.person == me for call in glass)
    )
    return Life(
        fault=found.fault if is_pending else "",
        escalated_at=found.escalated_at if is_pending else None,
        went_up=_went_up(found) if is_pending else "",
        edit=opened.edit,
        editors=opened.editors,
        newer=str(newer or ""),
        questions=found.questions,
        calls=found.calls,
        glass=glass,
        is_break_glass=found.is_break_glass,
        grant=opened.grant,
        ended_by=_ended_by(found),
        picked_up_by=holder.person if holder is not None else "",
        picked_up_until=holder.until if holder is not None else None,
        picked_up_by_me=holder is not None and holder.person == me,
        may_pick_up=is_pending and holder is None and may_reject,
        may_retract=is_pending and has_answered,
        may_edit=is_pending and may_change,
        may_ask=is_pending and may_reject,
        may_revoke=found.status == "approved" and action_state == "released" and (has_answered or may_reject),
        may_break_glass=may_break_glass,
        may_complete=lets_go("Break the glass", opened) if may_break_glass and glass else "",
    )


def _ended_by(found: record.Request) -> str:
    """Who ended it otherwise than by an answer. The row keeps who had approved it."""
    if found.status in ("pending", "approved", "rejected"):
        return ""
    facts = (
        record.decode(event.type, event.payload.encode())
        for event in reversed(events.events_after(found.opened.request, 0))
    )
    return next((fact.by for fact in facts if isinstance(fact, record.Closed) and fact.by != "system"), "")


def _went_up(found: record.Request) -> str:
    """To whom silence took it, and what that means."""
    if found.escalated_at is None:
        return ""
    if not found.stepping_in:
        return "The administrators were told that this waits"
    return f"It went up: people of {' and '.join(found.stepping_in)} may decide it as well"


def _may(judge: Callable[[], object]) -> bool:
    try:
        judge()
    except errors.NotPermitted:
        return False
    return True
