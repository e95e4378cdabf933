"""Each event as one line in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from monitoring.domain import lines
from orchestrator.domain import content
from orchestrator.domain import events as e
from orchestrator.domain.validation import Finding, StageVerdict

SEALED = content.seal({"a": 1})[0]
FAILED = StageVerdict(outcome="repairable", findings=(Finding(outcome="repairable", text="no total"),))
PASSED = StageVerdict(outcome="pass", findings=(Finding(outcome="pass", validator="schema"),))
SIGNED = e.SignedBy(
    who="rita", role="finance", verb="approve", at="2026-01-01", seen_digest="d", seen_version=1
)


@dataclass(frozen=True)
class Turn:
    agent: str = "matcher"
    stage: str = "match"


@dataclass(frozen=True)
class Action:
    agent: str = "treasurer"
    tool: str = "payments.pay"
    target: str = "ACME GmbH"
    amount: str = "82000.00"
    currency: str = "EUR"


@dataclass(frozen=True)
class Names:
    turns: Any = field(default_factory=lambda: MappingProxyType({"t1": Turn()}))
    actions: Any = field(default_factory=lambda: MappingProxyType({"a1": Action()}))


def line(body: e.Body, actor: str = "system") -> lines.Line:
    return lines.line_of(e.name_of(body)[0], actor, body, Names())


PROPOSED = e.ActionProposed(
    action="a1", turn="t1", stage="pay", agent="treasurer", tool="payments.pay", tool_version=1, arguments=SEALED,
    digest="d", target="ACME GmbH", amount="82000.00", currency="EUR", reason="All three documents agree",
)  # fmt: skip
READING = msgspec.structs.replace(
    PROPOSED, consequential=False, amount=None, currency=None, target="", reason=""
)


@pytest.mark.parametrize(
    ("body", "actor", "said"),
    [
        (
            e.RunStarted(
                spec=msgspec.Raw(b"{}"), spec_digest="", input=SEALED, started_by="olivia", on_behalf_of="cfo"
            ),
            "user:olivia",
            ("olivia", "run", "Run started", "on behalf of cfo", "running"),
        ),
        (e.RunPaused(reason="lunch"), "user:olivia", ("olivia", "run", "Run paused", "lunch", "paused")),
        (
            e.RunPaused(reason="It broke.", fault=True),
            "system",
            ("", "run", "Paused: something failed", "It broke.", "failed"),
        ),
        (e.RunResumed(), "user:olivia", ("olivia", "run", "Run resumed", "", "running")),
        (e.RunSucceeded(refused=2), "system", ("", "run", "Run succeeded", "2 actions refused", "succeeded")),
        (e.RunFailed(reason="No way on."), "system", ("", "run", "Run failed", "No way on.", "failed")),
        (
            e.RunCancelled(reason="wrong"),
            "user:olivia",
            ("olivia", "run", "Run cancelled", "wrong", "cancelled"),
        ),
        (
            e.TurnRequested(
                turn="t1", stage="match", agent="matcher", attempt=2, number=3, feedback="no total"
            ),
            "system",
            (
                "matcher",
                "turn",
                "matcher is asked",
                "stage match, try 2, turn 3, because: no total",
                "requested",
            ),
        ),
        (
            e.TurnCompleted(
                turn="t1", output=SEALED, actions=1, input_tokens=900, output_tokens=100, milliseconds=1500
            ),
            "agent:matcher@2",
            (
                "matcher",
                "turn",
                "matcher answered",
                "output given, 1 action proposed, 1.5 s, 1,000 tokens",
                "completed",
            ),
        ),
        (
            e.TurnFailed(turn="t1", retry="permanent", text="It raised."),
            "system",
            ("matcher", "turn", "matcher failed to answer", "It raised.", "failed"),
        ),
        (
            e.StagePassed(stage="match", turn="t1", output=SEALED, verdict=PASSED),
            "system",
            ("", "stage", "Stage match passed", "1 check recorded", "passed"),
        ),
        (
            e.StageSentBack(stage="match", turn="t1", to="match", reason="no total", verdict=FAILED),
            "system",
            ("", "stage", "Stage match sent back to try again", "no total", "sent_back"),
        ),
        (
            e.StageSentBack(stage="match", turn="t1", to="intake", reason="no total", verdict=FAILED),
            "system",
            ("", "stage", "Stage match sent back to stage intake", "no total", "sent_back"),
        ),
        (
            e.StageFailed(stage="match", reason="no"),
            "system",
            ("", "stage", "Stage match failed", "no", "failed"),
        ),
        (
            e.BeliefAsserted(turn="t1", stage="match", agent="matcher", count=2, assertions=SEALED),
            "agent:matcher@2",
            ("matcher", "belief", "matcher stated 2 assertions", "stage match", "asserted"),
        ),
        (
            e.CommitmentCreated(
                commitment="c3",
                debtor="courier",
                creditor="rita",
                consequent="pays it",
                antecedent="it is signed",
                due="2026-12-01T12:00:00Z",
            ),
            "agent:courier@1",
            (
                "courier",
                "commitment",
                "courier commits itself to rita",
                "pays it, if it is signed, by 2026-12-01T12:00:00Z",
                "created",
            ),
        ),
        (
            e.CommitmentDischarged(commitment="c3", debtor="courier", creditor="rita", text="Paid."),
            "agent:courier@1",
            (
                "courier",
                "commitment",
                "courier says that its commitment to rita is done",
                "Paid.",
                "discharged",
            ),
        ),
        (
            e.CommitmentCancelled(commitment="c3", debtor="courier", creditor="rita", reason="No need."),
            "agent:courier@1",
            ("courier", "commitment", "courier takes back its commitment to rita", "No need.", "cancelled"),
        ),
        (
            e.CommitmentViolated(
                commitment="c3", debtor="courier", creditor="rita", due="2026-12-01T12:00:00Z"
            ),
            "system",
            (
                "courier",
                "commitment",
                "The time of courier's commitment to rita is over",
                "it was due by 2026-12-01T12:00:00Z",
                "violated",
            ),
        ),
        (
            e.BudgetExhausted(unit="turns", limit="20", used="20", subject="match"),
            "system",
            ("match", "budget", "Budget of turns used up", "20 of 20", "exhausted"),
        ),
        (
            PROPOSED,
            "agent:treasurer@1",
            (
                "treasurer",
                "action",
                "treasurer proposes payments.pay",
                "82,000.00 EUR, ACME GmbH, “All three documents agree”",
                "proposed",
            ),
        ),
        (
            READING,
            "agent:treasurer@1",
            ("treasurer", "action", "treasurer reads with payments.pay", "", "proposed"),
        ),
        (
            e.ActionAllowed(action="a1", rule="r"),
            "system",
            ("treasurer", "action", "payments.pay allowed", "82,000.00 EUR, ACME GmbH", "allowed"),
        ),
        (
            e.ActionHeld(action="a1", rule="r", explanation="Above the limit."),
            "system",
            (
                "treasurer",
                "action",
                "payments.pay held for a person",
                "82,000.00 EUR, ACME GmbH, Above the limit.",
                "held",
            ),
        ),
        (
            e.ActionRefused(action="a1", source="reviewer", reason="Wrong IBAN"),
            "user:rita",
            (
                "treasurer",
                "action",
                "payments.pay refused by a reviewer",
                "82,000.00 EUR, ACME GmbH, Wrong IBAN",
                "refused",
            ),
        ),
        (
            e.ActionRefused(action="a9", source="expiry", reason="Too late"),
            "system",
            ("", "action", "Action a9 refused because nobody decided in time", "Too late", "refused"),
        ),
        (
            e.ActionReleased(
                action="a1", request="q", digest="d", policy="p", policy_revision=1, sign_offs=(SIGNED,)
            ),
            "user:rita",
            (
                "treasurer",
                "action",
                "payments.pay released",
                "82,000.00 EUR, ACME GmbH, signed by rita",
                "released",
            ),
        ),
        (
            e.ActionRecalled(action="a1", reason="Stricter now", assessment=2),
            "system",
            (
                "treasurer",
                "action",
                "payments.pay is weighed again",
                "82,000.00 EUR, ACME GmbH, Stricter now",
                "pending",
            ),
        ),
        (
            e.ActionEdited(
                action="a1",
                arguments=SEALED,
                digest="d",
                editor="rita",
                note="n",
                replaces="q",
                target="ACME GmbH",
                amount="820.00",
                currency="EUR",
            ),
            "user:rita",
            ("treasurer", "action", "payments.pay changed by rita", "820.00 EUR, ACME GmbH", "held"),
        ),
        (
            e.QuestionAsked(
                question="x1", action="a1", stage="pay", agent="treasurer", request="q", text="Why this IBAN?"
            ),
            "user:rita",
            ("treasurer", "question", "treasurer is asked", "“Why this IBAN?”", "asked"),
        ),
        (
            e.QuestionAnswered(question="x1", action="a1", text="It cannot.", could=False),
            "system",
            ("", "question", "The question stays open", "It cannot.", "unanswered"),
        ),
        (
            e.ActionClaimed(action="a1", digest="d"),
            "system",
            (
                "treasurer",
                "action",
                "payments.pay taken by its executor",
                "82,000.00 EUR, ACME GmbH",
                "executing",
            ),
        ),
        (
            e.ActionExecuted(action="a1", result=SEALED, confirmed_by="anna"),
            "user:anna",
            (
                "treasurer",
                "action",
                "payments.pay executed",
                "82,000.00 EUR, ACME GmbH, confirmed by anna",
                "executed",
            ),
        ),
        (
            e.ActionFailed(action="a1", text="Bank is closed"),
            "system",
            (
                "treasurer",
                "action",
                "payments.pay failed",
                "82,000.00 EUR, ACME GmbH, Bank is closed",
                "failed",
            ),
        ),
        (
            e.ActionUnconfirmed(action="a1", text="It stopped.", assigned_to="anna"),
            "system",
            (
                "treasurer",
                "action",
                "payments.pay is unconfirmed",
                "82,000.00 EUR, ACME GmbH, anna must find out, It stopped.",
                "unconfirmed",
            ),
        ),
        (
            e.ActionVoided(action="a1", reason="The run was cancelled."),
            "user:olivia",
            (
                "treasurer",
                "action",
                "payments.pay voided",
                "82,000.00 EUR, ACME GmbH, The run was cancelled.",
                "voided",
            ),
        ),
        (
            e.Recorded(name="grant.given", version=1, payload=msgspec.Raw(b"{}")),
            "user:anna",
            ("anna", "grant", "Grant given", "", ""),
        ),
    ],
    ids=lambda value: getattr(value, "TYPE", None),
)
def test_an_event_is_told_in_plain_words(body: e.Body, actor: str, said: tuple[str, ...]) -> None:
    assert tuple(line(body, actor)) == said


def test_every_type_of_event_has_words_of_its_own() -> None:
    assert set(lines._SAY) == {*e.TYPES.values(), e.Recorded}


def test_an_event_that_nobody_taught_is_still_shown() -> None:
    class Novel(e.Body, frozen=True, kw_only=True):
        TYPE = "moon.landed_softly"

    assert line(Novel()) == ("", "moon", "Moon landed softly", "", "")


def test_what_agents_say_at_length_is_cut_with_a_word_about_it() -> None:
    told = line(e.RunPaused(reason="x" * 5000)).detail
    assert len(told) <= lines.DETAIL
    assert told.endswith("… (5,000 characters in all)")


def test_lines_stay_one_line_whatever_was_written() -> None:
    assert line(e.RunPaused(reason="a\n\n  b\tc")).detail == "a b c"


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("user:olivia", "olivia"),
        ("agent:intake@3", "agent intake, revision 3"),
        ("agent:intake", "agent intake"),
        ("system", "Countersign"),
        ("token:7", "token:7"),
    ],
)
def test_who_did_it_is_said_for_people(actor: str, words: str) -> None:
    assert lines.actor_words(actor) == words
