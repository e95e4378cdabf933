"""What is known of tools on other servers: whether one still is what an administrator pinned."""

from __future__ import annotations

import datetime as dt

import msgspec

from orchestrator import models
from orchestrator.domain.specs import ToolSpec
from orchestrator.ports import Verdict
from orchestrator.queries import published


def declared() -> list[ToolSpec]:
    """The newest declarations of tools that are called on other servers."""
    return [spec for spec in published.tools().values() if spec.server]


def record_seen(*, tool: str, seen: str, words: str, now: dt.datetime) -> None:
    """Keep what its server said of a tool just now; `words` is the description for a person to read."""
    models.OutsideTool.objects.update_or_create(
        tool=tool, defaults={"seen": seen, "words": words.replace("\0", "\ufffd")[:4000], "checked_at": now}
    )


def is_changed(spec: ToolSpec) -> bool:
    """Whether its server described it otherwise, when it was looked at last, than this declaration pins."""
    if not spec.server:
        return False
    seen = models.OutsideTool.objects.filter(pk=spec.name).values_list("seen", flat=True).first()
    return seen is not None and seen != spec.pinned


def held_if_changed(spec: ToolSpec, verdict: Verdict) -> Verdict:
    """The gate's verdict, held where it would have been allowed although the tool is not the pinned one any more."""
    if verdict.decision != "allow" or not is_changed(spec):
        return verdict
    return msgspec.structs.replace(
        verdict,
        decision="hold",
        rule="hold.tool_changed",
        explanation=f"The server of {spec.name} describes it otherwise than an administrator has seen it.",
        tier="high",
    )
