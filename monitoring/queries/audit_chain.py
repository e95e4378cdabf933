"""One action from goal to effect: input, turns, what was asserted on what evidence, the sealed call, the gate, the
people and what they were shown, the claim, the result. Each link names its event, its hash and its page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from approvals.queries.of_action import requests_of
from monitoring.domain import fact_words
from monitoring.queries import audit_lines
from monitoring.queries.event_page import LABELS
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.content import Content
from orchestrator.domain.people import Person
from orchestrator.domain.replies import Assertion
from orchestrator.queries import ActionCard, EventCard, RunDetail, Shown, across
from orchestrator.queries import watching as queries

# What one page shows of content: the call and its result whole, of the rest what is small; larger is a download.
SHOWN_BYTES, INPUT_BYTES, OTHER_BYTES = 16 * 1024, 6 * 1024, 2 * 1024
WHOLE = ("arguments", "result", "evidence")
LIMITS = {"input": INPUT_BYTES, "transcript": 0}
# Of the assertions of one turn those come first that stand on what the action itself names as its evidence.
MOST_ASSERTIONS = 8
PARTS = {
    "run.started": "Goal and input",
    "turn.requested": "Turn",
    "turn.completed": "Answer",
    "turn.failed": "Answer",
    "belief.asserted": "Assertions",
    "stage.passed": "Verdict",
    "stage.sent_back": "Verdict",
    "action.proposed": "Proposed action",
    "action.allowed": "Assessment",
    "action.held": "Assessment",
    "action.recalled": "Assessment",
    "action.edited": "Change by a person",
    "question.asked": "Question",
    "question.answered": "Answer to a question",
    "action.refused": "Refusal",
    "action.released": "Release",
    "action.claimed": "Claim",
    "action.executed": "Result",
    "action.failed": "Result",
    "action.unconfirmed": "Result",
    "action.voided": "End",
    "request.opened": "Request",
    "request.signed": "Sign-off",
    "request.asked": "Question",
    "request.answered": "Answer to a question",
    "breakglass.called": "Break-glass",
}
ASKING = ("request.asked", "request.answered")
# With one of these a request lets its action go.
LETS_GO = ("request.signed", "breakglass.called")
TEXTS = {
    "reason": "Reason",
    "text": "What happened",
    "feedback": "Feedback to the agent",
    "note": "The agent’s note",
    "explanation": "Why",
    "rule": "Rule",
    "source": "Refused by",
    "target": "Target",
    "person": "Person affected",
    "confirmed_by": "Confirmed by",
    "assigned_to": "To be found out by",
}


@dataclass(frozen=True)
class Fact:
    """One line about a link; `is_claim` marks what an agent says, and nobody checked."""

    label: str
    text: str
    is_claim: bool = False


@dataclass(frozen=True)
class Stated:
    """One assertion of an agent with where it says that it stands."""

    subject: str
    predicate: str
    value: str
    reasoning: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """Content of a link: shown when it is small, offered as a download when it is not."""

    name: str
    title: str
    shown: Shown


@dataclass(frozen=True)
class Link:
    """One event of the chain."""

    part: str
    event: EventCard
    line: audit_lines.Line
    facts: tuple[Fact, ...] = ()
    stated: tuple[Stated, ...] = ()
    more_stated: int = 0
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Chain:
    """The whole page."""

    run: RunDetail
    action: ActionCard
    links: tuple[Link, ...]
    requests: tuple[str, ...]


def audit_chain(run: str, action: str, *, person: Person) -> Chain:
    """The chain as far as this person may see it. Raises UnknownAction, UnknownRun."""
    card = queries.action_card(run, action)
    detail = queries.run_detail(run)
    before = across.causes_of(run, card.proposed_seq)
    # A verdict names the turn that it judges as its cause, so the answers stand beside the path.
    beside = across.led_to(run, [event.seq for event in before if event.type == "turn.requested"])
    answers = [event for event in beside if event.type in ("turn.completed", "turn.failed")]
    asserted = across.led_to(run, [event.seq for event in answers])
    after = across.led_to(run, [card.proposed_seq])
    own = {event.seq: event for event in before}
    own.update({event.seq: event for event in answers})
    own.update({event.seq: event for event in asserted if event.type == "belief.asserted"})
    own.update({event.seq: event for event in after if _is_about(event, action)})
    requests = requests_of(run, action) if person.has_perm("approvals.view_approvalrequest") else ()
    asked = [event for request in requests for event in queries.events_after(request, 0)]
    view = _View(queries.names_of(run, list(own.values())), _sources(before[-1]) if before else frozenset())
    steps = [_link(event, "run", view) for _, event in sorted(own.items())]
    return Chain(detail, card, tuple(_woven(steps, requests, asked, view)), requests)


@dataclass(frozen=True)
class _View:
    """What all links of one chain need: names, and the sources that the action names as its evidence."""

    names: queries.Names
    sources: frozenset[str]


def _sources(proposed: EventCard) -> frozenset[str]:
    content = getattr(proposed.body, "evidence", None)
    return frozenset(str(one.get("source", "")) for one in _listed(content) if isinstance(one, dict))


def _listed(content: Content | None) -> list[Any]:
    """Content that is a list; an empty one when it was erased, is not there, or is something else."""
    try:
        found = msgspec.json.decode(queries.whole(content)) if content is not None else []
    except (errors.CountersignError, msgspec.DecodeError):
        return []
    return found if isinstance(found, list) else []


def _woven(
    steps: Sequence[Link], requests: Sequence[str], asked: Sequence[EventCard], view: _View
) -> Iterator[Link]:
    """The run's own events with those of its requests between them: a request after the assessment that opened it,
    what was said and signed there before what it led to. Times do not order them: both are written in one transaction."""
    waiting = {request: [event for event in asked if event.stream == request] for request in requests}

    def out(request: str, last: tuple[str, ...] = ()) -> Iterator[Link]:
        left = waiting.get(request, [])
        ends = max((place for place, event in enumerate(left, 1) if event.type in last), default=0)
        first = left[:ends] if last else left
        waiting[request] = left[len(first) :]
        return (_link(event, "approval", view) for event in first)

    held = 0
    for step in steps:
        if step.event.type == "action.recalled" and held:
            yield from out(requests[held - 1])
        if step.event.type in ("action.released", "action.refused"):
            # What follows a release (revoked, lapsed) comes after it; a refusal ends its request.
            is_release = step.event.type == "action.released"
            yield from out(getattr(step.event.body, "request", ""), LETS_GO if is_release else ())
        yield step
        if step.event.type == "action.held" and held < len(requests):
            yield from out(requests[held], ("request.opened",))
            held += 1
    for request in requests:
        yield from out(request)


def _is_about(event: EventCard, action: str) -> bool:
    return event.type in PARTS and getattr(event.body, "action", None) == action


def _link(event: EventCard, kind: str, view: _View) -> Link:
    facts = audit_lines.facts_of(event)
    stated, more = _stated(event.body, view.sources) if isinstance(event.body, e.BeliefAsserted) else ((), 0)
    return Link(
        part=PARTS.get(event.type, "Request" if kind == "approval" else "Event"),
        event=event,
        line=audit_lines.line_of(event, kind, view.names),
        facts=tuple(_facts(event, kind, facts)),
        stated=stated,
        more_stated=more,
        pieces=() if kind == "approval" or stated else tuple(_pieces(event.body)),
    )


def _facts(event: EventCard, kind: str, facts: Mapping[str, Any]) -> Iterable[Fact]:
    if event.type == "request.opened":
        yield from _opened(facts)
        return
    if event.type == "request.signed":
        yield from _signed(facts)
        return
    if event.type == "action.proposed":
        yield Fact("Sealed by", str(facts.get("digest", "")))
        yield Fact("Tool", f"{facts.get('tool')}, version {facts.get('tool_version')}")
    if event.type == "breakglass.called":
        yield Fact("Was shown", f"{facts.get('seen_digest')}, version {facts.get('seen_version')}")
        yield Fact("Holds until", _moment(facts.get("until")))
        yield Fact("Told", ", ".join(facts.get("people", ())))
    for name, label in TEXTS.items():
        # In the stream of a request `person` is who did it, which the link's head says.
        if facts.get(name) and isinstance(facts[name], str) and not (name == "person" and kind == "approval"):
            claim = event.actor.startswith("agent:") and name in ("reason", "note")
            yield Fact("In words" if event.type in ASKING else label, facts[name], claim)
    if facts.get("policy"):
        yield Fact("Policy", f"{facts['policy']} revision {facts.get('policy_revision')}")
    if event.type == "action.released":
        yield Fact("Released the digest", str(facts.get("digest", "")))
    if event.type == "action.claimed":
        yield Fact("Claimed the digest", str(facts.get("digest", "")))
    for sign in getattr(event.body, "sign_offs", ()):
        said = fact_words.DONE.get(sign.verb, sign.verb)
        shown = f"shown {sign.seen_digest} version {sign.seen_version}"
        text = f"{sign.who} as {sign.role}, {said} at {_moment(sign.at)}, {shown}"
        yield Fact("Carries the sign-off of", text)
    verdict = getattr(event.body, "verdict", None)
    for finding in getattr(verdict, "findings", ()):
        yield Fact(
            f"Check {finding.validator}", f"{finding.outcome.replace('_', ' ')}: {finding.text}".rstrip(": ")
        )


def _opened(facts: Mapping[str, Any]) -> Iterable[Fact]:
    yield Fact("Shown to people", "".join(str(part.get("text", "")) for part in facts.get("parts", ())))
    yield Fact("Sealed by", str(facts.get("digest", "")))
    yield Fact("Why it waits", str(facts.get("explanation", "")))
    for finding in facts.get("findings", ())[1:]:
        yield Fact("Also", f"{finding.get('rule', '')}: {finding.get('explanation', '')}")
    yield Fact(
        "Policy",
        f"{facts.get('policy') or 'none'} revision {facts.get('policy_revision')}, rule {facts.get('rule')}",
    )
    for check in facts.get("checks", ()):
        yield Fact(f"Checked: {check.get('label')}", str(check.get("found", "")))
    for level in facts.get("levels", ()):
        yield Fact("Needs", f"{level.get('need')} of {level.get('group')} ({level.get('name')})")
    for one in facts.get("excluded", ()):
        yield Fact("Excluded", f"{one.get('person')}: {one.get('reason')}")
    if not facts.get("excluded"):
        yield Fact("Excluded", "nobody")
    yield Fact("To be decided by", _moment(facts.get("decide_by")))


def _signed(facts: Mapping[str, Any]) -> Iterable[Fact]:
    yield Fact("As", f"{facts.get('role')} ({', '.join(facts.get('groups', ()))})")
    yield Fact("Was shown", f"{facts.get('seen_digest')}, version {facts.get('seen_version')}")
    if facts.get("opened_at"):
        yield Fact("Opened the case at", _moment(facts["opened_at"]))
    yield Fact("Answered at", _moment(facts.get("decided_at")))
    if facts.get("reason"):
        yield Fact("Reason", str(facts["reason"]))
    yield Fact("The quorum is then", str(facts.get("outcome", "")))


def _moment(value: object) -> str:
    """A time of a fact to the second, in UTC; what is none is shown as it is."""
    try:
        found = dt.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return str(value)
    return f"{found.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _stated(body: e.BeliefAsserted, sources: frozenset[str]) -> tuple[tuple[Stated, ...], int]:
    """What an agent asserted. Content that was erased or is not there gives none, and the link shows the piece."""
    try:
        found = msgspec.convert(_listed(body.assertions), list[Assertion])
    except msgspec.ValidationError:
        return (), 0
    found.sort(key=lambda one: not any(each.source in sources for each in one.evidence))
    shown = tuple(
        Stated(
            one.subject,
            one.predicate,
            one.value if isinstance(one.value, str) else msgspec.json.encode(one.value).decode(),
            one.reasoning,
            tuple(_where(each) for each in one.evidence),
        )
        for one in found[:MOST_ASSERTIONS]
    )
    return shown, len(found) - len(shown)


def _where(evidence: Any) -> str:
    parts = [
        evidence.source,
        evidence.locator,
        f"line {evidence.line}" if evidence.line is not None else "",
        f"“{evidence.quote}”" if evidence.quote else "",
        f"SHA-256 {evidence.digest[:16]}" if evidence.digest else "",
    ]
    return ", ".join(part for part in parts if part)


def _pieces(body: e.Body) -> Iterable[Piece]:
    for name, label in LABELS.items():
        found = getattr(body, name, None)
        # A transcript is everything that was said to a model and back: a link, not a page.
        if isinstance(found, Content) and name != "proposals":
            limit = SHOWN_BYTES if name in WHOLE else LIMITS.get(name, OTHER_BYTES)
            yield Piece(name, label, queries.shown(found, limit=limit))
