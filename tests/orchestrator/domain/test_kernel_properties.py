"""Random commands, lost appends, repeated and late submissions: the kernel stays whole and never gets stuck.

The machine plays the shell in memory: a log of encoded events, a cache that may be stale, effects with tokens. Each
step submits a command as the shell would, with the head compared; what is lost is lost.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.decide import decide
from orchestrator.domain.plan import plan
from orchestrator.domain.specs import StageSpec
from orchestrator.domain.state import ACTION_STEPS, TERMINAL, RunState, evolve
from tests.orchestrator.workflows import SIGNED, STREAM, seal, sealed, start, verdict, workflow

SPECS = [
    workflow("one"),
    workflow("one", "two", "three", turns=3, rework_cap=1),
    workflow(
        "one", StageSpec(name="two", agent="worker", repairs=1, required_actions=True), cost_limit="0.50"
    ),
    workflow("one", "two", isolated=True, turns=1),
]
TOOLS = ["t.pay", "t.send", "t.look", "t.unknown"]
ACTS = [
    *("allow", "hold", "refuse", "release", "deny", "recall", "claim", "claim", "result", "result"),
    *("failure", "unconfirmed", "yes", "no", "edit", "ask", "tell"),
]
STAGE_STATES = {"waiting", "open", "passed", "failed"}


class Kernel(RuleBasedStateMachine):
    """A run under random commands."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[int, int, str, int, str, int, bytes]] = []
        self.state = RunState(STREAM)
        self.stale = RunState(STREAM)
        self.ended: tuple[str, Any] | None = None
        self.executed: dict[str, int] = {}
        self.asked: dict[str, tuple[str, str, int]] = {}  # effect key -> what was asked
        self.at = 0

    # ---- the shell in memory ----
    def submit(self, command: c.Command, *, lost: bool = False, stale: bool = False) -> bool:
        """Decide on what this process remembers, compare the head, append. A lost append changes nothing."""
        state = self.stale if stale else self.state
        try:
            decision = decide(state, command)
        except (errors.Refused, errors.NotFound):
            return False
        if lost or state.seq != len(self.log):
            return False
        for event in decision.events:
            name, version = e.name_of(event.body)
            self.log.append(
                (event.seq, event.at, event.actor, event.cause, name, version, e.encode(event.body))
            )
            if name == "action.claimed":
                assert event.body.action not in self.executed or self.executed[event.body.action] == 0  # type: ignore[attr-defined]
            if name == "action.executed":
                action = event.body.action  # type: ignore[attr-defined]
                self.executed[action] = self.executed.get(action, 0) + 1
        self.stale, self.state = self.state, decision.state
        return bool(decision.events)

    def command(self, asked: type[c.Command], *, by: str = "system", **fields: Any) -> c.Command:
        self.at += 1
        return asked(actor=by, at=self.at, **fields)

    @initialize(spec=st.sampled_from(SPECS))
    def begin(self, spec: Any) -> None:
        self.spec = spec
        self.submit(start(spec))

    # ---- what a worker brings ----
    @rule(
        output=st.booleans(),
        tools=st.lists(st.sampled_from(TOOLS), max_size=3),
        more=st.booleans(),
        suspects=st.booleans(),
        cost=st.sampled_from([None, "0.20"]),
        lost=st.booleans(),
        stale=st.booleans(),
        twice=st.booleans(),
    )
    def reply(
        self,
        output: bool,
        tools: list[str],
        more: bool,
        suspects: bool,
        cost: str | None,
        lost: bool,
        stale: bool,
        twice: bool,
    ) -> None:
        turn = next(iter(self.state.turns), "t1")
        actions = tuple(sealed(self.spec, tool, f"c{at}") for at, tool in enumerate(tools))
        command = self.command(
            c.RecordReply,
            turn=turn,
            output=seal({"n": 1}) if output else None,
            actions=actions,
            more=more,
            suspects_upstream="wrong" if suspects else "",
            cost=cost,
            model="m",
        )
        done = self.submit(command, lost=lost, stale=stale)
        if twice and done:
            assert not self.submit(command), "an answer counts once"

    @rule(
        outcome=st.sampled_from(["pass", "pass", "pass", "repairable", "upstream_suspect", "fatal"]),
        tools=st.lists(st.sampled_from(TOOLS), max_size=2),
        stale=st.booleans(),
    )
    def judge(self, outcome: str, tools: list[str], stale: bool) -> None:
        turn = next((turn.id for turn in self.state.turns.values() if turn.answered), "t1")
        actions = tuple(sealed(self.spec, tool) for tool in tools)
        self.submit(
            self.command(c.RecordVerdict, turn=turn, verdict=verdict(outcome, "because"), actions=actions),
            stale=stale,
        )

    @rule(retry=st.sampled_from(["contract", "permanent", "budget"]))
    def fail_turn(self, retry: str) -> None:
        turn = next(iter(self.state.turns), "t1")
        self.submit(self.command(c.RecordTurnFailure, turn=turn, retry=retry, text="broken"))

    @rule(data=st.data(), kind=st.sampled_from(["turn", "validate", "assess", "execute", "answer"]))
    def bury(self, data: st.DataObject, kind: str) -> None:
        subject = data.draw(
            st.sampled_from([*self.state.turns, *self.state.actions, *self.state.questions, "t1", "a1"])
        )
        self.submit(self.command(c.DeadLetter, kind=kind, subject=subject, text="Died five times."))

    @precondition(lambda self: self.state.actions)
    @rule(
        data=st.data(),
        kind=st.sampled_from(ACTS),
        stale=st.booleans(),
    )
    def act(self, data: st.DataObject, kind: str, stale: bool) -> None:
        action = data.draw(st.sampled_from(list(self.state.actions.values())))
        self.submit(self._about(action.id, action.digest, kind), stale=stale)

    def _about(self, action: str, digest: str, kind: str) -> c.Command:
        if kind in {"allow", "hold", "refuse"}:
            return self.command(c.RecordAssessment, action=action, decision=kind, rule="r", explanation="e")
        if kind == "release":
            return self.command(
                c.ReleaseAction,
                action=action,
                request="q",
                digest=digest,
                policy="p",
                policy_revision=1,
                sign_offs=SIGNED,
            )
        if kind == "deny":
            return self.command(c.RefuseAction, action=action, source="reviewer", reason="no")
        if kind == "edit":
            changed = sealed(self.spec, "t.pay", n=self.at)
            return self.command(
                c.EditAction,
                by="user:r",
                action=action,
                seen_digest=digest,
                arguments=changed.arguments,
                digest=changed.digest,
                editor="r",
                note="changed.",
                replaces="q",
            )
        if kind == "ask":
            question = f"q{self.at}"
            return self.command(c.AskAgent, question=question, action=action, request="q", text="Why?")
        if kind == "tell":
            return self.command(c.RecordAnswer, question=next(iter(self.state.questions), "q0"), text="So.")
        if kind == "recall":
            return self.command(c.RecallAction, action=action, reason="stricter")
        if kind == "claim":
            return self.command(c.ClaimAction, action=action, digest=digest)
        if kind == "result":
            return self.command(c.RecordResult, action=action, result=seal("ok"))
        if kind == "failure":
            return self.command(c.RecordActionFailure, action=action, text="bounced")
        if kind == "unconfirmed":
            return self.command(c.RecordUnconfirmed, action=action, text="lost")
        result = seal("ok") if kind == "yes" else None
        return self.command(
            c.ConfirmAction,
            by="user:admin",
            action=action,
            executed=kind == "yes",
            text="seen",
            result=result,
        )

    # ---- what people do ----
    @rule(kind=st.sampled_from([c.PauseRun, c.ResumeRun, c.ResumeRun]), stale=st.booleans())
    def stop_and_go(self, kind: type[c.Command], stale: bool) -> None:
        self.submit(self.command(kind, by="user:operator", reason="x"), stale=stale)

    @precondition(lambda self: len(self.log) > 25)
    @rule()
    def cancel(self) -> None:
        self.submit(self.command(c.CancelRun, by="user:operator", reason="x"))

    @rule()
    def start_again(self) -> None:
        assert not self.submit(start(self.spec))

    @rule()
    def crash(self) -> None:
        """The process dies: what it remembered is gone, the log is folded anew, and so is a snapshot."""
        self.state = self.stale = self.fold(len(self.log))

    def fold(self, until: int) -> RunState:
        state = RunState(STREAM)
        for seq, at, actor, cause, name, version, payload in self.log[:until]:
            state = evolve(state, e.Event(seq, at, actor, cause, e.decode(name, version, payload)))
        return state

    # ---- what is always true ----
    @invariant()
    def the_state_is_the_fold_and_survives_a_snapshot(self) -> None:
        folded = self.fold(len(self.log))
        assert folded == self.state
        assert msgspec.json.decode(msgspec.json.encode(folded), type=RunState) == folded

    @invariant()
    def plan_is_idempotent_and_a_key_always_means_the_same(self) -> None:
        wants = plan(self.state)
        assert wants == plan(self.state)
        for key, want in wants.items():
            if want.kind in {"turn", "validate"}:
                number = self.state.turns[want.subject].attempt
            elif want.kind == "answer":
                number = 1
            else:
                number = self.state.actions[want.subject].assessment
            asked = (want.kind, want.subject, number)
            assert self.asked.setdefault(key, asked) == asked
        assert len(set(self.asked.values())) == len(self.asked), "two legitimate repeats are two effects"

    @invariant()
    def no_state_is_illegal(self) -> None:
        state = self.state
        assert all(action.status in ACTION_STEPS for action in state.actions.values())
        assert all(stage.status in STAGE_STATES for stage in state.stages)
        assert len(state.turns) <= 1, "a chain has one open turn"
        for at, stage in enumerate(state.stages):
            assert (stage.output is not None) == (stage.status == "passed")
            assert stage.repairs <= 3
            if at > state.position:
                assert stage.status in {"waiting", "failed"}
        assert state.totals.rework <= self.spec.rework_cap
        for turn in state.turns.values():
            assert turn.answered == (turn.answer is not None)

    @invariant()
    def a_running_run_is_never_stuck(self) -> None:
        """It wants an effect, or a person can act: decide a held action, settle an unconfirmed one, resume."""
        state = self.state
        if state.status in {"new", *TERMINAL}:
            return
        for_people = any(action.status in {"held", "unconfirmed"} for action in state.actions.values())
        assert plan(state) or for_people or state.status == "paused"
        if state.status == "paused":
            decision = decide(state, self.command(c.ResumeRun, by="user:operator"))
            after = decision.state
            held = any(action.status in {"held", "unconfirmed"} for action in after.actions.values())
            assert after.is_over or plan(after) or held
            assert state.reason

    @invariant()
    def what_has_ended_stays_ended(self) -> None:
        state = self.state
        if state.status in TERMINAL:
            ended = (state.status, state.output)
            self.ended = self.ended or ended
            assert ended == self.ended
            assert state.turns == {}
            assert all(action.status in {"claimed", "unconfirmed"} for action in state.actions.values()), (
                "only what may have happened is still open"
            )
            assert {want.kind for want in plan(state).values()} <= {"execute"}

    @invariant()
    def nothing_that_was_held_happens_without_a_release(self) -> None:
        seen: dict[str, list[str]] = {}
        for *_, name, _version, payload in self.log:
            if name.startswith("action."):
                action = msgspec.json.decode(payload)["action"]
                seen.setdefault(action, []).append(name.removeprefix("action."))
        for steps in seen.values():
            standing = ""
            for step in steps:
                if step == "claimed":
                    assert standing in {"allowed", "released"}
                if step in {"allowed", "held", "released", "recalled"}:
                    standing = step
            assert steps.count("executed") + steps.count("failed") <= 1

    def teardown(self) -> None:
        with contextlib.suppress(errors.CountersignError):
            if self.state.seq:
                decide(self.state, self.command(c.CancelRun, by="user:operator", reason="x"))


Kernel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestKernel = Kernel.TestCase
