"""Open, withdraw and check approval requests. Called by the gate inside the engine's transaction.

The caller holds the lock on the run's Stream row; the rows here come after it, so no two sides wait on each
other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from approvals.domain import checks, happenings, provenance, quorum, record, sentence, spans, terms
from approvals.domain import requests as lifecycle
from approvals.models import ApprovalRequest
from approvals.queries import delegations, pools, requests
from approvals.services import grants, policies, rows, validity
from orchestrator.domain import content, ids
from orchestrator.domain.replies import MAX_OTHERWISE, Evidence
from orchestrator.ports import ActionFacts, Verdict
from orchestrator.queries import actions

SYSTEM = "system"
STATED_LENGTH = 4000
QUOTE_LENGTH = 2000
PLACE_LENGTH = 500
EVIDENCE_SHOWN = 50


def open_request(*, facts: ActionFacts, verdict: Verdict, at: dt.datetime) -> str:
    """Put a held action before people; returns the request's id. A second hold of it is a new revision.

    What a person changed in an earlier revision stays theirs: they never fill the quorum of it alone.
    """
    earlier = ApprovalRequest.objects.filter(run=facts.run, action=facts.action)
    for row in earlier.filter(status="pending"):
        reason = "The action was assessed again; a newer request takes this one's place."
        superseded = record.Superseded(request=str(row.id), reason=reason, at=at)
        rows.step(requests.from_row(row), superseded, by=SYSTEM, at=at)
    last = earlier.filter(digest=facts.digest).order_by("-revision").first()
    before = requests.from_row(last).opened if last is not None else None
    opened = opened_fact(
        facts,
        verdict,
        revision=earlier.count() + 1,
        at=at,
        editors=before.editors if before is not None else (),
    )
    if before is not None and before.grant:
        # What a grant let pass and then did not carry is asked of people, never of a grant again and again.
        opened = msgspec.structs.replace(opened, grant="")
    if opened.grant:
        rows.insert(opened, by=SYSTEM)
        grants.answer(requests.load(opened.request), at=at)
    else:
        put_before_people(opened, at=at)
    return opened.request


def put_before_people(opened: record.Opened, *, at: dt.datetime, by: str = SYSTEM) -> None:
    """Write a new request. One whose quorum cannot be reached goes up at once, and says so on the case."""
    rows.insert(opened, by=by)
    pool = pools.pool(opened.levels, opened.excluded, at)
    short = quorum.short_levels(opened.levels, pool.answers(), opened.editors)
    if not short:
        return
    reason = (
        f"Not enough people can approve this: {' and '.join(short)} cannot be filled by anybody who is active, in "
        "the group and no part of the action."
    )
    # Those to whom it goes up may fill its levels as well. Without them it is a fault; the administrators hear of both.
    wider = pools.pool(opened.levels, opened.excluded, at, also=opened.escalate_to)
    is_fault = bool(quorum.short_levels(opened.levels, wider.answers(), opened.editors))
    people = dict.fromkeys((*pools.above(opened, at), *pools.administrators()))
    fact = happenings.Escalated(
        request=opened.request, at=at, reason=reason, people=tuple(people), is_fault=is_fault
    )
    rows.step(requests.load(opened.request), fact, by=SYSTEM, at=at)


def withdraw_requests(*, run: str, actions: Sequence[str], reason: str, at: dt.datetime) -> None:
    """Nobody needs these answers any more: the run ended, or no longer asks."""
    open_rows = ApprovalRequest.objects.filter(
        run=run, action__in=list(actions), status__in=["pending", "approved"]
    )
    for row in open_rows:
        fact = record.Withdrawn(request=str(row.id), reason=reason, at=at)
        rows.step(requests.from_row(row), fact, by=SYSTEM, at=at)


def withdraw_settled(*, found: record.Request, at: dt.datetime) -> bool:
    """Withdraw a pending request whose action no longer waits, whatever settled it; whether it did.

    A request like that must not stay open: nobody could answer it. The caller holds the lock on the run's stream.
    """
    opened = found.opened
    state = actions.state_of(opened.run, opened.action)
    if state == "held":
        return False
    reason = f"The action no longer waits: it is {state}."
    _end(found, record.Withdrawn, reason, at)
    return True


def check_claim(*, facts: ActionFacts, request: str, at: dt.datetime) -> str | None:
    """None when the approval still holds; else the sentence that says why not, and the request has ended.

    Checked: the state, the digest, the second clock, the signers, and the verdict under the newest policy, also for
    the tool as it is declared now.
    """
    found = requests.load(request)
    if found.status != "approved":
        return f"The approval request is {lifecycle.WORDS[found.status]}."
    if found.opened.digest != facts.digest:
        return _end(found, record.Staled, "The action is not the one that was approved.", at)
    # The second clock is judged by the database in the statement that locks the row until the action is taken.
    if not rows.still_holds(found, digest=facts.digest, only_if=f"execute_by>{rows.CLOCK}"):
        length = spans.in_words(found.opened.clocks.execute_by)
        return _end(found, record.Lapsed, f"The approval was not used within {length}.", at)
    newest = policies.assess_action(facts)
    because = validity.no_longer_signed(found, newest.levels)
    if because:
        return _end(found, record.Staled, because, at)
    if newest.decision == "refuse":
        return _end(found, record.Staled, f"The policy refuses this action now: {newest.explanation}", at)
    if found.opened.grant and not grants.use(found, policies.as_declared_now(facts), newest.tier, at=at):
        return _end(found, record.Staled, "The standing grant no longer covers this action.", at)
    return None


def opened_fact(
    facts: ActionFacts,
    verdict: Verdict,
    *,
    revision: int,
    at: dt.datetime,
    editors: Sequence[str] = (),
    edit: record.Edit | None = None,
) -> record.Opened:
    """Everything that reviewers will be shown, frozen as it is now."""
    policy = policies.find_policy(verdict.policy)
    tier: terms.Tier = msgspec.convert(verdict.tier, terms.Tier)
    # What the rules that held ask for; the policy's own for a verdict that came without it.
    clocks = msgspec.convert(verdict.details.get("clocks") or policy.clocks[tier], terms.Clocks)
    levels = msgspec.convert(verdict.details.get("levels") or policy.levels, tuple[terms.Level, ...])
    escalate_to = verdict.details.get("escalate_to", policy.escalate_to)
    composed = sentence.compose(facts.tool, facts.arguments)
    sealed, _ = content.seal(dict(facts.arguments))
    return record.Opened(
        request=ids.from_key("approval", f"{facts.run}.{facts.action}.{revision}"),
        run=facts.run,
        action=facts.action,
        revision=revision,
        digest=facts.digest,
        tool=facts.tool.name,
        tool_version=facts.tool.version,
        category=facts.tool.category,
        reversibility=facts.tool.reversibility,
        agent=facts.agent.slug,
        agent_revision=facts.agent.revision,
        workflow=facts.workflow.slug,
        stage=facts.stage,
        parts=composed.parts,
        verb=sentence.verb(facts.tool),
        arguments=sealed,
        target=facts.target,
        amount=facts.amount,
        currency=facts.currency,
        person=facts.person,
        stated_reason=facts.reason[:STATED_LENGTH],
        stated_otherwise=facts.otherwise.strip()[:MAX_OTHERWISE],
        evidence=tuple(_bounded(one) for one in facts.evidence[:EVIDENCE_SHOWN]),
        evidence_count=len(facts.evidence),
        otherwise=(otherwise := sentence.otherwise(facts.tool, facts.arguments)),
        otherwise_is_claim=sentence.is_claim(facts.tool, otherwise),
        started_by=facts.started_by,
        on_behalf_of=facts.on_behalf_of,
        agent_owner=facts.agent.owner,
        tier=tier,
        rule=verdict.rule,
        explanation=verdict.explanation,
        checks=checks.of(policies.facts_of(facts)),
        findings=msgspec.convert(verdict.details.get("findings", []), tuple[terms.Finding, ...]),
        origins=msgspec.convert(verdict.details.get("origins", []), tuple[provenance.Origin, ...]),
        policy=verdict.policy,
        policy_revision=verdict.policy_revision,
        levels=levels,
        excluded=quorum.exclusions(
            started_by=facts.started_by,
            agent_owner=facts.agent.owner,
            on_behalf_of=facts.on_behalf_of,
            delegations=[one for one in delegations.in_force(at) if one.delegate],
        ),
        clocks=clocks,
        opened_at=at,
        decide_by=lifecycle.decide_by(at, clocks),
        editors=tuple(dict.fromkeys(editors)),
        edit=edit,
        grant="" if edit is not None or editors else str(verdict.details.get("grant", "")),
        escalate_to=tuple(escalate_to),
    )


def _bounded(one: Evidence) -> Evidence:
    """Evidence of a length that a case can show. The whole of it stays on the run's own record."""
    return msgspec.structs.replace(
        one,
        source=one.source[:PLACE_LENGTH],
        locator=one.locator[:PLACE_LENGTH],
        quote=one.quote[:QUOTE_LENGTH],
    )


def _end(found: record.Request, kind: type[record.Closed], reason: str, at: dt.datetime) -> str:
    rows.step(found, kind(request=found.opened.request, reason=reason, at=at), by=SYSTEM, at=at)
    return reason
