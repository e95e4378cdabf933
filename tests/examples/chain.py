"""Runs the four agents of invoice_settlement one after another in memory: no database, no engine, no gate.

Each stage gets exactly what workflow.toml names for it, passed through JSON as the engine does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from examples.invoice_settlement import intake, matcher, risk, shapes, treasurer
from orchestrator import ports
from orchestrator.domain.replies import Reply
from orchestrator.domain.specs import AgentSpec, StageSpec

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "invoice_settlement"
AGENTS: dict[str, tuple[Callable[..., Reply], Any]] = {
    "intake": (intake.intake, shapes.IntakeInput),
    "matcher": (matcher.match, shapes.MatcherInput),
    "risk": (risk.weigh, shapes.RiskInput),
    "treasurer": (treasurer.propose, shapes.TreasurerInput),
}
STAGES = tomllib.loads((EXAMPLE / "workflow.toml").read_text(encoding="utf-8"))["stages"]


@dataclasses.dataclass(frozen=True)
class Chain:
    """What each stage was given and answered. `outputs` and `inputs` are plain JSON values by stage name."""

    inputs: dict[str, dict[str, Any]]
    replies: dict[str, Reply]
    outputs: dict[str, Any]

    @property
    def actions(self) -> tuple[Any, ...]:
        return self.replies["treasurer"].actions

    @property
    def proposed(self) -> dict[str, Any]:
        """The payments that were proposed, by invoice id."""
        return {payment["id"]: payment for payment in self.outputs["treasurer"]["payments"]}

    @property
    def rejected(self) -> dict[str, Any]:
        """All rejected entries, by invoice id."""
        return {entry["id"]: entry for entry in self.outputs["treasurer"]["rejected"]}

    @property
    def ends(self) -> dict[str, str]:
        """Where each invoice ended: "payments.pay", or "stage:code"."""
        rejected = {id: f"{entry['stage']}:{entry['code']}" for id, entry in self.rejected.items()}
        return {**dict.fromkeys(self.proposed, "payments.pay"), **rejected}


def run(
    files: Mapping[str, bytes] | list[tuple[str, bytes]], parameters: dict[str, Any] | None = None
) -> Chain:
    """The whole chain over files given by name, or as pairs when names repeat."""
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    stored = {hashlib.sha256(data).hexdigest(): data for _, data in pairs}
    refs = [
        {"name": name, "digest": hashlib.sha256(data).hexdigest(), "size": len(data), "media_type": ""}
        for name, data in pairs
    ]
    given = {"run.files": refs, "run.parameters": parameters or {}}
    chain = Chain({}, {}, {})
    for stage in STAGES:
        work = {name: _source(where, given, chain.outputs) for name, where in stage["inputs"].items()}
        reply = invoke(stage["agent"], work, stored)
        chain.inputs[stage["name"]] = work
        chain.replies[stage["name"]] = reply
        chain.outputs[stage["name"]] = msgspec.json.decode(msgspec.json.encode(reply.output))
    return chain


def folder(path: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.is_file()}


def invoke(agent: str, work: dict[str, Any], stored: Mapping[str, bytes]) -> Reply:
    """One turn of one agent over JSON input."""
    function, kind = AGENTS[agent]
    reply = function(msgspec.convert(work, kind), turn(agent, stored))
    assert isinstance(reply, Reply)
    return reply


def turn(agent: str, stored: Mapping[str, bytes]) -> ports.TurnRequest:
    """A turn that reads files from a mapping of digests."""
    return ports.TurnRequest(
        run="run",
        turn="turn",
        key="key",
        agent=AgentSpec(slug=agent, name=agent, owner="admin"),
        stage=StageSpec(name=agent, agent=agent),
        tools=(),
        inputs={},
        attempt=1,
        number=1,
        feedback="",
        results=(),
        transcript=None,
        read_file=stored.__getitem__,
        is_cancelled=lambda: False,
        stream_text=lambda text: None,
    )


def _source(where: str, given: dict[str, Any], outputs: dict[str, Any]) -> Any:
    if where in given:
        return given[where]
    stage, _, field = where.partition(".")
    return outputs[stage][field] if field else outputs[stage]
