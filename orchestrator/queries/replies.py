"""What the agents of a run replied, turn by turn, read from the log: enough to say it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator import blobs, eventlog
from orchestrator.domain import events as e
from orchestrator.domain.content import Content
from orchestrator.domain.replies import Assertion, Reply, Usage


@dataclass(frozen=True, slots=True)
class Replied:
    """One answered turn. `reply` is without its actions; `proposed` gives their ids with the agent's names for them.
    What was paid for it is not said again: its usage costs nothing."""

    stage: str
    attempt: int
    number: int
    reply: Reply
    proposed: Mapping[str, str]


def replies(run: str, *, until: str) -> tuple[Replied, ...]:
    """The answered turns up to the one that proposed the action `until`, in their order; none when none did.

    Raises what the orchestrator raises when content was erased.
    """
    asked: dict[str, e.TurnRequested] = {}
    done: dict[str, e.TurnCompleted] = {}
    stated: dict[str, Content] = {}
    proposed: dict[str, dict[str, str]] = {}
    last = ""
    for stored in eventlog.events_after(run, 0):
        body = stored.body
        if isinstance(body, e.TurnRequested):
            asked[body.turn] = body
        elif isinstance(body, e.TurnCompleted):
            done[body.turn] = body
        elif isinstance(body, e.BeliefAsserted):
            stated[body.turn] = body.assertions
        elif isinstance(body, e.ActionProposed):
            proposed.setdefault(body.turn, {})[body.action] = body.call_id
            if body.action == until:
                last = body.turn
                break
    found: list[Replied] = []
    for turn, body in done.items():
        if not last:
            break
        said = asked[turn]
        reply = _reply(body, stated.get(turn))
        found.append(Replied(said.stage, said.attempt, said.number, reply, proposed.get(turn, {})))
        if turn == last:
            break
    return tuple(found)


def _reply(body: e.TurnCompleted, stated: Content | None) -> Reply:
    assertions = msgspec.convert(blobs.value(stated), tuple[Assertion, ...]) if stated is not None else ()
    output: Any = blobs.value(body.output) if body.output is not None else msgspec.UNSET
    return Reply(
        output=output,
        assertions=assertions,
        note=body.note,
        more=body.more,
        suspects_upstream=body.suspects_upstream,
        transcript=blobs.value(body.transcript) if body.transcript is not None else None,
        usage=(
            Usage(
                model=body.model,
                input_tokens=body.input_tokens,
                output_tokens=body.output_tokens,
                cost="0",
                is_estimated=body.is_estimated,
                milliseconds=body.milliseconds,
            ),
        )
        if body.model
        else (),
    )
