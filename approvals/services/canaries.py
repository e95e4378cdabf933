"""Canaries: requests planted to be rejected, so that it shows whether reviewers look.

Four things keep a canary from ever running. The gate holds it whatever the policy says; an approval of it refuses the
action instead of releasing it, so that no release event exists; the gate refuses its claim all the same; and the
tool behind it does nothing. To reviewers it looks like the request that it was made from.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction
from msgspec.structs import replace

from approvals import projections
from approvals.domain import canaries, record, terms
from approvals.domain.provenance import Origin
from approvals.domain.rules import CATEGORY_WORDS
from approvals.models import Canary
from approvals.queries import requests
from approvals.services import recording
from orchestrator.adapters import canary as behind
from orchestrator.domain import digests, errors, ids, schemas
from orchestrator.domain.specs import AgentSpec, Scope, StageSpec, WorkflowSpec
from orchestrator.ports import ActionFacts
from orchestrator.queries import pinned
from orchestrator.services import runs

LONGEST = 2000


class NotPlanted(errors.Refused):
    """This canary cannot be planted. Correct what is named and try again."""


def plant(
    *,
    like: str,
    arguments: Mapping[str, Any],
    stated_reason: str,
    flaw: str,
    key: str,
    by: Any,
    now: dt.datetime,
) -> str:
    """Start the run of a canary that looks like the request `like` with these arguments; returns the run's id.

    `flaw` says why it must be rejected, and is never shown to who decides it. The same `key` plants once.
    Raises UnknownRequest, NotPlanted, schemas.SchemaMismatch.
    """
    flaw, stated_reason = flaw.strip(), stated_reason.strip()
    if not flaw or len(flaw) > LONGEST:
        raise NotPlanted("Say what is wrong with it: this is what reviewers have to notice.")
    opened = requests.load(like).opened
    if like_is_canary(opened.run):
        raise NotPlanted("This is a canary itself. Choose a request of an agent's own.")
    given = pinned.pinned(opened.run)
    tool = given.spec.tools[opened.tool]
    schemas.require(tool.parameters, dict(arguments), what="The call")
    spec = _spec(given.spec, opened)
    call = {
        "arguments": dict(arguments),
        "reason": stated_reason,
        "evidence": [msgspec.to_builtins(one) for one in opened.evidence],
    }
    me = by.get_username()
    name = f"canary.{key}"
    with transaction.atomic():
        run = ids.from_key("run", name)
        if Canary.objects.filter(run=run).exists():
            return run
        fact = canaries.Planted(
            canary=ids.from_key("canary", name), run=run, like=like, flaw=flaw, by=me, at=now
        )
        recording.record_canary(fact, by=f"user:{me}")
        Canary.objects.create(**projections.canary_columns(fact))
        return runs.start_revision(
            spec=digests.canonical(msgspec.to_builtins(spec)),
            inputs={**given.input, "call": call},
            key=name,
            by=me,
            now=now,
            title=given.spec.name,
        )


def is_canary(facts: ActionFacts) -> bool:
    """Whether this action is a canary's: it is told by the tool behind it, which nothing else calls."""
    return facts.tool.name == behind.TOOL


def like_is_canary(run: str) -> bool:
    """Whether a run was started to plant a canary."""
    return Canary.objects.filter(run=run).exists()


def as_shown(facts: ActionFacts) -> ActionFacts:
    """The facts as people are to see them: a canary's tool bears the name of what it imitates."""
    if not is_canary(facts):
        return facts
    like = Canary.objects.filter(run=facts.run).values_list("like", flat=True).first()
    if like is None:
        return facts
    opened = requests.load(like).opened
    shown = replace(facts.tool, name=opened.tool, version=opened.tool_version)
    agent = replace(facts.agent, scope=replace(facts.agent.scope, tools=(opened.tool,)))
    return dataclasses.replace(facts, tool=shown, agent=agent, scope_now=None)


def origins(facts: ActionFacts) -> tuple[Origin, ...]:
    """Where the values of the imitated call stood: a canary's own stand nowhere, which would give it away."""
    like = Canary.objects.filter(run=facts.run).values_list("like", flat=True).first()
    return requests.load(like).opened.origins if like is not None else ()


def held(found: terms.Assessment, facts: ActionFacts) -> terms.Assessment:
    """The verdict on a canary: what the policy says, and where that is no hold, one in the usual words."""
    if found.decision == "hold":
        return found
    category = facts.tool.category
    words = f"This action is {CATEGORY_WORDS[category]}: a person always decides."
    finding = terms.Finding(decision="hold", rule=f"hold.{category}", explanation=words)
    return replace(found, decision="hold", rule=finding.rule, explanation=words, findings=(finding,))


def tool_behind(run: str, shown: str) -> str:
    """The tool that an action of this run really calls, by the name that people see."""
    return behind.TOOL if like_is_canary(run) else shown


def _spec(given: WorkflowSpec, opened: record.Opened) -> WorkflowSpec:
    """The imitated workflow with the one stage that asks, its agent replaced, and no tool but the canary's."""
    agent = given.agents[opened.agent]
    tool = given.tools[opened.tool]
    asks = AgentSpec(
        slug=agent.slug,
        name=agent.name,
        owner=agent.owner,
        revision=agent.revision,
        reference=behind.AGENT,
        scope=Scope(tools=(behind.TOOL,), categories=(tool.category,)),
    )
    return replace(
        given,
        stages=(StageSpec(name=opened.stage, agent=agent.slug, inputs={"call": "run.call"}),),
        agents={agent.slug: asks},
        tools={behind.TOOL: replace(tool, name=behind.TOOL, digest="", non_semantic=())},
        input_schema={},
        cost_limit=None,
    )
