"""One case before a reviewer: what the action will do, why it waits, what is known, who may decide, what was decided.

Everything an agent said is given as it is and marked as its claim; what the system checked is marked as verified.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import differences, grants, quorum, record, spans
from approvals.domain.provenance import Origin
from approvals.domain.requests import WORDS
from approvals.domain.rules import CATEGORY_WORDS
from approvals.domain.sentence import Part
from approvals.domain.visible import visible
from approvals.queries import canaries, desk, requests, work
from approvals.queries.case_answer import Answer, what_may
from approvals.queries.case_call import Call, call_before, call_of, checks_of, differences_of, origin_words
from approvals.queries.case_life import Life, life
from approvals.queries.case_people import ExcludedCard, LevelCard, excluded_people, level_cards
from approvals.queries.evidence import EvidenceCard, evidence
from approvals.queries.unusual import unusual

TIER_WORDS = {
    "critical": "Critical",
    "high": "High stakes",
    "medium": "Medium stakes",
    "low": "Low stakes",
}
_CATEGORY_ICONS = {
    "financial": "cash",
    "safety_critical": "shield-half",
    "affects_person": "user",
    "destructive": "trash",
    "outward": "send",
}
# Who may see that a request is a canary.
OVERSEE = "approvals.oversee_reviews"


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
    category_icon: str
    reversibility: str
    why: str
    more_reasons: tuple[str, ...]
    rule: str
    policy: str
    unusual: tuple[str, ...]
    stated_reason: str
    checks: tuple[dict[str, str], ...]
    origins: tuple[Origin, ...]
    origins_words: str
    evidence: tuple[EvidenceCard, ...]
    evidence_count: int
    evidence_more: int
    opened_at: dt.datetime
    decide_by: dt.datetime
    runs_within: str
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
    call: Call
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
    differences: tuple[differences.Difference, ...]
    payload_before: str
    person: str
    is_about_a_person: bool
    otherwise: tuple[Part, ...]
    otherwise_is_claim: bool
    stated_otherwise: str
    flaw: str
    snoozed_until: dt.datetime | None
    may_snooze: bool

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"

    @property
    def is_instructed(self) -> bool:
        """Whether a value stands in a passage that gives the agent instructions."""
        return any(one.is_instructed for one in self.origins)

    @property
    def token(self) -> str:
        """Changes exactly when the case must be drawn anew."""
        moved = f"{self.changed_at.timestamp():.6f}"
        aside = "s" if self.snoozed_until else ""
        return f"{self.version}.{self.have}.{self.run.action_state}.{moved}.{self.life.picked_up_by}.{aside}"

    @property
    def evidence_verified(self) -> int:
        return sum(one.state == "verified" for one in self.evidence)

    @property
    def evidence_wrong(self) -> int:
        return sum(one.state == "wrong" for one in self.evidence)

    @property
    def quorum_words(self) -> str:
        """The whole of who decides until when, in one line."""
        levels = ", ".join(f"{level.name} {level.have}/{level.need}" for level in self.levels)
        return f"needs {self.need}: {levels}"


def case(*, request: str, person: Any) -> Case:
    """The case as this person sees it. Raises UnknownRequest."""
    found = requests.load(request)
    opened = found.opened
    run = work.run_card(opened.run, opened.action, opened.digest)
    given = [one for one in found.answers if one.verb == "approve"]
    counted = quorum.tally(opened.levels, given, opened.editors)
    need = sum(level.need for level in opened.levels)
    is_pending = found.status == "pending"
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
        category_icon=_CATEGORY_ICONS.get(opened.category, "circle"),
        reversibility=opened.reversibility,
        why=opened.explanation,
        more_reasons=tuple(one.explanation for one in opened.findings[1:] if one.decision != "allow"),
        rule=opened.rule,
        policy=f"{opened.policy} revision {opened.policy_revision}" if opened.policy else "",
        unusual=unusual(found),
        stated_reason=opened.stated_reason,
        checks=checks_of(opened),
        origins=opened.origins,
        origins_words=origin_words(opened.origins),
        evidence=evidence(opened.evidence, run.files, work.read_file, run.files_gone),
        evidence_count=opened.evidence_count,
        evidence_more=max(0, opened.evidence_count - len(opened.evidence)),
        opened_at=opened.opened_at,
        decide_by=opened.decide_by,
        runs_within=_runs_within(found),
        execute_by=found.execute_by,
        levels=level_cards(opened.levels, counted),
        have=counted.count,
        need=need,
        agent=opened.agent,
        agent_revision=opened.agent_revision,
        agent_owner=opened.agent_owner,
        started_by=opened.started_by,
        on_behalf_of=opened.on_behalf_of,
        excluded=excluded_people(opened.excluded, person.get_username()),
        sign_offs=tuple(replace(one, reviewer=grants.who(one.reviewer)) for one in found.sign_offs),
        call=call_of(opened, run, is_pending=is_pending),
        tool=opened.tool,
        tool_version=opened.tool_version,
        action=opened.action,
        stage=opened.stage,
        decided_by=grants.who(found.decided_by),
        decided_at=found.decided_at,
        changed_at=found.changed_at,
        reason=found.reason,
        answer=what_may(found, person, counted.count, need),
        life=life(found, person, run.action_state),
        run=run,
        differences=differences_of(opened),
        payload_before=call_before(opened, is_pending=is_pending),
        person=visible(opened.person or ""),
        is_about_a_person=opened.is_about_a_person,
        otherwise=opened.otherwise,
        otherwise_is_claim=opened.otherwise_is_claim,
        stated_otherwise=opened.stated_otherwise,
        flaw=canaries.flaw_of(opened.run) if person.has_perm(OVERSEE) else "",
        snoozed_until=desk.snoozed_until(opened.request, person, timezone.now()),
        may_snooze=found.status == "pending" and opened.tier != "critical",
    )


def _runs_within(found: record.Request) -> str:
    """How long an approval holds; nothing for a request from which nothing follows any more."""
    if found.status not in ("pending", "approved"):
        return ""
    who = "its agent may do it" if found.opened.is_elsewhere else "runs"
    return f"{who} within {spans.in_words(found.opened.clocks.execute_by)} of approval"
