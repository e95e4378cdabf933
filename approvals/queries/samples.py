"""Allowed actions for a look afterwards: those that nobody has looked at, and what was found."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.core.paginator import Page, Paginator

from approvals.models import Sample

PER_PAGE = 50


@dataclass(frozen=True)
class SampleCard:
    """One allowed action. `finding` is empty, fine or wrong."""

    id: uuid.UUID
    run: uuid.UUID
    action: str
    tool: str
    agent: str
    workflow: str
    sentence: str
    policy: str
    policy_revision: int
    rule: str
    explanation: str
    taken_at: dt.datetime
    finding: str
    note: str
    reviewed_by: str
    reviewed_at: dt.datetime | None


def sample_page(*, is_open: bool = True, page: int | str = 1) -> tuple[Page[Sample], tuple[SampleCard, ...]]:
    """A page of samples, the newest first: those that wait for a look, or those that had one."""
    found = Sample.objects.filter(finding="") if is_open else Sample.objects.exclude(finding="")
    paged = Paginator(found.order_by("-taken_at", "id"), PER_PAGE).get_page(page)
    return paged, tuple(_card(row) for row in paged)


def open_samples() -> int:
    """How many allowed actions wait for a look."""
    return Sample.objects.filter(finding="").count()


def _card(row: Sample) -> SampleCard:
    return SampleCard(**{name: getattr(row, name) for name in SampleCard.__dataclass_fields__})
