"""The rules of an external run: what its agent may do when, and that nothing of it is wanted from here."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.domain import commands as c
from orchestrator.domain import content, digests, errors, soundness
from orchestrator.domain.decide import decide
from orchestrator.domain.patterns import names
from orchestrator.domain.plan import plan
from orchestrator.domain.rules import external, shared
from orchestrator.domain.specs import AgentSpec, StageSpec, WorkflowSpec
from orchestrator.domain.state import RunState
from tests.callers import LOOK, PAY, SCOPE

AGENT = AgentSpec(slug="courier", name="Courier", owner="olivia", kind="external", scope=SCOPE, revision=2)
SPEC = WorkflowSpec(
    slug="external-courier",
    name="External run of Courier",
    owner="olivia",
    pattern="external",
    agents={"courier": AGENT},
    tools={PAY.name: PAY, LOOK.name: LOOK},
)
EMPTY = content.seal({})[0]


def do(state: RunState, command: type[c.Command], **fields: object) -> RunState:
    after: RunState = decide(state, command(actor="agent:courier@2", at=1, **fields)).state
    return after


def started(spec: WorkflowSpec = SPEC) -> RunState:
    data = digests.canonical(msgspec.to_builtins(spec))
    return do(
        RunState("00000000-0000-0000-0000-000000000007"),
        c.StartRun,
        spec=msgspec.Raw(data),
        spec_digest=digests.sha256(data),
        input=EMPTY,
        started_by="agent:courier",
        on_behalf_of="olivia",
    )


def proposed(tool: str = "door.pay") -> RunState:
    sealed = c.SealedAction(tool=tool, arguments=EMPTY, digest="d")
    return do(started(), c.ProposeAction, sealed=sealed)


def assessed(decision: str) -> RunState:
    return do(proposed(), c.RecordAssessment, action="a1", decision=decision, rule="r", explanation="e")


def claimed() -> RunState:
    return do(assessed("allow"), c.ClaimAction, action="a1", digest="d", execute_by=99)


def test_it_begins_with_nothing_wanted() -> None:
    state = started()
    assert (state.status, state.is_external, state.stages, plan(state)) == ("running", True, (), {})


def test_a_proposal_is_wanted_to_be_weighed_and_nothing_else() -> None:
    assert [want.kind for want in plan(proposed()).values()] == ["assess"]


@pytest.mark.parametrize("state", [assessed("allow"), claimed()], ids=["allowed", "claimed"])
def test_nothing_is_ever_executed_from_here(state: RunState) -> None:
    assert plan(state) == {}


def test_a_claim_carries_its_time() -> None:
    assert claimed().actions["a1"].execute_by == 99


def test_a_paused_run_takes_nothing_and_a_claimed_action_is_still_reported() -> None:
    paused = do(claimed(), c.PauseRun, reason="Wait.")
    with pytest.raises(errors.Refused, match="paused"):
        do(paused, c.ProposeAction, sealed=c.SealedAction(tool="door.look", arguments=EMPTY, digest="d"))
    with pytest.raises(errors.Refused, match="paused"):
        do(paused, c.FinishRun, succeeded=True)
    assert do(paused, c.RecordResult, action="a1", result=EMPTY).totals.executed == 1


def test_it_ends_only_without_an_open_claim_and_a_failure_needs_a_reason() -> None:
    with pytest.raises(external.StillClaimed):
        do(claimed(), c.FinishRun, succeeded=True)
    with pytest.raises(shared.ReasonMissing):
        do(started(), c.FinishRun, succeeded=False, reason=" ")
    ended = do(assessed("hold"), c.FinishRun, succeeded=True)
    assert (ended.status, ended.totals.voided, ended.actions) == ("succeeded", 1, {})


def test_an_unconfirmed_action_outlives_the_run() -> None:
    unconfirmed = do(claimed(), c.RecordUnconfirmed, action="a1", text="No word.")
    ended = do(unconfirmed, c.FinishRun, succeeded=True)
    settled = do(ended, c.ConfirmAction, action="a1", executed=True, text="Seen.", result=EMPTY)
    assert settled.totals.executed == 1


def test_too_many_open_actions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "MOST_OPEN", 1)
    with pytest.raises(external.TooManyOpen):
        do(
            proposed(),
            c.ProposeAction,
            sealed=c.SealedAction(tool="door.look", arguments=EMPTY, digest="d"),
        )


def test_a_run_that_works_here_takes_no_report_from_outside() -> None:
    inside = msgspec.structs.replace(
        SPEC,
        pattern="sequential",
        stages=(StageSpec(name="work", agent="courier"),),
        agents={"courier": msgspec.structs.replace(AGENT, kind="code")},
    )
    for command in (
        c.ProposeAction(
            actor="x", at=1, sealed=c.SealedAction(tool="door.look", arguments=EMPTY, digest="d")
        ),
        c.FinishRun(actor="x", at=1, succeeded=True),
        c.AssertBeliefs(actor="x", at=1, assertions=EMPTY, count=1),
        c.MakeCommitment(actor="x", at=1, creditor="y", consequent="z"),
    ):
        with pytest.raises(external.NotExternal):
            decide(started(inside), command)


def test_it_cannot_be_published_as_a_workflow_and_no_stage_may_ask_its_agent() -> None:
    assert "external" not in names()
    assert any(fault.field == "pattern" for fault in soundness.workflow_faults(SPEC))
    asking = msgspec.structs.replace(
        SPEC, pattern="sequential", stages=(StageSpec(name="work", agent="courier"),)
    )
    assert any("runs elsewhere" in fault.text for fault in soundness.workflow_faults(asking))
    assert soundness.agent_faults(AGENT) == []
