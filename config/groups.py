"""Groups that quorums ask for, beside the three roles: who is in them, and whether one may be given up.

A group is never renamed, because sign-offs and policies name it for ever. It can be retired once nothing asks for it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from approvals.queries import groups as asked
from approvals.queries.people import SERVICE_GROUP
from config import people_record, staff
from config.people import User
from config.roles import ROLES
from orchestrator.domain import errors

_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
# The roles, the accounts of programs, and words that an address or a list would take for something else.
RESERVED = frozenset({*ROLES, SERVICE_GROUP, "new", "none", "system", "everybody"})


class StillAsked(errors.Refused):
    """Something still asks for this group, so nobody could sign it off any more."""


@dataclasses.dataclass(frozen=True)
class GroupCard:
    """One group: its active members by username and name, and what asks for it now."""

    name: str
    members: list[tuple[str, str]]
    asked_by: list[str]


def groups() -> list[tuple[str, int]]:
    """Every group beside the roles, with how many active people are in it."""
    active = Count("user", filter=Q(user__is_active=True))
    return list(_of_quorums().annotate(active=active).order_by("name").values_list("name", "active"))


def names() -> list[str]:
    return list(_of_quorums().order_by("name").values_list("name", flat=True))


def find_group(name: str) -> GroupCard:
    """Raises NotFound."""
    group = _of_quorums().filter(name=name).first()
    if group is None:
        raise _unknown(name)
    people = User.objects.filter(groups=group, is_active=True).order_by("username")
    return GroupCard(name, [(person.username, str(person)) for person in people], asked.asked_by(name))


def create_group(*, name: str, by: User, now: dt.datetime) -> None:
    """Raises staff.Unacceptable."""
    if not _NAME.fullmatch(name):
        raise staff.Unacceptable(
            "name", "Use 2 to 40 small letters, digits and -, beginning with a letter, as in finance."
        )
    if name in RESERVED:
        raise staff.Unacceptable("name", f"{name} is a role, or kept for the system. Choose another name.")
    with transaction.atomic():
        _, is_new = Group.objects.get_or_create(name=name)
        if not is_new:
            raise staff.Unacceptable("name", "There is such a group already.")
        people_record.note_group(name, "created", by=by.username, now=now)


def set_groups(*, username: str, groups: Sequence[str], by: User, now: dt.datetime) -> None:
    """Put a person into exactly these groups; roles stay. Raises staff.OwnStanding, staff.Unacceptable."""
    with transaction.atomic():
        wanted = _locked(groups)
        person = staff.locked(username, by)
        held = {group.name: group for group in _of_quorums().filter(user=person)}
        added = {name: group for name, group in wanted.items() if name not in held}
        removed = {name: group for name, group in held.items() if name not in wanted}
        _move(person, added, removed, by, now)


def move(*, name: str, username: str, is_in: bool, by: User, now: dt.datetime) -> None:
    """Put one person into a group, or take them out; their other groups stay. Raises as set_groups does."""
    with transaction.atomic():
        group = _one(name)
        person = staff.locked(username, by)
        if person.groups.filter(pk=group.pk).exists() != is_in:
            moved = {name: group}
            _move(person, moved if is_in else {}, {} if is_in else moved, by, now)


def retire_group(*, name: str, by: User, now: dt.datetime) -> None:
    """Take everybody out and give the group up. Raises NotFound, StillAsked."""
    with transaction.atomic():
        group = _one(name)
        if asking := asked.asked_by(name):
            raise StillAsked(
                f"{name} is asked for by {', '.join(asking)}. Publish policies that do not name it and let what is "
                "open be decided; then it can be retired."
            )
        people = list(User.objects.select_for_update(of=("self",)).filter(groups=group).order_by("pk"))
        group.delete()
        for person in people:
            _note_move(person, [], [name], by, now)
        left = sorted(person.username for person in people)
        people_record.note_group(name, "retired", by=by.username, now=now, members=left)


def _move(
    person: User, added: Mapping[str, Group], removed: Mapping[str, Group], by: User, now: dt.datetime
) -> None:
    """The rows, the fact on the person's stream, and one on the stream of each group, in the groups' order."""
    if not added and not removed:
        return
    person.groups.remove(*removed.values())
    person.groups.add(*added.values())
    _note_move(person, sorted(added), sorted(removed), by, now)
    for name in sorted([*added, *removed]):
        moved = {"added" if name in added else "removed": [person.username]}
        people_record.note_group(name, "members_set", by=by.username, now=now, **moved)


def _note_move(person: User, added: list[str], removed: list[str], by: User, now: dt.datetime) -> None:
    held = sorted(_of_quorums().filter(user=person).values_list("name", flat=True))
    people_record.note_person(
        person.username, "groups_set", by=by.username, now=now, groups=held, added=added, removed=removed
    )


def _locked(wanted: Sequence[str]) -> dict[str, Group]:
    """The groups of these names, locked before any person: one that is being retired is waited for, then unknown."""
    found = {
        group.name: group
        for group in _of_quorums().select_for_update().filter(name__in=wanted).order_by("name")
    }
    if unknown := set(wanted) - found.keys():
        raise staff.Unacceptable("groups", f"There is no group {sorted(unknown)[0][:40]!r}.")
    return found


def _one(name: str) -> Group:
    group = _of_quorums().select_for_update().filter(name=name).first()
    if group is None:
        raise _unknown(name)
    return group


def _of_quorums() -> QuerySet[Group]:
    return Group.objects.exclude(name__in={*ROLES, SERVICE_GROUP})


def _unknown(name: str) -> errors.NotFound:
    return errors.NotFound(f"There is no group {name[:60]!r} here.")
