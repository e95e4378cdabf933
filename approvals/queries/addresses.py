"""Where mail may go: confirmed addresses alone."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.account.models import EmailAddress


def confirmed(usernames: Iterable[str]) -> dict[str, str]:
    """The confirmed address of each of these people who has one, in one read."""
    found = EmailAddress.objects.filter(user__username__in=list(usernames), verified=True, primary=True)
    return dict(found.values_list("user__username", "email"))
