"""People as a quorum sees them: their groups, whether they are active, whether they are a person at all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model

from approvals.domain.quorum import Reviewer
from orchestrator import sql

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
    accounts = sql.run(_reviewers(), [wanted, *SIGN_OFF.split(".")])
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


@cache
def _reviewers() -> str:
    """The one read as prepared text: made anew by the ORM each time, it took longer than all else that a sign-off
    asks while the stream is locked."""
    account: Any = get_user_model()
    user, names = account._meta.db_table, account.groups.field
    groups, own = names.m2m_db_table(), account.user_permissions.field.m2m_db_table()
    of_user = names.m2m_column_name()
    return (
        f"SELECT u.username, u.is_active, u.is_superuser, EXISTS (SELECT 1 FROM auth_permission p "
        f"JOIN django_content_type c ON c.id=p.content_type_id WHERE c.app_label=$2 AND p.codename=$3 AND ("
        f'EXISTS (SELECT 1 FROM "{own}" o WHERE o.permission_id=p.id AND o.{of_user}=u.id) OR '
        f'EXISTS (SELECT 1 FROM auth_group_permissions g JOIN "{groups}" m ON m.group_id=g.group_id '
        f"WHERE g.permission_id=p.id AND m.{of_user}=u.id))), "
        f'ARRAY(SELECT g.name FROM auth_group g JOIN "{groups}" m ON m.group_id=g.id WHERE m.{of_user}=u.id) '
        f'FROM "{user}" u WHERE u.username=ANY($1::text[])'
    )


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
    found = dict.fromkeys(groups, 0)
    for own in pool(found):
        for group in own & found.keys():
            found[group] += 1
    return found


def pool(groups: Iterable[str]) -> list[frozenset[str]]:
    """For each active person of these groups who may sign off, the groups they are in. Programs are left out."""
    usernames = (
        get_user_model()
        .objects.filter(is_active=True, groups__name__in=list(groups))
        .values_list("username", flat=True)
        .distinct()
    )
    able = [one for one in reviewers(usernames).values() if one.may_sign_off and not one.is_service]
    return [one.groups for one in able]
