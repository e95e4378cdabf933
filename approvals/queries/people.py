"""People as a quorum sees them: their groups, whether they are active, whether they are a person at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model

from approvals.domain.quorum import Reviewer

# Accounts in this group belong to programs. They never decide, whatever else they may do.
SERVICE_GROUP = "service"
SIGN_OFF = "approvals.sign_off"


def reviewer(person: Any) -> Reviewer:
    """A person as they are now, read afresh: the signed-in copy may be older than a deactivation."""
    return reviewers([person.get_username()])[person.get_username()]


def reviewers(usernames: Iterable[str]) -> dict[str, Reviewer]:
    """People by username. An account that is gone counts as inactive."""
    wanted = list(dict.fromkeys(usernames))
    accounts = get_user_model().objects.filter(username__in=wanted).prefetch_related("groups")
    found = {account.get_username(): account for account in accounts}
    return {
        username: _reviewer(found[username])
        if username in found
        else Reviewer(person=username, is_active=False, may_sign_off=False)
        for username in wanted
    }


def name_of(username: str) -> str:
    """A person as colleagues know them: full name and username, or the username alone."""
    account: Any = get_user_model().objects.filter(username=username).first()
    full = account.get_full_name() if account is not None else ""
    return f"{full} ({username})" if full and full != username else username


def _reviewer(account: Any) -> Reviewer:
    groups = frozenset(group.name for group in account.groups.all())
    return Reviewer(
        person=account.get_username(),
        groups=groups,
        is_active=account.is_active,
        is_service=SERVICE_GROUP in groups,
        may_sign_off=account.has_perm(SIGN_OFF),
    )
