"""Change the arguments of a held action: a new revision of its request, weighed by the policy as it would now run.

Earlier sign-offs are void with the revision they were given to. Whoever changed it never fills the quorum alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import transaction

from approvals.domain import edits, quorum, record
from approvals.queries import people, requests
from approvals.queries.answering import on_request
from approvals.services import policies, rows, sign_offs
from approvals.services import requests as opening
from orchestrator import blobs
from orchestrator.domain import errors
from orchestrator.ports import Verdict
from orchestrator.services import held, release

NOTE_LENGTH = 4000


class RefusedByPolicy(errors.Refused):
    """The policy refuses the changed call, so nothing was changed."""


def edit(
    *,
    request: str,
    by: Any,
    tool: str,
    arguments: Mapping[str, Any],
    seen_digest: str,
    seen_version: int,
    reason: str,
    now: dt.datetime,
) -> str:
    """Change the call that a request is about; returns the id of the new request, which waits for people.

    Raises sign_offs.Decided, Changed, TooLate and ReasonMissing; quorum.NotEligible and SelfSignOff; held.AnotherTool,
    held.NotAcceptable, RefusedByPolicy.
    """
    reason = reason.strip()
    me = by.get_username()
    run = requests.run_of(request)
    with transaction.atomic():
        release.lock(run=run)
        before = requests.load(request)
        at = rows.database_time()
        if before.status != "pending":
            raise sign_offs.already_decided(before, at)
        sign_offs.check_seen(before, seen_digest, seen_version)
        if not reason:
            raise sign_offs.ReasonMissing("Say why you change it: the agent and your colleagues read it.")
        old = before.opened
        quorum.check(on_request(before, people.reviewer(by)), "approve", old.levels, old.excluded)
        changed = held.with_arguments(run=run, action=old.action, tool=tool, arguments=arguments, by=me)
        verdict = _verdict(changed, me)
        was = blobs.value(old.arguments)
        found = edits.compare(was, dict(arguments))
        held.edit(
            run=run,
            action=old.action,
            changed=changed,
            seen_digest=seen_digest,
            verdict=verdict,
            note=_note(me, reason, dict(arguments)),
            replaces=request,
            by=me,
            now=at,
        )
        told = edits.in_words(found.changes)
        superseded = record.Superseded(request=request, reason=f"{told} {reason}", at=at, by=me)
        sign_offs.take(before, superseded, by=f"user:{me}", at=at)
        new = opening.opened_fact(
            changed.facts,
            verdict,
            revision=old.revision + 1,
            at=at,
            editors=(*old.editors, me),
            edit=record.Edit(
                by=me,
                at=at,
                reason=reason,
                replaces=request,
                before=old.arguments,
                changes=found.changes,
                unchanged=found.unchanged,
            ),
        )
        opening.put_before_people(new, at=at, by=f"user:{me}")
    return new.request


class Changeable(NamedTuple):
    """What may be changed of a held call: its arguments, and the schema that they must fit."""

    arguments: dict[str, Any]
    parameters: dict[str, Any]


def changeable(*, request: str) -> Changeable:
    """The arguments of a request's call with their schema. Raises UnknownRequest, Refused when it is not held."""
    opened = requests.load(request).opened
    parameters = held.parameters_of(run=opened.run, action=opened.action)
    return Changeable(dict(blobs.value(opened.arguments)), parameters)


def _verdict(changed: held.Changed, by: str) -> Verdict:
    """The policy over the changed call: a refusal refuses the change, and what it would allow waits for another."""
    found = policies.assess_action(changed.facts)
    if found.decision == "refuse":
        raise RefusedByPolicy(
            f"The policy refuses the changed call, so nothing was changed: {found.explanation}"
        )
    is_allowed = found.decision == "allow"
    return Verdict(
        decision="hold",
        rule="hold.edited" if is_allowed else found.rule,
        explanation=f"{by} changed this call, so another person must agree to it."
        if is_allowed
        else found.explanation,
        policy=found.policy,
        policy_revision=found.policy_revision,
        tier=found.tier,
        details=policies.details_of(found),
    )


def _note(by: str, reason: str, arguments: dict[str, Any]) -> str:
    """What the agent is told with the result: that a person changed its call, why, and what the call then was."""
    ran = json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    if len(ran) > NOTE_LENGTH:
        ran = f"{ran[:NOTE_LENGTH]}… (cut)"
    return (
        f"{by} changed this call before it was decided ({reason}). Do not repeat the original. "
        f"Its arguments are now: {ran}"
    )
