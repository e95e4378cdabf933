"""Drafts of policies: what somebody has written and not published. They decide nothing and are replaced freely."""

from __future__ import annotations

import datetime as dt
from typing import Any

from approvals.domain import published, terms
from approvals.models import PolicyDraft
from orchestrator.domain import errors


class UnknownDraft(errors.NotFound):
    """There is no draft of this policy. Somebody may have published it or thrown it away."""


def keep_draft(*, spec: terms.Policy, started_from: int, by: Any, now: dt.datetime) -> None:
    """Keep a draft of a policy, as far as it could be read. One draft for each policy; the last one kept stays."""
    PolicyDraft.objects.update_or_create(
        slug=spec.slug,
        defaults={
            "started_from": started_from,
            "parameters": published.parameters_of(spec).decode(),
            "saved_by": by.get_username(),
            "saved_at": now,
        },
    )


def drop_draft(*, slug: str) -> None:
    """Throw a draft away. What is published stays as it is. Raises UnknownDraft."""
    count, _ = PolicyDraft.objects.filter(slug=slug).delete()
    if not count:
        raise UnknownDraft()
