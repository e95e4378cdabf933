"""Whether this person may answer a case, what an approval asks of them, and what the button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from approvals.domain import deliberate, money, quorum, record
from approvals.domain.requests import WORDS
from approvals.queries import people, requests
from approvals.queries.answering import answering
from orchestrator.domain import errors


@dataclass(frozen=True)
class Answer:
    """What this person may do here, and in words why not when they may not.

    `asks` is what an approval needs besides the click: the amount once more, a reason, or nothing. Where `by_key` is
    set, a key opens a sheet that asks for a reason.
    """

    may_approve: bool
    may_reject: bool
    because: str
    approve_label: str
    asks: deliberate.Ask = ""
    by_key: bool = False


def what_may(found: record.Request, person: Any, have: int, need: int) -> Answer:
    """As this person stands to the request now; the quorum has `have` of `need`."""
    opened = found.opened
    label = _label(opened, have, need)
    if found.status != "pending":
        return Answer(False, False, f"This request is {WORDS[found.status]}.", label)
    mine = next((one for one in found.standing if one.reviewer == person.get_username()), None)
    if mine is not None:
        return Answer(False, False, "You have answered; it waits for more people.", label)
    reviewer = people.reviewer(person)
    because = ""
    allowed: dict[str, bool] = {}
    verbs: tuple[quorum.Verb, ...] = ("reject", "approve")
    for verb in verbs:
        try:
            answering(found, reviewer, verb, timezone.now())
            allowed[verb] = True
        except errors.NotPermitted as refused:
            allowed[verb] = False
            because = refused.message
    asks = deliberate.asked_for(opened.tier, opened.is_about_a_person, opened.amount, opened.currency)
    by_key = deliberate.is_confirmed_by_key(opened.tier)
    return Answer(allowed["approve"], allowed["reject"], because, label, asks, by_key)


def asked_of(request: str) -> tuple[deliberate.Ask, str | None]:
    """What an approval of this request needs besides the click, and its amount. Raises UnknownRequest."""
    opened = requests.load(request).opened
    return deliberate.asked_for(
        opened.tier, opened.is_about_a_person, opened.amount, opened.currency
    ), opened.amount


def _label(opened: record.Opened, have: int, need: int) -> str:
    """What pressing the button does: only what completes the quorum runs the action, or lets its agent do it."""
    if have + 1 < need:
        return f"Approve ({have + 1} of {need})"
    return lets_go("Approve", opened)


def lets_go(verb: str, opened: record.Opened) -> str:
    """A verb with what follows from it once the action is released."""
    try:
        amount = f" {money.read(opened.amount, opened.currency)}"
    except money.Unreadable:
        amount = ""
    if opened.is_elsewhere:
        return f"{verb}: {opened.agent} may {opened.verb}{amount}"
    return f"{verb} and {opened.verb}{amount}"
