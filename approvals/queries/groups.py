"""Where a group is asked for: by which published policies, and by which requests that can still run."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db.models import Q
from django.utils import timezone

from approvals.models import ApprovalRequest, PolicyRevision


def asked_by(group: str) -> list[str]:
    """What names this group now, one clause each; empty when nothing does.

    A policy that cannot be read may name it, so it counts.
    """
    newest = PolicyRevision.objects.order_by("slug", "-revision").distinct("slug")
    found = [
        f"the policy {row.slug} (revision {row.revision})" for row in newest if _names(row.parameters, group)
    ]
    # When an approved action is claimed, it is asked once more who signed, in which group.
    still_open = Q(status="pending") | Q(status="approved", execute_by__gt=timezone.now())
    named = Q(levels__contains=[{"group": group}]) | Q(open_groups__contains=[group])
    waiting = ApprovalRequest.objects.filter(still_open & named).count()
    if waiting:
        found.append(f"{waiting} open approval request{'' if waiting == 1 else 's'}")
    return found


def _names(parameters: str, group: str) -> bool:
    try:
        return _asks(msgspec.json.decode(parameters), group)
    except msgspec.DecodeError:
        return True


def _asks(value: Any, group: str) -> bool:
    """Whether a level or an escalation anywhere within says `group`, however policies come to hold them."""
    if isinstance(value, dict):
        goes_up = value.get("escalate_to")
        is_named = value.get("group") == group or (isinstance(goes_up, list) and group in goes_up)
        return is_named or any(_asks(one, group) for one in value.values())
    return isinstance(value, list) and any(_asks(one, group) for one in value)
