"""A draft against what really happened: recorded actions assessed again, and one made-up action for a trial.

Nothing is written. The work is bounded: so many actions, the newest first, and the answer says what was left out.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from approvals.domain import policy, providers, shipped
from approvals.domain.facts import Reading
from approvals.domain.known import Known
from approvals.domain.provenance import Sources
from approvals.domain.terms import STRICTNESS, Assessment, Decision, Facts, Policy
from approvals.domain.visible import visible
from approvals.queries import people
from approvals.services import history, policies
from orchestrator.domain import errors, specs
from orchestrator.queries import actions, recorded, totals
from orchestrator.queries.actions import ActionCard

MOST = 1000
PER_PAGE = 25
DAYS = (1, 7, 30, 90)

# How an action came out of the gate, from what became of it.
_HAPPENED: dict[str, Decision] = {"allowed": "allow", "refused": "refuse"}


@dataclass(frozen=True)
class Reassessed:
    """One recorded action: what the draft says, beside what really happened."""

    card: ActionCard
    found: Assessment
    happened: Decision

    @property
    def is_changed(self) -> bool:
        return self.found.decision != self.happened

    @property
    def is_stricter(self) -> bool:
        return STRICTNESS.index(self.found.decision) > STRICTNESS.index(self.happened)


class Gone(errors.Refused):
    """The call of this action was erased, so nothing can be weighed. Choose another action."""


@dataclass(frozen=True)
class DryRun:
    """What a draft would have done. `rows` is one page, the changed ones first; figures cover everything assessed.
    A call that was `erased` cannot be."""

    days: int
    assessed: int
    left_out: int
    erased: int
    would: Mapping[str, int]
    did: Mapping[str, int]
    changed: int
    milder: int
    per_day: float
    per_day_before: float
    per_reviewer: float
    reviewers: int
    rules: Sequence[tuple[str, int]]
    rows: Sequence[Reassessed]
    page: int
    pages: int


def dry_run(
    draft: Policy, *, days: int, now: dt.datetime, page: int = 1, workflows: Sequence[str] = ()
) -> DryRun:
    """Assess the recorded actions of so many days with a draft; only those of these workflows, if any are named."""
    asked = list(_reassessed(draft, now - dt.timedelta(days=days), workflows))
    found = [one for one in asked if one is not None]
    kept = found[:MOST]
    kept.sort(key=lambda one: (not one.is_changed, -one.card.proposed_at.timestamp()))
    would: Counter[str] = Counter(one.found.decision for one in kept)
    did: Counter[str] = Counter(one.happened for one in kept)
    groups = {level.group for level in draft.levels}
    reviewers = max(people.members(groups).values(), default=0)
    needed = sum(level.need for one in kept if one.found.decision == "hold" for level in one.found.levels)
    pages = max(1, -(-len(kept) // PER_PAGE))
    page = min(max(1, page), pages)
    changed = [one for one in kept if one.is_changed]
    return DryRun(
        days=days,
        assessed=len(kept),
        left_out=len(found) - len(kept),
        erased=len(asked) - len(found),
        would=would,
        did=did,
        changed=len(changed),
        milder=sum(1 for one in changed if not one.is_stricter),
        per_day=would["hold"] / days,
        per_day_before=did["hold"] / days,
        per_reviewer=needed / days / reviewers if reviewers else 0.0,
        reviewers=reviewers,
        rules=Counter(one.found.rule for one in kept).most_common(10),
        rows=kept[(page - 1) * PER_PAGE : page * PER_PAGE],
        page=page,
        pages=pages,
    )


def try_made_up(
    draft: Policy, facts: Facts, sources: Sources, *, at: dt.datetime
) -> tuple[Assessment, list[tuple[str, str]]]:
    """What a draft says of an action that somebody made up, and the facts that it was weighed by."""
    arguments = {name: value for name, value in (("target", facts.target), ("amount", facts.amount)) if value}
    known = Known(
        facts=facts,
        at=timezone.localtime(at),
        arguments=arguments,
        operands=tuple(arguments),
        history=_MadeUp(sources),
    )
    return _assessed(draft, facts, known), seen_facts(draft, known)


def try_past(draft: Policy, run: str, action: str) -> tuple[ActionCard, Assessment, list[tuple[str, str]]]:
    """What a draft says of an action of the past. Raises UnknownAction, Gone."""
    card = actions.action_card(run, action)
    for _, facts in recorded.facts_of([card]):
        if facts is None:
            raise Gone()
        plain = policies.facts_of(facts)
        known = history.known_of(facts, plain, at=card.proposed_at)
        return card, _assessed(draft, plain, known), seen_facts(draft, known)
    raise actions.UnknownAction(run=run, action=action)


def seen_facts(draft: Policy, known: Known) -> list[tuple[str, str]]:
    """The facts that the draft's conditions name, with what they are for this action."""
    reading = Reading(known, providers.BOOK)
    names = sorted({name for rule in draft.rules for name in providers.BOOK.language.named(rule.when)})
    return [(name, reading.shown(name)) for name in names if providers.BOOK.types[name].type != "map"]


def _assessed(draft: Policy, facts: Facts, known: Known) -> Assessment:
    floor = draft if draft.slug == shipped.FLOOR_SLUG else policies.find_policy(shipped.FLOOR_SLUG)
    return policy.assess(facts, draft, known, floor=floor)


def _reassessed(draft: Policy, since: dt.datetime, workflows: Sequence[str]) -> Iterator[Reassessed | None]:
    """Each recorded action with what the draft says of it; None for one whose call was erased."""
    cards = actions.recent(since=since, limit=MOST * 2)
    for card, facts in recorded.facts_of(cards):
        if facts is None:
            yield None
            continue
        if workflows and facts.workflow.slug not in workflows:
            continue
        plain = policies.facts_of(facts)
        known = Known(
            facts=plain,
            at=timezone.localtime(card.proposed_at),
            arguments=facts.arguments,
            operands=history.operands(facts.tool),
            history=_AsThen(card, facts.reason),
        )
        yield Reassessed(card, _assessed(draft, plain, known), _happened(card))


def _happened(card: ActionCard) -> Decision:
    if card.tier:
        return "hold"
    return _HAPPENED.get(card.state, "allow")


class _AsThen(history.RunHistory):
    """What came before an action, as it was when the action was proposed."""

    def __init__(self, card: ActionCard, words: str) -> None:
        super().__init__(card.run, card.action, words)
        self._card = card

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        return totals.reserved(
            currency=currency,
            since=since,
            until=self._card.proposed_at,
            agent=agent,
            target=target,
            tool=tool,
            but=(self.run, self.action),
        )

    def has_reached(self, *, tool: str, target: str) -> bool:
        return totals.has_reached(
            tool=tool, target=target, until=self._card.proposed_at, but=(self.run, self.action)
        )


class _MadeUp:
    """Nothing was spent and nobody was reached before a made-up action; its request and result are made up too."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        return Decimal(0)

    def has_reached(self, *, tool: str, target: str) -> bool:
        return False

    def sources(self) -> Sources:
        return self._sources


def made_up_facts(
    *,
    category: specs.Category,
    target: str,
    amount: str,
    currency: str,
    tool: str,
    reversibility: specs.Reversibility,
) -> Facts:
    """The facts of a made-up action, inside any scope."""
    tool = visible(tool) or "trial"
    return Facts(
        agent="trial",
        tool=tool,
        category=category,
        scope=specs.Scope(tools=(tool,), categories=(category,)),
        reversibility=reversibility,
        target=target,
        amount=amount or None,
        currency=currency or None,
        moves_money=bool(amount),
    )
