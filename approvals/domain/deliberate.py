"""What an approval asks of a person besides the click, by what is at stake: the amount again, or a reason."""

from __future__ import annotations

from typing import Literal

from approvals.domain import money
from approvals.domain.terms import Tier

Ask = Literal["amount", "reason", ""]


def asked_for(tier: Tier, is_about_a_person: bool, amount: str | None, currency: str | None) -> Ask:
    """A critical payment is approved with its amount typed once more; what is critical without an amount, or is about
    a person, with a reason."""
    if tier == "critical" and _readable(amount, currency):
        return "amount"
    return "reason" if tier == "critical" or is_about_a_person else ""


def is_confirmed_by_key(tier: Tier) -> bool:
    """Whether a key only opens a sheet that asks for a reason, where a click on the button may do."""
    return tier in ("critical", "high")


def missing(ask: Ask, *, amount: str | None, typed: str, reason: str) -> str:
    """What is missing for the approval, as a sentence; empty when nothing is."""
    if ask == "reason" and not reason.strip():
        return "This needs a reason: write in a sentence what you checked. Nothing was decided."
    if ask != "amount":
        return ""
    given = money.plain_value(typed.strip().replace(",", "").replace(" ", "").replace("\u00a0", ""))
    if given is None or given != money.plain_value(amount):
        return "The amount you typed is not the amount of this action. Read it again; nothing was decided."
    return ""


def _readable(amount: str | None, currency: str | None) -> bool:
    try:
        money.read(amount, currency)
    except money.Unreadable:
        return False
    return True
