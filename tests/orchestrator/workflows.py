"""Workflows for tests of the kernel, and a run told in memory: no database, no clock, no agent."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.domain import commands as c
from orchestrator.domain import content, digests, sealing
from orchestrator.domain import events as e
from orchestrator.domain.content import Content
from orchestrator.domain.decide import decide
from orchestrator.domain.effects import Want
from orchestrator.domain.plan import plan
from orchestrator.domain.replies import ProposedAction
from orchestrator.domain.specs import AgentSpec, Budget, Scope, StageSpec, ToolSpec, WorkflowSpec
from orchestrator.domain.state import Action, RunState
from orchestrator.domain.validation import Finding, StageVerdict, combine

STREAM = "6f3f2a52-0b8e-5f62-9a38-0c5d3a1b2c3d"
SIGNED = (
    e.SignedBy(
        who="reviewer",
        role="reviewer",
        verb="approve",
        at="2026-01-01T00:00:00Z",
        seen_digest="d",
        seen_version=1,
    ),
)

_OBJECT = {"type": "object", "properties": {"n": {"type": "integer"}}}
PAY = ToolSpec(name="t.pay", description="Pay", parameters=_OBJECT, category="financial", idempotent=True)
SEND = ToolSpec(name="t.send", description="Send", parameters=_OBJECT, category="routine")
LOOK = ToolSpec(name="t.look", description="Look", parameters=_OBJECT, reads_only=True)


def workflow(
    *stages: str | StageSpec,
    turns: int = 20,
    rework_cap: int = 2,
    cost_limit: str | None = None,
    isolated: bool = False,
    **agent: Any,
) -> WorkflowSpec:
    """A sequential workflow whose stages share one agent that may pay, send and look."""
    worker = AgentSpec(
        slug="worker",
        name="Worker",
        owner="admin",
        revision=1,
        isolated=isolated,
        scope=Scope(tools=("t.pay", "t.send", "t.look"), categories=("routine", "financial")),
        budget=Budget(turns=turns),
        **agent,
    )
    named = [
        stage if isinstance(stage, StageSpec) else StageSpec(name=stage, agent="worker") for stage in stages
    ] or [StageSpec(name="one", agent="worker")]
    return WorkflowSpec(
        slug="tests",
        name="Tests",
        owner="owner",
        stages=tuple(named),
        agents={"worker": worker},
        tools={tool.name: tool for tool in (PAY, SEND, LOOK)},
        rework_cap=rework_cap,
        cost_limit=cost_limit,
    )


def seal(value: Any) -> Content:
    return content.seal(value)[0]


def sealed(spec: WorkflowSpec, tool: str = "t.pay", call: str = "c1", **arguments: Any) -> c.SealedAction:
    """A proposal as a worker would seal it."""
    proposal = ProposedAction(tool=tool, arguments=arguments, reason="because", call_id=call)
    return sealing.seal_action(spec, spec.agents["worker"], proposal, on_behalf_of="operator")[0]


def verdict(outcome: str, text: str = "") -> StageVerdict:
    return combine([Finding(outcome=outcome, text=text, validator="v")])  # type: ignore[arg-type]


def start(spec: WorkflowSpec, *, at: int = 1, given: Any = None) -> c.StartRun:
    data = digests.encode(spec)
    return c.StartRun(
        actor="user:operator",
        at=at,
        spec=msgspec.Raw(data),
        spec_digest=digests.sha256(data),
        input=seal(given or {}),
        started_by="operator",
        on_behalf_of="operator",
    )


class Story:
    """A run told command by command. `state` is after the last one, `events` all of them so far."""

    def __init__(self, spec: WorkflowSpec | None = None, *, started: bool = True) -> None:
        self.spec = spec or workflow()
        self.state = RunState(STREAM)
        self.events: list[e.Event] = []
        self.at = 1
        if started:
            self.tell(start(self.spec))

    def tell(self, command: c.Command) -> list[str]:
        """Decide a command; returns the names of the events that it added."""
        decision = decide(self.state, command)
        self.state = decision.state
        self.events += decision.events
        return names(decision.events)

    def do(self, asked: type[c.Command], *, by: str = "system", **fields: Any) -> list[str]:
        self.at += 1
        return self.tell(asked(actor=by, at=self.at, **fields))

    # ---- what a worker and people say ----
    def reply(self, **fields: Any) -> list[str]:
        """The open turn is answered; `output` may be any JSON value."""
        if "output" in fields:
            fields["output"] = seal(fields["output"])
        return self.do(c.RecordReply, turn=self.turn, **fields)

    def propose(self, *tools: str) -> list[str]:
        """The agent asks for actions and waits for their results. They are called c1, c2, …"""
        actions = tuple(sealed(self.spec, tool, f"c{at}", n=at) for at, tool in enumerate(tools, start=1))
        return self.reply(actions=actions)

    def judge(self, outcome: str = "pass", text: str = "", *actions: c.SealedAction) -> list[str]:
        return self.do(c.RecordVerdict, turn=self.turn, verdict=verdict(outcome, text), actions=actions)

    def assess(self, decision: str, action: str = "a1") -> list[str]:
        return self.do(c.RecordAssessment, action=action, decision=decision, rule="r", explanation="why")

    def release(self, action: str = "a1", digest: str = "", signed: Any = SIGNED) -> list[str]:
        known = self.state.actions.get(action)
        return self.do(
            c.ReleaseAction,
            by="user:reviewer",
            action=action,
            request="q1",
            digest=digest or (known.digest if known else "d"),
            policy="strict",
            policy_revision=1,
            sign_offs=signed,
        )

    def claim(self, action: str = "a1", digest: str = "") -> list[str]:
        known = self.state.actions.get(action)
        return self.do(c.ClaimAction, action=action, digest=digest or (known.digest if known else "d"))

    def result(self, action: str = "a1", value: Any = "done") -> list[str]:
        return self.do(c.RecordResult, action=action, result=seal(value))

    def pause(self) -> list[str]:
        return self.do(c.PauseRun, by="user:operator", reason="look first")

    def resume(self) -> list[str]:
        return self.do(c.ResumeRun, by="user:operator")

    def cancel(self) -> list[str]:
        return self.do(c.CancelRun, by="user:operator", reason="not needed")

    # ---- what can be seen ----
    @property
    def turn(self) -> str:
        return next(iter(self.state.turns), "t0")

    @property
    def action(self) -> Action:
        return self.state.actions["a1"]

    @property
    def wants(self) -> list[str]:
        """The wanted effects as "kind subject"."""
        return [f"{want.kind} {want.subject}" for want in self.want_list]

    @property
    def want_list(self) -> list[Want]:
        return list(plan(self.state).values())


def names(recorded: list[e.Event]) -> list[str]:
    return [e.name_of(event.body)[0] for event in recorded]
