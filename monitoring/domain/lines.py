"""Events in plain words: each becomes one line with a lane, a kind, a title, a detail and a state. Pure.

What agents and files say is quoted in the detail, bounded, and never decides lane, kind or state. It is not
escaped here: a line is data, and whoever shows it escapes. An event nobody taught this module is still shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from monitoring.domain.amounts import money_words
from orchestrator.domain import events as e

TITLE, DETAIL = 160, 400


class TurnName(Protocol):
    @property
    def agent(self) -> str: ...
    @property
    def stage(self) -> str: ...


class ActionName(Protocol):
    @property
    def agent(self) -> str: ...
    @property
    def tool(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def amount(self) -> str: ...
    @property
    def currency(self) -> str: ...


class Names(Protocol):
    """Who is meant by the ids in events."""

    @property
    def turns(self) -> Mapping[str, Any]: ...
    @property
    def actions(self) -> Mapping[str, Any]: ...


class Line(NamedTuple):
    """One event for people. `lane` is whose it is (an agent, a person, or empty for the run itself)."""

    lane: str
    kind: str
    title: str
    detail: str
    state: str


class _Words(NamedTuple):
    title: str
    detail: str = ""
    state: str = ""
    lane: str = ""


def line_of(type_: str, actor: str, body: e.Body, names: Names) -> Line:
    """The line for one event. Total: whatever the event is, something is said."""
    kind = type_.partition(".")[0] or "event"
    say = _SAY.get(type(body))
    words = say(body, names) if say is not None else _unknown(type_)
    lane = words.lane or _lane(actor)
    return Line(
        bounded(lane, 80), kind, bounded(words.title, TITLE), bounded(words.detail, DETAIL), words.state
    )


def bounded(text: str, most: int) -> str:
    """The text in one line, cut with a word about how much there is."""
    flat = " ".join(text.split()) if "\n" in text or "  " in text else text
    if len(flat) <= most:
        return flat
    return f"{flat[: most - 30]}… ({len(text):,} characters in all)"


def actor_words(actor: str) -> str:
    """Who did it, for a person to read: "olivia", "agent intake, revision 3", "Countersign"."""
    kind, _, name = actor.partition(":")
    if kind == "user" and name:
        return name
    if kind == "agent" and name:
        slug, _, revision = name.partition("@")
        return f"agent {slug}, revision {revision}" if revision else f"agent {slug}"
    return "Countersign" if actor == "system" else actor


def _lane(actor: str) -> str:
    kind, _, name = actor.partition(":")
    if kind == "agent":
        return name.partition("@")[0]
    return name if kind == "user" else ""


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _unknown(type_: str) -> _Words:
    return _Words(type_.replace(".", " ").replace("_", " ").capitalize() or "Event")


# ---- run ----
def _run_started(body: e.RunStarted, names: Names) -> _Words:
    for_whom = f"on behalf of {body.on_behalf_of}" if body.on_behalf_of != body.started_by else ""
    return _Words(
        "Run started", _joined(body.title, for_whom), "running", body.started_by.removeprefix("agent:")
    )


def _run_paused(body: e.RunPaused, names: Names) -> _Words:
    title = "Paused: something failed" if body.fault else "Run paused"
    return _Words(title, body.reason, "failed" if body.fault else "paused")


def _run_resumed(body: e.RunResumed, names: Names) -> _Words:
    return _Words("Run resumed", body.reason, "running")


def _run_succeeded(body: e.RunSucceeded, names: Names) -> _Words:
    refused = f"{_plural(body.refused, 'action')} refused" if body.refused else ""
    return _Words("Run succeeded", refused, "succeeded")


def _run_failed(body: e.RunFailed, names: Names) -> _Words:
    return _Words("Run failed", body.reason, "failed")


def _run_cancelled(body: e.RunCancelled, names: Names) -> _Words:
    return _Words("Run cancelled", body.reason, "cancelled")


# ---- turns and stages ----
def _turn_requested(body: e.TurnRequested, names: Names) -> _Words:
    again = f"try {body.attempt}" if body.attempt > 1 else ""
    number = f"turn {body.number}" if body.number > 1 else ""
    feedback = f"because: {body.feedback}" if body.feedback else ""
    return _Words(
        f"{body.agent} is asked",
        _joined(f"stage {body.stage}", again, number, feedback),
        "requested",
        body.agent,
    )


def _turn_completed(body: e.TurnCompleted, names: Names) -> _Words:
    who = names.turns.get(body.turn)
    agent = who.agent if who is not None else ""
    took = f"{body.milliseconds / 1000:.1f} s" if body.milliseconds >= 100 else ""
    tokens = (
        _plural(body.input_tokens + body.output_tokens, "token")
        if body.input_tokens + body.output_tokens
        else ""
    )
    said = "output given" if body.output is not None else ""
    asked = _plural(body.actions, "action") + " proposed" if body.actions else ""
    doubt = f"suspects the stage before: {body.suspects_upstream}" if body.suspects_upstream else ""
    note = f"“{body.note}”" if body.note else ""
    return _Words(
        f"{agent or 'Agent'} answered", _joined(said, asked, doubt, took, tokens, note), "completed", agent
    )


def _turn_failed(body: e.TurnFailed, names: Names) -> _Words:
    who = names.turns.get(body.turn)
    agent = who.agent if who is not None else ""
    return _Words(f"{agent or 'Agent'} failed to answer", body.text, "failed", agent)


def _stage_passed(body: e.StagePassed, names: Names) -> _Words:
    checks = _plural(len(body.verdict.findings), "check")
    return _Words(
        f"Stage {body.stage} passed", f"{checks} recorded" if body.verdict.findings else "", "passed"
    )


def _stage_sent_back(body: e.StageSentBack, names: Names) -> _Words:
    where = "to try again" if body.to == body.stage else f"to stage {body.to}"
    return _Words(f"Stage {body.stage} sent back {where}", body.reason, "sent_back")


def _stage_failed(body: e.StageFailed, names: Names) -> _Words:
    return _Words(f"Stage {body.stage} failed", body.reason, "failed")


def _belief_asserted(body: e.BeliefAsserted, names: Names) -> _Words:
    return _Words(
        f"{body.agent} stated {_plural(body.count, 'assertion')}",
        f"stage {body.stage}" if body.stage else "",
        "asserted",
        body.agent,
    )


def _commitment_created(body: e.CommitmentCreated, names: Names) -> _Words:
    condition = f"if {body.antecedent}" if body.antecedent else ""
    due = f"by {body.due}" if body.due else ""
    return _Words(
        f"{body.debtor} commits itself to {body.creditor}",
        _joined(body.consequent, condition, due),
        "created",
        body.debtor,
    )


def _commitment_discharged(body: e.CommitmentDischarged, names: Names) -> _Words:
    return _Words(
        f"{body.debtor} says that its commitment to {body.creditor} is done",
        body.text,
        "discharged",
        body.debtor,
    )


def _commitment_cancelled(body: e.CommitmentCancelled, names: Names) -> _Words:
    return _Words(
        f"{body.debtor} takes back its commitment to {body.creditor}", body.reason, "cancelled", body.debtor
    )


def _commitment_violated(body: e.CommitmentViolated, names: Names) -> _Words:
    return _Words(
        f"The time of {body.debtor}'s commitment to {body.creditor} is over",
        f"it was due by {body.due}",
        "violated",
        body.debtor,
    )


def _budget_exhausted(body: e.BudgetExhausted, names: Names) -> _Words:
    return _Words(f"Budget of {body.unit} used up", f"{body.used} of {body.limit}", "exhausted", body.subject)


# ---- actions ----
def _what(action: str, names: Names) -> tuple[str, str, str]:
    """What an action is in words, its amount and target, and whose it is."""
    known = names.actions.get(action)
    if known is None:
        return f"Action {action}", "", ""
    about = _joined(money_words(known.amount, known.currency), known.target)
    return known.tool, about, known.agent


def _action_proposed(body: e.ActionProposed, names: Names) -> _Words:
    amount = money_words(body.amount or "", body.currency or "")
    reason = f"“{body.reason}”" if body.reason else ""
    verb = "proposes" if body.consequential else "reads with"
    return _Words(
        f"{body.agent} {verb} {body.tool}", _joined(amount, body.target, reason), "proposed", body.agent
    )


def _moved(verb: str, state: str, *fields: str) -> Callable[[Any, Names], _Words]:
    def say(body: Any, names: Names) -> _Words:
        tool, about, agent = _what(body.action, names)
        told = [str(getattr(body, field)) for field in fields if getattr(body, field)]
        return _Words(f"{tool} {verb}", _joined(about, *told), state, agent)

    return say


def _action_refused(body: e.ActionRefused, names: Names) -> _Words:
    tool, about, agent = _what(body.action, names)
    who = {"reviewer": "by a reviewer", "expiry": "because nobody decided in time"}.get(
        body.source, f"by {body.source}"
    )
    return _Words(f"{tool} refused {who}", _joined(about, body.reason), "refused", agent)


def _action_released(body: e.ActionReleased, names: Names) -> _Words:
    tool, about, agent = _what(body.action, names)
    signed = ", ".join(sign.who for sign in body.sign_offs)
    return _Words(
        f"{tool} released", _joined(about, f"signed by {signed}" if signed else ""), "released", agent
    )


def _action_executed(body: e.ActionExecuted, names: Names) -> _Words:
    tool, about, agent = _what(body.action, names)
    sure = f"confirmed by {body.confirmed_by}" if body.confirmed_by else ""
    return _Words(f"{tool} executed", _joined(about, sure), "executed", agent)


def _action_failed(body: e.ActionFailed, names: Names) -> _Words:
    tool, about, agent = _what(body.action, names)
    sure = f"confirmed by {body.confirmed_by}" if body.confirmed_by else ""
    return _Words(f"{tool} failed", _joined(about, sure, body.text), "failed", agent)


def _action_unconfirmed(body: e.ActionUnconfirmed, names: Names) -> _Words:
    tool, about, agent = _what(body.action, names)
    return _Words(
        f"{tool} is unconfirmed",
        _joined(about, f"{body.assigned_to} must find out", body.text),
        "unconfirmed",
        agent,
    )


def _action_edited(body: e.ActionEdited, names: Names) -> _Words:
    tool, _, agent = _what(body.action, names)
    amount = money_words(body.amount or "", body.currency or "")
    return _Words(f"{tool} changed by {body.editor}", _joined(amount, body.target), "held", agent)


# ---- questions ----
def _question_asked(body: e.QuestionAsked, names: Names) -> _Words:
    return _Words(f"{body.agent} is asked", f"“{body.text}”", "asked", body.agent)


def _question_answered(body: e.QuestionAnswered, names: Names) -> _Words:
    if body.could:
        return _Words("The question is answered", f"“{body.text}”", "answered", "")
    return _Words("The question stays open", body.text, "unanswered", "")


# ---- catalogue ----
def _published(what: str) -> Callable[[Any, Names], _Words]:
    def say(body: Any, names: Names) -> _Words:
        number = getattr(body, "revision", 0) or getattr(body, "version", 0)
        return _Words(f"{what} {body.name} published", f"revision {number}", "published", body.published_by)

    return say


def _retired(what: str) -> Callable[[Any, Names], _Words]:
    def say(body: Any, names: Names) -> _Words:
        return _Words(f"{what} {body.slug} retired", body.reason, "retired")

    return say


def _recorded(body: e.Recorded, names: Names) -> _Words:
    return _unknown(body.name)


_SAY: dict[type[e.Body], Callable[[Any, Names], _Words]] = {
    e.RunStarted: _run_started,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.RunSucceeded: _run_succeeded,
    e.RunFailed: _run_failed,
    e.RunCancelled: _run_cancelled,
    e.TurnRequested: _turn_requested,
    e.TurnCompleted: _turn_completed,
    e.TurnFailed: _turn_failed,
    e.StagePassed: _stage_passed,
    e.StageSentBack: _stage_sent_back,
    e.StageFailed: _stage_failed,
    e.BeliefAsserted: _belief_asserted,
    e.CommitmentCreated: _commitment_created,
    e.CommitmentDischarged: _commitment_discharged,
    e.CommitmentCancelled: _commitment_cancelled,
    e.CommitmentViolated: _commitment_violated,
    e.BudgetExhausted: _budget_exhausted,
    e.ActionProposed: _action_proposed,
    e.ActionAllowed: _moved("allowed", "allowed", "explanation"),
    e.ActionHeld: _moved("held for a person", "held", "explanation"),
    e.ActionRefused: _action_refused,
    e.ActionReleased: _action_released,
    e.ActionRecalled: _moved("is weighed again", "pending", "reason"),
    e.ActionEdited: _action_edited,
    e.QuestionAsked: _question_asked,
    e.QuestionAnswered: _question_answered,
    e.ActionClaimed: _moved("taken by its executor", "executing"),
    e.ActionExecuted: _action_executed,
    e.ActionFailed: _action_failed,
    e.ActionUnconfirmed: _action_unconfirmed,
    e.ActionVoided: _moved("voided", "voided", "reason"),
    e.AgentPublished: _published("Agent"),
    e.AgentRetired: _retired("Agent"),
    e.ToolPublished: _published("Tool"),
    e.WorkflowPublished: _published("Workflow"),
    e.WorkflowRetired: _retired("Workflow"),
    e.Recorded: _recorded,
}
