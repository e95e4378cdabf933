"""Policies for pages: what there is, who published it, which workflows use it, what is kept as a draft."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import msgspec
from django.utils import timezone

from approvals.domain import shipped, wording
from approvals.domain.terms import Policy
from approvals.models import PolicyDraft, PolicyRevision
from orchestrator.queries import catalogue
from orchestrator.queries.catalogue import RevisionCard


@dataclass(frozen=True)
class PolicyCard:
    """A policy in the list. `revision` is 0 while it is built in or only a draft."""

    slug: str
    title: str
    revision: int
    words: str
    published_by: str
    published_at: dt.datetime | None
    workflows: tuple[tuple[str, str], ...]
    has_draft: bool
    is_floor: bool
    is_only_draft: bool


@dataclass(frozen=True)
class DraftCard:
    """A draft as it was kept."""

    spec: Policy
    started_from: int
    saved_by: str
    saved_at: dt.datetime


def names() -> list[str]:
    """The policies that a workflow may name."""
    found = set(PolicyRevision.objects.values_list("slug", flat=True).distinct())
    return sorted((found | {one.slug for one in shipped.SHIPPED}) - {shipped.FLOOR_SLUG})


def is_taken(slug: str) -> bool:
    return PolicyRevision.objects.filter(slug=slug).exists() or slug in {one.slug for one in shipped.SHIPPED}


def policy_cards() -> list[PolicyCard]:
    """All policies, the floor last, and what is only a draft so far."""
    used = workflows_by_policy()
    drafts = {draft.slug: draft for draft in PolicyDraft.objects.all()}
    newest = {row.slug: row for row in PolicyRevision.objects.order_by("slug", "-revision").distinct("slug")}
    built_in = {one.slug: one for one in shipped.SHIPPED}
    cards = []
    for slug in sorted(newest.keys() | built_in.keys() | drafts.keys()):
        row = newest.get(slug)
        if row is not None:
            spec = _read(row.parameters)
        elif slug in built_in:
            spec = built_in[slug]
        else:
            spec = _read(drafts[slug].parameters)
        is_floor = slug == shipped.FLOOR_SLUG
        cards.append(
            PolicyCard(
                slug=slug,
                title=spec.title,
                revision=row.revision if row is not None else 0,
                words=wording.in_one_line(spec, is_floor=is_floor),
                published_by=row.published_by if row is not None else "",
                published_at=row.published_at if row is not None else None,
                workflows=tuple(used.get(slug, ())),
                has_draft=slug in drafts,
                is_floor=is_floor,
                is_only_draft=row is None and slug not in built_in,
            )
        )
    return sorted(cards, key=lambda card: card.is_floor)


def workflows_by_policy() -> dict[str, list[tuple[str, str]]]:
    """Workflows in use, as (slug, name), by the policy that they name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for card in catalogue.workflow_cards(now=timezone.now()):
        if not card.is_retired:
            found.setdefault(card.spec.policy, []).append((card.spec.slug, card.spec.name))
    return found


def revisions(slug: str) -> list[RevisionCard]:
    """The publications of a policy, the newest first."""
    return [
        RevisionCard(
            number=row.revision,
            digest=row.digest,
            published_by=row.published_by,
            published_at=row.published_at,
            notes=row.notes,
        )
        for row in PolicyRevision.objects.filter(slug=slug).order_by("-revision")
    ]


def find_draft(slug: str) -> DraftCard | None:
    row = PolicyDraft.objects.filter(slug=slug).first()
    if row is None:
        return None
    return DraftCard(_read(row.parameters), row.started_from, row.saved_by, row.saved_at)


def _read(parameters: str) -> Policy:
    return msgspec.json.decode(parameters, type=Policy)
