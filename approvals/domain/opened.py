"""What a request is opened with: everything that reviewers are shown, frozen, and what a person changed before."""

from __future__ import annotations

import datetime as dt

import msgspec

from approvals.domain.checks import Check
from approvals.domain.eligibility import Exclusion
from approvals.domain.fact import Fact
from approvals.domain.provenance import Origin
from approvals.domain.sentence import Part
from approvals.domain.terms import Clocks, Finding, Level, Tier
from orchestrator.domain.content import Content
from orchestrator.domain.replies import Evidence


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the arguments that a person changed, as text. One side is empty when it was added or removed."""

    label: str
    before: str
    after: str
    kind: str


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person changed before this revision was opened, and which request it took the place of."""

    by: str
    at: dt.datetime
    reason: str
    replaces: str
    before: Content
    changes: tuple[Change, ...]
    unchanged: int = 0


class Opened(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A held action is before people: everything they are shown, frozen as it was when the request opened.

    `editors` are all who changed the arguments in this or an earlier revision; none of them fills the quorum alone.
    `grant` names the standing grant that answered instead of people; the request is then its record.
    `escalate_to` are the groups to which it goes up when people are silent.

    `origins` say where the values of the call stand, as the system found them.

    `otherwise` says what it means for the affected person when it is rejected, as the tool's declaration has it;
    `otherwise_is_claim` marks words of the agent's in it.

    `stated_reason`, `stated_otherwise` (what it will do instead) and `evidence` are the agent's own;
    `arguments` is the stored call that will be executed.
    """

    TYPE = "request.opened"
    run: str
    action: str
    revision: int
    digest: str
    tool: str
    tool_version: int
    category: str
    reversibility: str
    agent: str
    agent_revision: int
    workflow: str
    stage: str
    parts: tuple[Part, ...]
    verb: str
    arguments: Content
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    stated_reason: str = ""
    stated_otherwise: str = ""
    evidence: tuple[Evidence, ...] = ()
    evidence_count: int = 0
    otherwise: tuple[Part, ...] = ()
    otherwise_is_claim: bool = False
    started_by: str
    on_behalf_of: str = ""
    agent_owner: str
    tier: Tier
    rule: str
    explanation: str
    findings: tuple[Finding, ...] = ()
    origins: tuple[Origin, ...] = ()
    checks: tuple[Check, ...] = ()
    policy: str
    policy_revision: int
    levels: tuple[Level, ...]
    excluded: tuple[Exclusion, ...] = ()
    clocks: Clocks
    opened_at: dt.datetime
    decide_by: dt.datetime
    editors: tuple[str, ...] = ()
    edit: Edit | None = None
    grant: str = ""
    escalate_to: tuple[str, ...] = ()

    @property
    def is_about_a_person(self) -> bool:
        return self.category == "affects_person" or bool(self.person)

    @property
    def is_elsewhere(self) -> bool:
        """Whether its agent works elsewhere and acts itself: such a run has no stages."""
        return not self.stage

    @property
    def follows(self) -> str:
        """What an approval that completes the quorum leads to."""
        return "Its agent may claim and do it now." if self.is_elsewhere else "The action runs now."

    @property
    def sentence(self) -> str:
        return "".join(part.text for part in self.parts)
