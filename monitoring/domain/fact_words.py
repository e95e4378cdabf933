"""The facts of streams that are no run, each as a sentence for whoever reads the record. Pure and total.

What somebody wrote is quoted in the detail and never decides anything. A payload that is not as it should be costs words,
never the line: what cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from monitoring.domain import people_words
from monitoring.domain.fact_reading import (
    Facts,
    Said,
    count,
    inside,
    joined,
    labelled,
    moment,
    names,
    number,
    quoted,
    text,
)


def said_of(type_: str, facts: Facts) -> Said | None:
    """The sentence of a fact; None for a type that this module was not taught."""
    say = WORDS.get(type_)
    return None if say is None else say(facts)


# ---- requests ----
DONE = {"approve": "approved", "reject": "rejected"}


def _signed(facts: Facts) -> Said:
    verb = DONE.get(text(facts, "verb"), "answered")
    instead = labelled("in place of", text(facts, "acting_for"))
    return Said(f"{text(facts, 'person') or 'Somebody'} {verb}", joined(instead, quoted(facts)), verb)


def _opened(facts: Facts) -> Said:
    parts = facts.get("parts")
    said = (
        [str(part.get("text", "")) for part in parts if isinstance(part, dict)]
        if isinstance(parts, list)
        else []
    )
    return Said("Sign-off asked for", "".join(said), "pending")


def _closed(title: str, state: str) -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        by = text(facts, "by")
        who = f" by {by}" if by and by != "system" else ""
        return Said(f"{title}{who}", quoted(facts), state)

    return say


def _retracted(facts: Facts) -> Said:
    return Said(f"{text(facts, 'person') or 'Somebody'} took back their answer", quoted(facts), "pending")


def _reminded(facts: Facts) -> Said:
    return Said("Reminded those who have not answered", names(facts, "people"), "waiting")


def _escalated(facts: Facts) -> Said:
    return Said("Sent up to the administrators", joined(names(facts, "people"), quoted(facts)), "waiting")


def _asked(facts: Facts) -> Said:
    return Said(f"{text(facts, 'person') or 'Somebody'} asked the agent", quoted(facts, "text"), "asked")


def _answered(facts: Facts) -> Said:
    could = facts.get("could", True) is not False
    title = "The agent answered the question" if could else "The question stays open"
    return Said(title, quoted(facts, "text"), "answered" if could else "unanswered")


def _glass(facts: Facts) -> Said:
    releases = facts.get("releases") is True
    who = text(facts, "person") or "Somebody"
    title = f"{who} broke the glass: the action is released" if releases else f"{who} asks to break the glass"
    until = "" if releases else labelled("a second person may join until", moment(facts, "until"))
    return Said(title, joined(quoted(facts), until), "released" if releases else "waiting")


# ---- what is allowed, and to whom ----
def _policy(facts: Facts) -> Said:
    title = text(facts, "title") or text(facts, "slug")
    published = number(facts, "revision")
    revision = f"revision {published}" if published else ""
    return Said(
        f"Policy {title} published".replace("  ", " "),
        joined(revision, quoted(facts, "notes")),
        "published",
    )


def _sample_taken(facts: Facts) -> Said:
    return Said("Allowed action taken as a sample", text(facts, "sentence"), "pending")


def _sample_reviewed(facts: Facts) -> Said:
    finding = text(facts, "finding").replace("_", " ")
    who = text(facts, "person") or "Somebody"
    return Said(f"{who} looked at a sample", joined(finding, quoted(facts, "note")), "answered")


def _delegation(facts: Facts) -> Said:
    given = inside(facts, "delegation")
    person, delegate = text(given, "person") or "Somebody", text(given, "delegate")
    is_away = given.get("is_leave") is True
    title = f"{delegate} decides for {person}" if delegate else f"{person} is on leave"
    away = "who is away" if delegate and is_away else ""
    bounds = joined(labelled("from", moment(given, "starts_at")), labelled("until", moment(given, "until")))
    return Said(title, joined(away, bounds, quoted(given)))


def _delegation_ended(facts: Facts) -> Said:
    person, delegate = text(facts, "person"), text(facts, "delegate")
    if not person:
        return Said("A delegation or leave was ended early")
    title = f"{delegate} no longer decides for {person}" if delegate else f"{person} is back from leave"
    return Said(title, "before its time")


def _grant(facts: Facts) -> Said:
    given = inside(facts, "grant")
    amount = labelled("up to", f"{text(given, 'max_amount')} {text(given, 'currency')}".strip())
    uses = number(given, "max_uses")
    return Said(
        f"Standing grant asked for: {text(given, 'agent') or 'an agent'} may call {text(given, 'tool') or 'a tool'}",
        joined(
            amount,
            f"at most {count(uses, 'time')}" if uses else "",
            labelled("until", moment(given, "expires_at")),
            quoted(given),
        ),
        "pending",
    )


def _token(facts: Facts) -> Said:
    pinned = number(facts, "agent_revision")
    agent = text(facts, "agent")
    whose = f"agent {agent}" + (f", revision {pinned}" if pinned else "") if agent else text(facts, "person")
    return Said(
        f"API token {text(facts, 'prefix')}… made for {whose or 'somebody'}",
        joined(
            labelled("may", names(facts, "scopes")),
            labelled("until", moment(facts, "expires_at")),
            quoted(facts),
        ),
        "active",
    )


def _hook(facts: Facts) -> Said:
    place = text(facts, "place")
    return Said(
        f"{'Chat' if facts.get('kind') == 'chat' else 'Program'} at {place or 'an address'} is told of events",
        joined(names(facts, "topics"), quoted(facts)),
        "active",
    )


def _hook_renewed(facts: Facts) -> Said:
    return Said(
        "The secret that signs calls to a program was renewed",
        labelled("the one before signs too until", moment(facts, "overlaps_until")),
    )


# ---- the record itself ----
def _verified(facts: Facts) -> Said:
    sound = facts.get("sound") is True
    counts = f"{count(number(facts, 'events'), 'event')}, {count(number(facts, 'checkpoints'), 'checkpoint')}"
    title = "The record is sound" if sound else "The record is not as it was written"
    return Said(title, counts, "passed" if sound else "failed")


def _exported(facts: Facts) -> Said:
    whole = facts.get("whole") is True
    scope = joined(
        labelled("run", text(facts, "run")),
        names(facts, "kinds"),
        labelled("from", moment(facts, "since")),
        labelled("until", moment(facts, "until")),
        "with contents" if facts.get("contents") is True else "",
    )
    return Said("The whole record was exported" if whole else "Part of the record was exported", scope)


def _listed(title: str, name: str, noun: str) -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        found = facts.get(name)
        many = count(len(found), noun) if isinstance(found, list) else ""
        return Said(title, joined(many, quoted(facts)))

    return say


WORDS: dict[str, Callable[[Facts], Said]] = {
    "request.opened": _opened,
    "request.signed": _signed,
    "request.retracted": _retracted,
    "request.reminded": _reminded,
    "request.escalated": _escalated,
    "request.asked": _asked,
    "request.answered": _answered,
    "request.expired": _closed("Request expired: nobody decided in time", "expired"),
    "request.withdrawn": _closed("Request withdrawn", "withdrawn"),
    "request.superseded": _closed("Request superseded", "superseded"),
    "request.revoked": _closed("Approval revoked", "revoked"),
    "request.staled": _closed("Approval no longer holds", "stale"),
    "request.lapsed": _closed("Approval not used in time", "lapsed"),
    "breakglass.called": _glass,
    "policy.published": _policy,
    "sample.taken": _sample_taken,
    "sample.reviewed": _sample_reviewed,
    "delegation.set": _delegation,
    "delegation.ended": _delegation_ended,
    "grant.created": _grant,
    "grant.approved": lambda facts: Said("Standing grant approved: it holds from now on", "", "approved"),
    "grant.used": lambda facts: Said("Standing grant used for one action", "", "released"),
    "grant.revoked": lambda facts: Said("Standing grant revoked", quoted(facts), "revoked"),
    "token.created": _token,
    "token.revoked": lambda facts: Said("API token revoked", quoted(facts), "revoked"),
    "hook.created": _hook,
    "hook.renewed": _hook_renewed,
    "hook.ended": lambda facts: Said("A program or chat is told nothing more", quoted(facts)),
    "canary.planted": lambda facts: Said("Canary planted", quoted(facts, "flaw")),
    **people_words.WORDS,
    "key.introduced": lambda facts: Said("Signing key introduced", text(facts, "key")),
    "key.rotated": lambda facts: Said("Signing key replaced", text(facts, "key")),
    "verification.begun": lambda facts: Said(
        "Verification of the record begun", count(number(facts, "of"), "event"), "running"
    ),
    "verification.ended": _verified,
    "verification.failed": lambda facts: Said(
        "The verification could not be finished", quoted(facts), "failed"
    ),
    "export.begun": _exported,
    "content.erased": _listed("Content erased", "contents", "piece"),
    "stream.removed": _listed("Streams removed by retention", "removed", "stream"),
}
