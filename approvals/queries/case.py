"""One case before a reviewer: what the action will do, why it waits, what is known, who may decide, what was decided.

Everything an agent said is given as it is and marked as its claim; what the system checked is marked as verified.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from approvals.domain import deliberate, differences, money, quorum, record, spans
from approvals.domain.provenance import KIND_WORDS, Origin
from approvals.domain.requests import WORDS
from approvals.domain.rules import CATEGORY_WORDS
from approvals.domain.sentence import Part
from approvals.domain.visible import has_hidden, visible
from approvals.queries import canaries, desk, people, requests, work
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
# Who may see that a request is a canary.
OVERSEE = "approvals.oversee_reviews"


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
    """What this person may do here, and in words why not when they may not.

    `asks` is what an approval needs besides the click: the amount once more, a reason, or nothing. Where `by_key` is
    set, a key opens a sheet that asks for a reason.
    """

    may_approve: bool
    may_reject: bool
    because: str
    approve_label: str
    asks: deliberate.Ask = ""
    by_key: bool = False


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
    origins: tuple[Origin, ...]
    origins_words: str
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
    differences: tuple[differences.Difference, ...]
    payload_before: str
    person: str
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
        origins=opened.origins,
        origins_words=origin_words(opened.origins),
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
        differences=_differences(opened),
        payload_before=_before(opened),
        person=visible(opened.person or ""),
        flaw=canaries.flaw_of(opened.run) if person.has_perm(OVERSEE) else "",
        snoozed_until=desk.snoozed_until(opened.request, person, timezone.now()),
        may_snooze=found.status == "pending" and opened.tier != "critical",
    )


def _what_may(found: record.Request, person: Any, have: int, need: int) -> Answer:
    opened = found.opened
    label = _label(opened, have, need)
    if found.status != "pending":
        return Answer(False, False, f"This request is {WORDS[found.status]}.", label)
    mine = next((one for one in found.standing if one.reviewer == person.get_username()), None)
    if mine is not None:
        return Answer(False, False, "You have answered; it waits for more people.", label)
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
    asks = deliberate.asked_for(opened.tier, opened.category, opened.amount, opened.currency)
    by_key = deliberate.is_confirmed_by_key(opened.tier)
    return Answer(allowed["approve"], allowed["reject"], because, label, asks, by_key)


def asked_of(request: str) -> tuple[deliberate.Ask, str | None]:
    """What an approval of this request needs besides the click, and its amount. Raises UnknownRequest."""
    opened = requests.load(request).opened
    return deliberate.asked_for(opened.tier, opened.category, opened.amount, opened.currency), opened.amount


def _differences(opened: record.Opened) -> tuple[differences.Difference, ...]:
    if opened.edit is None:
        return ()
    return differences.read(
        opened.edit.changes, amount=opened.amount, currency=opened.currency, target=opened.target
    )


def _before(opened: record.Opened) -> str:
    if opened.edit is None:
        return ""
    return json.dumps(blobs.value(opened.edit.before), ensure_ascii=False, indent=2)


def _label(opened: record.Opened, have: int, need: int) -> str:
    """What pressing the button does: it runs the action only when it completes the quorum."""
    if have + 1 < need:
        return f"Approve ({have + 1} of {need})"
    try:
        amount = f" {money.read(opened.amount, opened.currency)}"
    except money.Unreadable:
        amount = ""
    return f"Approve and {opened.verb}{amount}"


def origin_words(origins: Sequence[Origin]) -> str:
    """Where the values of a call stand, counted: "3 in an uploaded file, 1 nowhere in what the agent was given"."""
    counted = Counter(KIND_WORDS[one.kind] for one in origins)
    return ", ".join(
        f"{count} {'' if words.startswith('nowhere') else 'in '}{words}"
        for words, count in counted.most_common()
    )


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
