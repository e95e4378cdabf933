"""How a tool of an external MCP server looked when it was looked at last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from orchestrator import models
from orchestrator.queries import published


@dataclass(frozen=True, slots=True)
class OutsideCard:
    """`is_changed`: its server described it otherwise than the newest declaration pins. `words` is what it said."""

    is_changed: bool
    words: str
    checked_at: dt.datetime


def outside_tool(name: str) -> OutsideCard | None:
    """None while it was not looked at since it was declared."""
    row = models.OutsideTool.objects.filter(pk=name).first()
    spec = published.find_tool(name)
    if row is None or spec is None:
        return None
    return OutsideCard(row.seen != spec.pinned, row.words, row.checked_at)
