"""The facts of streams that are no run, each as a sentence for whoever reads the record. Pure and total.

What somebody wrote is quoted in the detail and never decides anything. A payload that is not as it should be costs words,
never the line: what cannot be read is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Facts = Mapping[str, Any]


class Said(NamedTuple):
    """A fact in words; `state` is one of the states that pages have a colour for, or empty."""

    title: str
    detail: str = ""
    state: str = ""


def said_of(type_: str, facts: Facts) -> Said | None:
    """The sentence of a fact; None for a type that this module was not taught."""
    say = WORDS.get(type_)
    return None if say is None else say(facts)


# ---- reading ----
def _text(facts: Facts, name: str) -> str:
    found = facts.get(name)
    return found if isinstance(found, str) else ""


def _number(facts: Facts, name: str) -> int:
    found = facts.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _names(facts: Facts, name: str) -> str:
    found = facts.get(name)
    return ", ".join(str(one) for one in found) if isinstance(found, list) else ""


def _inside(facts: Facts, name: str) -> Facts:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _moment(facts: Facts, name: str) -> str:
    try:
        found = dt.datetime.fromisoformat(_text(facts, name))
    except ValueError:
        return ""
    return f"{found.astimezone(dt.UTC):%-d %b %Y %H:%M} UTC" if found.tzinfo else ""


def _quoted(facts: Facts, name: str = "reason") -> str:
    found = _text(facts, name)
    return f"“{found}”" if found else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _labelled(label: str, value: str) -> str:
    return f"{label} {value}".strip() if value else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ---- requests ----
DONE = {"approve": "approved", "reject": "rejected"}


def _signed(facts: Facts) -> Said:
    verb = DONE.get(_text(facts, "verb"), "answered")
    instead = _labelled("in place of", _text(facts, "acting_for"))
    return Said(f"{_text(facts, 'person') or 'Somebody'} {verb}", _joined(instead, _quoted(facts)), verb)


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
        by = _text(facts, "by")
        who = f" by {by}" if by and by != "system" else ""
        return Said(f"{title}{who}", _quoted(facts), state)

    return say


def _retracted(facts: Facts) -> Said:
    return Said(f"{_text(facts, 'person') or 'Somebody'} took back their answer", _quoted(facts), "pending")


def _reminded(facts: Facts) -> Said:
    return Said("Reminded those who have not answered", _names(facts, "people"), "waiting")


def _escalated(facts: Facts) -> Said:
    return Said("Sent up to the administrators", _joined(_names(facts, "people"), _quoted(facts)), "waiting")


def _asked(facts: Facts) -> Said:
    return Said(f"{_text(facts, 'person') or 'Somebody'} asked the agent", _quoted(facts, "text"), "asked")


def _answered(facts: Facts) -> Said:
    could = facts.get("could", True) is not False
    title = "The agent answered the question" if could else "The question stays open"
    return Said(title, _quoted(facts, "text"), "answered" if could else "unanswered")


def _glass(facts: Facts) -> Said:
    releases = facts.get("releases") is True
    who = _text(facts, "person") or "Somebody"
    title = f"{who} broke the glass: the action is released" if releases else f"{who} asks to break the glass"
    until = "" if releases else _labelled("a second person may join until", _moment(facts, "until"))
    return Said(title, _joined(_quoted(facts), until), "released" if releases else "waiting")


# ---- what is allowed, and to whom ----
def _policy(facts: Facts) -> Said:
    title = _text(facts, "title") or _text(facts, "slug")
    number = _number(facts, "revision")
    revision = f"revision {number}" if number else ""
    return Said(
        f"Policy {title} published".replace("  ", " "),
        _joined(revision, _quoted(facts, "notes")),
        "published",
    )


def _sample_taken(facts: Facts) -> Said:
    return Said("Allowed action taken as a sample", _text(facts, "sentence"), "pending")


def _sample_reviewed(facts: Facts) -> Said:
    finding = _text(facts, "finding").replace("_", " ")
    who = _text(facts, "person") or "Somebody"
    return Said(f"{who} looked at a sample", _joined(finding, _quoted(facts, "note")), "answered")


def _delegation(facts: Facts) -> Said:
    given = _inside(facts, "delegation")
    person, delegate = _text(given, "person") or "Somebody", _text(given, "delegate")
    is_away = given.get("is_leave") is True
    title = f"{delegate} decides for {person}" if delegate else f"{person} is on leave"
    away = "who is away" if delegate and is_away else ""
    bounds = _joined(
        _labelled("from", _moment(given, "starts_at")), _labelled("until", _moment(given, "until"))
    )
    return Said(title, _joined(away, bounds, _quoted(given)))


def _delegation_ended(facts: Facts) -> Said:
    return Said("A delegation or leave was ended early")


def _grant(facts: Facts) -> Said:
    given = _inside(facts, "grant")
    amount = _labelled("up to", f"{_text(given, 'max_amount')} {_text(given, 'currency')}".strip())
    uses = _number(given, "max_uses")
    return Said(
        f"Standing grant asked for: {_text(given, 'agent') or 'an agent'} may call {_text(given, 'tool') or 'a tool'}",
        _joined(
            amount,
            f"at most {_count(uses, 'time')}" if uses else "",
            _labelled("until", _moment(given, "expires_at")),
            _quoted(given),
        ),
        "pending",
    )


def _token(facts: Facts) -> Said:
    number = _number(facts, "agent_revision")
    agent = _text(facts, "agent")
    whose = f"agent {agent}" + (f", revision {number}" if number else "") if agent else _text(facts, "person")
    return Said(
        f"API token {_text(facts, 'prefix')}… made for {whose or 'somebody'}",
        _joined(
            _labelled("may", _names(facts, "scopes")),
            _labelled("until", _moment(facts, "expires_at")),
            _quoted(facts),
        ),
        "active",
    )


def _hook(facts: Facts) -> Said:
    place = _text(facts, "place")
    return Said(
        f"{'Chat' if facts.get('kind') == 'chat' else 'Program'} at {place or 'an address'} is told of events",
        _joined(_names(facts, "topics"), _quoted(facts)),
        "active",
    )


def _hook_renewed(facts: Facts) -> Said:
    return Said(
        "The secret that signs calls to a program was renewed",
        _labelled("the one before signs too until", _moment(facts, "overlaps_until")),
    )


# ---- people ----
def _of_person(words: str, *details: Callable[[Facts], str], state: str = "") -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        person = _text(facts, "person") or "Somebody"
        return Said(words.format(person=person), _joined(*(detail(facts) for detail in details)), state)

    return say


def _of_group(words: str, *details: Callable[[Facts], str]) -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        group = _text(facts, "group") or "?"
        return Said(words.format(group=group), _joined(*(detail(facts) for detail in details)))

    return say


def _field(label: str, name: str) -> Callable[[Facts], str]:
    return lambda facts: _labelled(label, _names(facts, name) or _text(facts, name))


def _places(facts: Facts) -> str:
    return f"signed out at {_count(_number(facts, 'sessions'), 'place')}" if "sessions" in facts else ""


# ---- the record itself ----
def _verified(facts: Facts) -> Said:
    sound = facts.get("sound") is True
    counts = (
        f"{_count(_number(facts, 'events'), 'event')}, {_count(_number(facts, 'checkpoints'), 'checkpoint')}"
    )
    title = "The record is sound" if sound else "The record is not as it was written"
    return Said(title, counts, "passed" if sound else "failed")


def _exported(facts: Facts) -> Said:
    whole = facts.get("whole") is True
    scope = _joined(
        _labelled("run", _text(facts, "run")),
        _names(facts, "kinds"),
        _labelled("from", _moment(facts, "since")),
        _labelled("until", _moment(facts, "until")),
        "with contents" if facts.get("contents") is True else "",
    )
    return Said("The whole record was exported" if whole else "Part of the record was exported", scope)


def _listed(title: str, name: str, noun: str) -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        found = facts.get(name)
        many = _count(len(found), noun) if isinstance(found, list) else ""
        return Said(title, _joined(many, _quoted(facts)))

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
    "grant.revoked": lambda facts: Said("Standing grant revoked", _quoted(facts), "revoked"),
    "token.created": _token,
    "token.revoked": lambda facts: Said("API token revoked", _quoted(facts), "revoked"),
    "hook.created": _hook,
    "hook.renewed": _hook_renewed,
    "hook.ended": lambda facts: Said("A program or chat is told nothing more", _quoted(facts)),
    "canary.planted": lambda facts: Said("Canary planted", _quoted(facts, "flaw")),
    "person.invited": _of_person("{person} was invited", _field("as", "roles")),
    "person.roles_set": _of_person(
        "The roles of {person} were set", _field("now", "roles"), _field("before", "before")
    ),
    "person.groups_set": _of_person(
        "The groups of {person} were set", _field("joined", "added"), _field("left", "removed")
    ),
    "person.password_reset": _of_person("{person} was given a new password", _places),
    "person.password_changed": _of_person("{person} changed their password"),
    "person.deactivated": _of_person("{person} was deactivated", _places, state="retired"),
    "person.activated": _of_person("{person} was let in again", state="active"),
    "person.signed_out": _of_person("{person} was signed out", _places),
    "person.second_factor_added": _of_person("{person} added a second factor", _field("", "factor")),
    "person.second_factor_removed": _of_person("{person} removed a second factor", _field("", "factor")),
    "person.second_factor_reset": _of_person(
        "The second factor of {person} was taken off", _field("", "factors"), _places
    ),
    "person.recovery_codes_made": _of_person("{person} made recovery codes"),
    "person.mail_address_given": _of_person(
        "{person} wrote a mail address, not confirmed yet", _field("at", "server")
    ),
    "person.mail_address_confirmed": _of_person(
        "{person} confirmed their mail address", _field("at", "server")
    ),
    "person.mail_address_removed": _of_person(
        "{person} took away their mail address", _field("at", "server")
    ),
    "person.mail_tested": _of_person("{person} sent themselves a test mail", _field("it was", "outcome")),
    "group.created": _of_group("Group {group} was made"),
    "group.members_set": _of_group(
        "The members of group {group} were set", _field("in:", "added"), _field("out:", "removed")
    ),
    "group.retired": _of_group("Group {group} was retired"),
    "key.introduced": lambda facts: Said("Signing key introduced", _text(facts, "key")),
    "key.rotated": lambda facts: Said("Signing key replaced", _text(facts, "key")),
    "verification.begun": lambda facts: Said(
        "Verification of the record begun", _count(_number(facts, "of"), "event"), "running"
    ),
    "verification.ended": _verified,
    "verification.failed": lambda facts: Said(
        "The verification could not be finished", _quoted(facts), "failed"
    ),
    "export.begun": _exported,
    "content.erased": _listed("Content erased", "contents", "piece"),
    "stream.removed": _listed("Streams removed by retention", "removed", "stream"),
}
