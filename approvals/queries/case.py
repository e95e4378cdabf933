"""One case before a reviewer: what the action will do, why it waits, what is known, who may decide, what was decided.

Everything an agent said is given as it is and marked as its claim; what the system checked is marked as verified.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from approvals.domain import money, quorum, record, spans
from approvals.domain.requests import WORDS
from approvals.domain.rules import CATEGORY_WORDS
from approvals.domain.sentence import Part
from approvals.domain.visible import has_hidden
from approvals.queries import people, requests, work
from approvals.queries.answering import answering
from approvals.queries.case_life import Life, life
from approvals.queries.evidence import EvidenceCard, evidence
from approvals.queries.unusual import unusual
from orchestrator import blobs
from orchestrator.domain import errors

TIER_WORDS = {
    "critical": "Critical",
    "high": "High stakes",
    "medium": "Medium stakes",
    "low": "Low stakes",
}
# These ask for a second, deliberate step before they are approved.
DELIBERATE = ("critical",)


@dataclass(frozen=True)
class LevelCard:
    """One level of the quorum: who has filled it, and how many are needed."""

    name: str
    group: str
    need: int
    have: int
    people: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class ExcludedCard:
    """A person who may not approve, with all the reasons."""

    person: str
    reasons: str
    is_me: bool


@dataclass(frozen=True)
class Answer:
    """What this person may do here, and in words why not when they may not."""

    may_approve: bool
    may_reject: bool
    because: str
    approve_label: str
    is_deliberate: bool


@dataclass(frozen=True)
class Case:
    """Everything the review page shows of one request."""

    id: str
    status: str
    status_words: str
    version: int
    digest: str
    revision: int
    parts: tuple[Part, ...]
    sentence: str
    tier: str
    tier_words: str
    category: str
    reversibility: str
    why: str
    more_reasons: tuple[str, ...]
    rule: str
    policy: str
    unusual: tuple[str, ...]
    stated_reason: str
    checks: tuple[dict[str, str], ...]
    evidence: tuple[EvidenceCard, ...]
    evidence_count: int
    evidence_more: int
    opened_at: dt.datetime
    decide_by: dt.datetime
    execute_within: str
    execute_by: dt.datetime | None
    levels: tuple[LevelCard, ...]
    have: int
    need: int
    agent: str
    agent_revision: int
    agent_owner: str
    started_by: str
    on_behalf_of: str
    excluded: tuple[ExcludedCard, ...]
    sign_offs: tuple[record.SignOff, ...]
    payload: str
    payload_hides: bool
    tool: str
    tool_version: int
    action: str
    stage: str
    decided_by: str
    decided_at: dt.datetime | None
    changed_at: dt.datetime
    reason: str
    answer: Answer
    life: Life
    run: work.RunCard

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"

    @property
    def token(self) -> str:
        """Changes exactly when the case must be drawn anew."""
        moved = f"{self.changed_at.timestamp():.6f}"
        return f"{self.version}.{self.have}.{self.run.action_state}.{moved}.{self.life.picked_up_by}"


def case(*, request: str, person: Any) -> Case:
    """The case as this person sees it. Raises UnknownRequest."""
    found = requests.load(request)
    opened = found.opened
    run = work.run_card(opened.run, opened.action, opened.digest)
    given = [one for one in found.answers if one.verb == "approve"]
    counted = quorum.tally(opened.levels, given, opened.editors)
    need = sum(level.need for level in opened.levels)
    payload = json.dumps(blobs.value(opened.arguments), ensure_ascii=False, indent=2)
    return Case(
        id=opened.request,
        status=found.status,
        status_words=WORDS[found.status],
        version=found.version,
        digest=opened.digest,
        revision=opened.revision,
        parts=opened.parts,
        sentence=opened.sentence,
        tier=opened.tier,
        tier_words=TIER_WORDS[opened.tier],
        category=CATEGORY_WORDS.get(opened.category, opened.category),
        reversibility=opened.reversibility,
        why=opened.explanation,
        more_reasons=tuple(one.explanation for one in opened.findings[1:] if one.decision != "allow"),
        rule=opened.rule,
        policy=f"{opened.policy} revision {opened.policy_revision}" if opened.policy else "",
        unusual=unusual(found),
        stated_reason=opened.stated_reason,
        checks=_checks(opened, run),
        evidence=evidence(opened.evidence, run.files, work.read_file),
        evidence_count=opened.evidence_count,
        evidence_more=max(0, opened.evidence_count - len(opened.evidence)),
        opened_at=opened.opened_at,
        decide_by=opened.decide_by,
        execute_within=spans.in_words(opened.clocks.execute_by),
        execute_by=found.execute_by,
        levels=tuple(
            LevelCard(
                level.name,
                level.group,
                level.need,
                len(counted.filled[level.name]),
                counted.filled[level.name],
                level in counted.open,
            )
            for level in opened.levels
        ),
        have=counted.count,
        need=need,
        agent=opened.agent,
        agent_revision=opened.agent_revision,
        agent_owner=opened.agent_owner,
        started_by=opened.started_by,
        on_behalf_of=opened.on_behalf_of,
        excluded=_excluded(opened.excluded, person.get_username()),
        sign_offs=found.sign_offs,
        payload=payload,
        payload_hides=has_hidden(payload.replace("\n", "")),
        tool=opened.tool,
        tool_version=opened.tool_version,
        action=opened.action,
        stage=opened.stage,
        decided_by=found.decided_by,
        decided_at=found.decided_at,
        changed_at=found.changed_at,
        reason=found.reason,
        answer=_what_may(found, person, counted.count, need),
        life=life(found, person, run.action_state),
        run=run,
    )


def _what_may(found: record.Request, person: Any, have: int, need: int) -> Answer:
    opened = found.opened
    label = _label(opened, have, need)
    deliberate = opened.tier in DELIBERATE
    if found.status != "pending":
        return Answer(False, False, f"This request is {WORDS[found.status]}.", label, deliberate)
    mine = next((one for one in found.standing if one.reviewer == person.get_username()), None)
    if mine is not None:
        return Answer(False, False, "You have answered; it waits for more people.", label, deliberate)
    reviewer = people.reviewer(person)
    because = ""
    allowed: dict[str, bool] = {}
    verbs: tuple[quorum.Verb, ...] = ("reject", "approve")
    for verb in verbs:
        try:
            answering(found, reviewer, verb, timezone.now())
            allowed[verb] = True
        except errors.NotPermitted as refused:
            allowed[verb] = False
            because = refused.message
    return Answer(allowed["approve"], allowed["reject"], because, label, deliberate)


def _label(opened: record.Opened, have: int, need: int) -> str:
    """What pressing the button does: it runs the action only when it completes the quorum."""
    if have + 1 < need:
        return f"Approve ({have + 1} of {need})"
    try:
        amount = f" {money.read(opened.amount, opened.currency)}"
    except money.Unreadable:
        amount = ""
    return f"Approve and {opened.verb}{amount}"


def _checks(opened: record.Opened, run: work.RunCard) -> tuple[dict[str, str], ...]:
    found = [{"label": check.label, "value": check.found, "source": "verified"} for check in opened.checks]
    if run.digest_matches is not None:
        same = (
            "What is stored for execution has the digest shown here."
            if run.digest_matches
            else ("What is stored for execution is NOT what is shown here. Do not approve it.")
        )
        found.append({"label": "Payload", "value": same, "source": "verified"})
    return tuple(found)


def _excluded(found: Iterable[quorum.Exclusion], me: str) -> tuple[ExcludedCard, ...]:
    reasons: dict[str, list[str]] = {}
    for one in found:
        reasons.setdefault(one.person, []).append(one.reason)
    return tuple(
        ExcludedCard(name, " and ".join(dict.fromkeys(listed)), name == me)
        for name, listed in reasons.items()
    )
