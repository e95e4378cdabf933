"""Canaries: requests planted to be rejected, so that it shows whether reviewers look.

A canary's run is a run of the same workflow revision over the same input, with the same starter as the request that it
imitates, and its agents say what they said there (`reply`), but for the one call. So nothing on the run's own record
tells it from the real one before the decision; the record of the canary, which administrators alone see, says who
planted it.

Four things keep it from ever running. The gate holds it whatever the policy says; an approval of it refuses the
action instead of releasing it, so that no release event exists; the gate refuses its claim all the same; and no
tool is called for its run (`approvals.adapters.canaries`). Its amount counts against no limit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from msgspec.structs import replace

from approvals import projections
from approvals.domain import canaries, terms
from approvals.domain.rules import CATEGORY_WORDS
from approvals.models import ApprovalRequest, Canary
from approvals.queries import canaries as queries
from approvals.queries import requests
from approvals.services import recording
from orchestrator.domain import errors, ids, schemas
from orchestrator.domain.replies import ProposedAction, Reply
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.ports import ActionFacts, TurnRequest
from orchestrator.queries import pinned, replies
from orchestrator.services import runs

LONGEST = 2000
OVER = "This was a canary: it was never to run."


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
    if queries.is_canary(opened.run):
        raise NotPlanted("This is a canary itself. Choose a request of an agent's own.")
    given = pinned.pinned(opened.run)
    schemas.require(given.spec.tools[opened.tool].parameters, dict(arguments), what="The call")
    _must_be_playable(given.spec, opened.run, opened.action)
    me = by.get_username()
    name = f"planted.{key}"
    with transaction.atomic():
        run = ids.from_key("run", name)
        if Canary.objects.filter(run=run).exists():
            return run
        fact = canaries.Planted(
            canary=ids.from_key("canary", name),
            run=run,
            like=like,
            flaw=flaw,
            by=me,
            at=now,
            shown_as=opened.started_by,
            arguments=dict(arguments),
            stated_reason=stated_reason,
        )
        recording.record_canary(fact, by=f"user:{me}")
        Canary.objects.create(**projections.canary_columns(fact))
        return runs.start_revision(
            spec=given.bytes,
            inputs=given.input,
            key=name,
            by=opened.started_by,
            now=now,
            title=given.title,
            on_behalf_of=opened.on_behalf_of,
        )


def reply(request: TurnRequest, *, now: dt.datetime) -> Reply:
    """What an agent of a canary's run says: what it said in the run that is imitated, and the planted call.

    Where that run's words end, or when the request has been decided, the canary's run is over. Raises UnknownRequest.
    """
    row = Canary.objects.get(run=request.run)
    like = requests.load(str(row.like)).opened
    asked = ApprovalRequest.objects.filter(run=request.run)
    is_decided = asked.exists() and not asked.filter(status="pending").exists()
    said = [
        one
        for one in replies.replies(like.run, until=like.action)
        if (one.stage, one.number) == (request.stage.name, request.number)
    ]
    if is_decided or not said:
        end(run=request.run, now=now)
        return Reply(output=None)
    same = next((one for one in said if one.attempt == request.attempt), said[-1])
    if like.action not in same.proposed:
        # What else was asked for there is not asked for again.
        return replace(same.reply, more=same.reply.more or bool(same.proposed))
    call = ProposedAction(
        tool=like.tool,
        arguments=row.arguments,
        reason=row.stated_reason,
        otherwise=like.stated_otherwise,
        evidence=like.evidence,
        call_id=same.proposed[like.action],
    )
    return replace(same.reply, actions=(call,))


def end(*, run: str, now: dt.datetime) -> None:
    """Cancel a canary's run, in the name of who planted it. One that has ended stays as it is."""
    planter = get_user_model().objects.get(username=queries.planted_by(run))
    try:
        runs.cancel_run(run=run, reason=OVER, by=planter, now=now)
    except errors.Refused:
        return


def held(found: terms.Assessment, facts: ActionFacts) -> terms.Assessment:
    """The verdict on a canary: what the policy says, and where that is no hold, one in the usual words."""
    if found.decision == "hold":
        return found
    category = facts.tool.category
    words = f"This action is {CATEGORY_WORDS[category]}: a person always decides."
    finding = terms.Finding(decision="hold", rule=f"hold.{category}", explanation=words)
    return replace(found, decision="hold", rule=finding.rule, explanation=words, findings=(finding,))


def _must_be_playable(spec: WorkflowSpec, run: str, action: str) -> None:
    """Whether the imitated run can be played once more, at no cost."""
    if spec.pattern == "external":
        raise NotPlanted(
            "This agent works elsewhere and speaks for itself. Choose a request of an agent here."
        )
    said = replies.replies(run, until=action)
    if not said:
        raise NotPlanted("What led to this request is no longer on the record. Choose a later one.")
    played = {one.stage for one in said}
    if any(ref.id == "judge" for stage in spec.stages if stage.name in played for ref in stage.validators):
        raise NotPlanted("A model judges this work and would be paid to do so again. Choose another request.")
