"""People as a quorum sees them: their groups, whether they are active, whether they are a person at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, OuterRef, Q

from approvals.domain.quorum import Reviewer

# Accounts in this group belong to programs. They never decide, whatever else they may do.
SERVICE_GROUP = "service"
SIGN_OFF = "approvals.sign_off"
BREAK_GLASS = "approvals.break_glass"


def reviewer(person: Any) -> Reviewer:
    """A person as they are now, read afresh: the signed-in copy may be older than a deactivation."""
    return reviewers([person.get_username()])[person.get_username()]


def reviewers(usernames: Iterable[str]) -> dict[str, Reviewer]:
    """People by username, in one read: this runs while a stream is locked. An account that is gone counts as
    inactive."""
    wanted = list(dict.fromkeys(usernames))
    app, code = SIGN_OFF.split(".")
    permission = Permission.objects.filter(content_type__app_label=app, codename=code)
    mine = permission.filter(Q(user=OuterRef("pk")) | Q(group__user=OuterRef("pk")))
    accounts = (
        get_user_model()
        .objects.filter(username__in=wanted)
        .annotate(
            may_sign_off=Exists(mine),
            names=ArrayAgg("groups__name", filter=Q(groups__isnull=False), default=[]),
        )
        .values_list("username", "is_active", "is_superuser", "may_sign_off", "names")
    )
    gone = {name: Reviewer(person=name, is_active=False, may_sign_off=False) for name in wanted}
    found = {
        username: Reviewer(
            person=username,
            groups=frozenset(groups),
            is_active=is_active,
            is_service=SERVICE_GROUP in groups,
            may_sign_off=is_superuser or may_sign_off,
        )
        for username, is_active, is_superuser, may_sign_off, groups in accounts
    }
    return {**gone, **found}


def may_break_glass(usernames: Iterable[str]) -> set[str]:
    """Of these people, those who may release past the quorum now: active, no service, with the permission."""
    accounts = get_user_model().objects.filter(username__in=list(usernames), is_active=True)
    people = accounts.exclude(groups__name=SERVICE_GROUP)
    return {person.get_username() for person in people if person.has_perm(BREAK_GLASS)}


def colleagues(me: str) -> list[tuple[str, str]]:
    """Everybody else who decides requests: username, and how people call them."""
    accounts = get_user_model().objects.filter(is_active=True).exclude(username=me).order_by("username")
    names = [account.get_username() for account in accounts]
    able = {name for name, one in reviewers(names).items() if one.may_sign_off and not one.is_service}
    return [(account.get_username(), str(account)) for account in accounts if account.get_username() in able]


def name_of(username: str) -> str:
    """A person as colleagues know them: full name and username, or the username alone."""
    account: Any = get_user_model().objects.filter(username=username).first()
    full = account.get_full_name() if account is not None else ""
    return f"{full} ({username})" if full and full != username else username


def members(groups: Iterable[str]) -> dict[str, int]:
    """How many active people of each group may sign off. Accounts of programs are not counted."""
    wanted = list(groups)
    usernames = (
        get_user_model()
        .objects.filter(is_active=True, groups__name__in=wanted)
        .values_list("username", flat=True)
    )
    found = dict.fromkeys(wanted, 0)
    for person in reviewers(usernames).values():
        if person.is_service or not person.may_sign_off:
            continue
        for group in person.groups & found.keys():
            found[group] += 1
    return found
