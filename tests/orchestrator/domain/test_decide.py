"""Every command at every place of a run: what it adds, or which rule refuses it."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.plan import plan
from orchestrator.domain.rules import shared as rules
from orchestrator.domain.specs import Budget
from orchestrator.domain.state import ACTION_STEPS, TERMINAL
from tests.orchestrator.domain.stories import COMMANDS, SITUATIONS
from tests.orchestrator.workflows import SIGNED, Story, seal, workflow

# Situation -> command -> the events that it adds.
ALLOWED: dict[str, dict[str, str]] = {
    "new": {
        "StartRun": "run.started turn.requested",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "",
    },
    "turn_open": {
        "PauseRun": "run.paused",
        "CancelRun": "run.cancelled",
        "RecordReply": "turn.completed",
        "RecordTurnFailure": "turn.failed run.paused",
        "DeadLetterTurn": "turn.failed run.paused",
        "DeadLetterExecute": "",
    },
    "turn_answered": {
        "PauseRun": "run.paused",
        "CancelRun": "run.cancelled",
        "RecordVerdict": "stage.passed run.succeeded",
        "DeadLetterTurn": "turn.failed run.paused",
        "DeadLetterExecute": "",
    },
    "proposed": {
        "PauseRun": "run.paused",
        "CancelRun": "action.voided run.cancelled",
        "Allow": "action.allowed",
        "Hold": "action.held",
        "RefuseByPolicy": "action.refused turn.requested",
        "RefuseAction": "action.refused turn.requested",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "reading": {
        "PauseRun": "run.paused",
        "CancelRun": "action.voided run.cancelled",
        "RecallAction": "action.recalled",
        "ClaimAction": "action.claimed",
        "RecordResult": "action.executed turn.requested",
        "RecordActionFailure": "action.failed turn.requested",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "allowed": {
        "PauseRun": "run.paused",
        "CancelRun": "action.voided run.cancelled",
        "RecallAction": "action.recalled",
        "ClaimAction": "action.claimed",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "held": {
        "PauseRun": "run.paused",
        "CancelRun": "action.voided run.cancelled",
        "RefuseByPolicy": "action.refused turn.requested",
        "ReleaseAction": "action.released",
        "RefuseAction": "action.refused turn.requested",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "released": {
        "PauseRun": "run.paused",
        "CancelRun": "action.voided run.cancelled",
        "RefuseAction": "action.refused turn.requested",
        "RecallAction": "action.recalled",
        "ClaimAction": "action.claimed",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "claimed": {
        "PauseRun": "run.paused",
        "CancelRun": "run.cancelled",
        "RecordResult": "action.executed turn.requested",
        "RecordActionFailure": "action.failed turn.requested",
        "RecordUnconfirmed": "action.unconfirmed",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "action.unconfirmed",
    },
    "unconfirmed": {
        "PauseRun": "run.paused",
        "CancelRun": "run.cancelled",
        "ConfirmAction": "action.executed turn.requested",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "run.paused",
    },
    "paused_turn": {
        "ResumeRun": "run.resumed",
        "CancelRun": "run.cancelled",
        "RecordReply": "turn.completed",
        "RecordTurnFailure": "turn.failed",
        "DeadLetterTurn": "turn.failed",
        "DeadLetterExecute": "",
    },
    "paused_held": {
        "ResumeRun": "run.resumed",
        "CancelRun": "action.voided run.cancelled",
        "RefuseByPolicy": "action.refused",
        "ReleaseAction": "action.released",
        "RefuseAction": "action.refused",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "",
    },
    "paused_claimed": {
        "ResumeRun": "run.resumed",
        "CancelRun": "run.cancelled",
        "RecordResult": "action.executed",
        "RecordActionFailure": "action.failed",
        "RecordUnconfirmed": "action.unconfirmed",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "action.unconfirmed",
    },
    "succeeded": {
        "DeadLetterTurn": "",
        "DeadLetterExecute": "",
    },
    "failed": {
        "DeadLetterTurn": "",
        "DeadLetterExecute": "",
    },
    "cancelled": {
        "DeadLetterTurn": "",
        "DeadLetterExecute": "",
    },
    "cancelled_claimed": {
        "RecordResult": "action.executed",
        "RecordActionFailure": "action.failed",
        "RecordUnconfirmed": "action.unconfirmed",
        "DeadLetterTurn": "",
        "DeadLetterExecute": "action.unconfirmed",
    },
}

# Situation -> rule -> the commands that it refuses.
REFUSED: dict[str, dict[str, str]] = {
    "new": {
        "NotFound": (
            "PauseRun ResumeRun CancelRun RecordReply RecordTurnFailure RecordVerdict "
            "ReleaseAction ClaimAction"
        ),
        "ActionIsSettled": (
            "Allow Hold RefuseByPolicy RefuseAction RecallAction RecordResult RecordActionFailure "
            "RecordUnconfirmed ConfirmAction"
        ),
    },
    "turn_open": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordVerdict",
        "ActionIsSettled": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction "
            "RecordResult RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "turn_answered": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure",
        "ActionIsSettled": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction "
            "RecordResult RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "proposed": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "ReleaseAction RecallAction ClaimAction RecordResult RecordActionFailure "
            "RecordUnconfirmed ConfirmAction"
        ),
    },
    "reading": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecordUnconfirmed ConfirmAction",
    },
    "allowed": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecordResult RecordActionFailure "
            "RecordUnconfirmed ConfirmAction"
        ),
    },
    "held": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RecallAction ClaimAction RecordResult RecordActionFailure "
            "RecordUnconfirmed ConfirmAction"
        ),
    },
    "released": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RefuseByPolicy ReleaseAction RecordResult RecordActionFailure "
            "RecordUnconfirmed ConfirmAction"
        ),
    },
    "claimed": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction ConfirmAction"
        ),
    },
    "unconfirmed": {
        "Refused": "StartRun ResumeRun",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction "
            "RecordResult RecordActionFailure RecordUnconfirmed"
        ),
    },
    "paused_turn": {
        "Refused": "StartRun PauseRun ClaimAction",
        "TurnIsOver": "RecordVerdict",
        "ActionIsSettled": (
            "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction RecordResult "
            "RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "paused_held": {
        "Refused": "StartRun PauseRun ClaimAction",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": (
            "Allow Hold RecallAction RecordResult RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "paused_claimed": {
        "Refused": "StartRun PauseRun ClaimAction",
        "TurnIsOver": "RecordReply RecordTurnFailure RecordVerdict",
        "WrongStep": "Allow Hold RefuseByPolicy ReleaseAction RefuseAction RecallAction ConfirmAction",
    },
    "succeeded": {
        "Refused": "StartRun",
        "RunIsOver": (
            "PauseRun ResumeRun CancelRun RecordReply RecordTurnFailure RecordVerdict Allow Hold "
            "RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction RecordResult "
            "RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "failed": {
        "Refused": "StartRun",
        "RunIsOver": (
            "PauseRun ResumeRun CancelRun RecordReply RecordTurnFailure RecordVerdict Allow Hold "
            "RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction RecordResult "
            "RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "cancelled": {
        "Refused": "StartRun",
        "RunIsOver": (
            "PauseRun ResumeRun CancelRun RecordReply RecordTurnFailure RecordVerdict Allow Hold "
            "RefuseByPolicy ReleaseAction RefuseAction RecallAction ClaimAction RecordResult "
            "RecordActionFailure RecordUnconfirmed ConfirmAction"
        ),
    },
    "cancelled_claimed": {
        "Refused": "StartRun",
        "RunIsOver": (
            "PauseRun ResumeRun CancelRun RecordReply RecordTurnFailure RecordVerdict "
            "ReleaseAction ClaimAction"
        ),
        "WrongStep": "Allow Hold RefuseByPolicy RefuseAction RecallAction ConfirmAction",
    },
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_table_has_a_word_for_every_command_in_every_situation(situation: str) -> None:
    refused = [name for listed in REFUSED[situation].values() for name in listed.split()]
    assert sorted([*ALLOWED[situation], *refused]) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("situation", "command", "added"),
    [(where, name, added) for where, table in ALLOWED.items() for name, added in table.items()],
)
def test_an_allowed_command_adds_exactly_these_events(situation: str, command: str, added: str) -> None:
    story = SITUATIONS[situation]()
    assert " ".join(COMMANDS[command](story)) == added


@pytest.mark.parametrize(
    ("situation", "rule", "command"),
    [
        (where, rule, name)
        for where, table in REFUSED.items()
        for rule, listed in table.items()
        for name in listed.split()
    ],
)
def test_a_refused_command_names_its_rule_and_changes_nothing(
    situation: str, rule: str, command: str
) -> None:
    story = SITUATIONS[situation]()
    before = story.state
    with pytest.raises(errors.CountersignError) as refused:
        COMMANDS[command](story)
    assert type(refused.value).__name__ == rule
    assert isinstance(refused.value, errors.Refused | errors.NotFound)
    assert refused.value.message.endswith((".", "!"))
    assert story.state is before


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_terminal_run_never_changes_its_state(situation: str) -> None:
    for command in COMMANDS.values():
        story = SITUATIONS[situation]()
        before = story.state
        if before.status not in TERMINAL:
            continue
        try:
            command(story)
        except errors.CountersignError:
            continue
        assert story.state.status == before.status
        assert story.state.output == before.output


def test_a_release_for_another_digest_is_refused() -> None:
    story = SITUATIONS["held"]()
    with pytest.raises(rules.DigestMismatch):
        story.release(digest="0" * 64)
    with pytest.raises(rules.DigestMismatch):
        SITUATIONS["released"]().claim(digest="0" * 64)


def test_a_release_without_a_sign_off_is_refused() -> None:
    with pytest.raises(errors.Refused, match="sign-offs"):
        SITUATIONS["held"]().release(signed=())


def test_a_release_carries_who_signed_onto_the_log() -> None:
    story = SITUATIONS["held"]()
    story.release()
    body = story.events[-1].body
    assert body.sign_offs == SIGNED  # type: ignore[attr-defined]
    assert (body.request, body.policy, body.policy_revision) == ("q1", "strict", 1)  # type: ignore[attr-defined]
    assert story.events[-1].actor == "user:reviewer"


@pytest.mark.parametrize("command", [c.PauseRun, c.CancelRun])
def test_a_pause_and_a_cancel_need_a_reason(command: type[c.Command]) -> None:
    with pytest.raises(rules.ReasonMissing):
        Story().do(command, by="user:operator", reason="  ")


def test_a_confirmation_needs_to_say_how_it_is_known() -> None:
    with pytest.raises(rules.ReasonMissing):
        SITUATIONS["unconfirmed"]().do(
            c.ConfirmAction, by="user:admin", action="a1", executed=False, text=" "
        )


@pytest.mark.parametrize(("executed", "ends"), [(True, "action.executed"), (False, "action.failed")])
def test_an_unconfirmed_action_is_settled_by_a_named_person(executed: bool, ends: str) -> None:
    story = SITUATIONS["unconfirmed"]()
    added = story.do(
        c.ConfirmAction,
        by="user:admin",
        action="a1",
        executed=executed,
        text="The bank says so.",
        result=seal({"confirmed": "yes"}) if executed else None,
    )
    settled = story.events[-2].body
    assert added[0] == ends
    assert settled.confirmed_by == "admin"  # type: ignore[attr-defined]


def test_what_happened_is_not_confirmed_without_a_result() -> None:
    story = SITUATIONS["unconfirmed"]()
    with pytest.raises(errors.Refused, match="result"):
        story.do(c.ConfirmAction, by="user:admin", action="a1", executed=True, text="seen")
    assert story.action.status == "unconfirmed"


def test_what_is_unconfirmed_goes_to_the_owner_of_the_agent() -> None:
    story = SITUATIONS["unconfirmed"]()
    assert story.events[-1].body.assigned_to == "admin"  # type: ignore[attr-defined]


def test_a_cancel_voids_what_waits_and_leaves_what_may_have_happened() -> None:
    assert SITUATIONS["cancelled"]().state.actions == {}
    claimed = SITUATIONS["cancelled_claimed"]()
    assert claimed.action.status == "claimed"
    assert claimed.wants == ["execute a1"]


@pytest.mark.parametrize("situation", ["turn_open", "turn_answered", "held", "paused_turn"])
def test_an_ended_run_keeps_nothing_open_but_what_may_have_happened(situation: str) -> None:
    story = SITUATIONS[situation]()
    story.cancel()
    assert (story.state.turns, story.state.settled, story.state.actions) == ({}, (), {})
    assert story.wants == []


def test_a_dead_letter_for_what_the_run_has_left_behind_adds_nothing() -> None:
    story = Story()
    story.reply(output={"n": 1})
    for kind, subject in (("turn", "t0"), ("validate", "t0"), ("assess", "a1"), ("execute", "a1")):
        assert story.tell(c.DeadLetter(actor="system", at=9, kind=kind, subject=subject, text="Died.")) == []


@pytest.mark.parametrize("situation", ["turn_open", "turn_answered", "proposed", "allowed", "released"])
def test_a_dead_letter_pauses_for_a_person_and_a_resume_wants_it_again(situation: str) -> None:
    story = SITUATIONS[situation]()
    (wanted,) = plan(story.state).values()
    story.tell(
        c.DeadLetter(actor="system", at=9, kind=wanted.kind, subject=wanted.subject, text="Died five times.")
    )
    assert (story.state.status, story.state.is_fault) == ("paused", True)
    assert "Resume to let it try again" in story.state.reason
    assert story.wants == []
    story.resume()
    again = wanted.subject if wanted.kind != "turn" else "t2"
    assert story.wants == [f"{wanted.kind} {again}"]


def test_a_cost_over_the_budget_pauses_and_a_resume_goes_on_all_the_same() -> None:
    story = Story(workflow("one", "two", cost_limit="1.00"))
    assert story.reply(output={"n": 1}, model="m", cost="1.00") == ["turn.completed"]
    story.judge()
    added = story.reply(output={"n": 2}, model="m", cost="0.01")
    assert added == ["turn.completed", "budget.exhausted", "run.paused"]
    assert (story.state.totals.cost, story.state.is_fault, story.wants) == ("1.01", True, [])
    story.resume()
    assert story.wants == ["validate t2"]
    assert story.judge()[-1] == "run.succeeded"


def test_a_turn_over_its_agents_cost_pauses_and_keeps_what_was_paid_for() -> None:
    spec = workflow("one")
    worker = msgspec.structs.replace(spec.agents["worker"], budget=Budget(cost="0.50"))
    story = Story(msgspec.structs.replace(spec, agents={"worker": worker}))
    assert story.reply(more=True, model="m", cost="0.50") == ["turn.completed", "turn.requested"]
    added = story.reply(output={"n": 1}, model="m", cost="0.51")
    assert added == ["turn.completed", "budget.exhausted", "run.paused"]
    assert "A turn of Worker has cost 0.51 USD of the 0.50 it may." in story.state.reason
    story.resume()
    assert story.wants == ["validate t2"]


def test_a_call_of_unknown_price_is_counted_as_unpriced_and_not_as_free() -> None:
    story = Story()
    story.reply(more=True, model="m", cost=None, input_tokens=5)
    assert (story.state.totals.cost, story.state.totals.unpriced) == ("0", 1)


# ---- the life of an action ----
STEP_BY: dict[str, str] = {
    "allowed": "Allow",
    "held": "Hold",
    "refused": "RefuseAction",
    "released": "ReleaseAction",
    "proposed": "RecallAction",
    "claimed": "ClaimAction",
    "executed": "RecordResult",
    "failed": "RecordActionFailure",
    "unconfirmed": "RecordUnconfirmed",
    "voided": "CancelRun",
}
# Two steps of the lifecycle have a command of their own: a person confirms, and a read needs no claim.
BY_PERSON = {("unconfirmed", "executed"), ("unconfirmed", "failed")}
ONLY_READS = {("allowed", "executed"), ("allowed", "failed")}


@pytest.mark.parametrize("to", STEP_BY)
@pytest.mark.parametrize("start", ACTION_STEPS)
def test_an_action_takes_exactly_the_steps_of_its_lifecycle(start: str, to: str) -> None:
    story = SITUATIONS[start]()
    assert story.action.status == start
    may = to in ACTION_STEPS[start] and (start, to) not in BY_PERSON | ONLY_READS
    try:
        added = COMMANDS[STEP_BY[to]](story)
    except errors.Refused:
        assert not may
        return
    moved = [name for name in added if name.startswith("action.")]
    if may:
        assert moved == [f"action.{'recalled' if to == 'proposed' else to}"]
    else:
        assert moved == []


@pytest.mark.parametrize("to", STEP_BY)
def test_a_settled_action_takes_no_step(to: str) -> None:
    story = SITUATIONS["claimed"]()
    story.result()
    if to == "voided":
        assert not [name for name in COMMANDS["CancelRun"](story) if name.startswith("action.")]
        return
    with pytest.raises(rules.ActionIsSettled):
        COMMANDS[STEP_BY[to]](story)
