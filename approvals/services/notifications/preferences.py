"""How people want to be told: their own word, else that of the first of their groups that has one, else the default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from approvals.domain.notices import Channel, Preference
from approvals.models import NoticePreference
from approvals.queries import addresses as queries
from orchestrator.domain import errors

SEE = "approvals.view_approvalrequest"


class UnreadableTimes(errors.Refused):
    """Quiet hours have a beginning and an end. Write both, or neither."""


class UnknownGroup(errors.NotFound):
    """There is no such group here."""


@dataclass(frozen=True)
class Reachable:
    """A person who may be told: their confirmed address, if they have one, and how they want to be told."""

    name: str
    address: str
    preference: Preference

    @property
    def channels(self) -> tuple[Channel, ...]:
        return ("mail", "browser") if self.address else ("browser",)


def reachable(names: Iterable[str]) -> dict[str, Reachable]:
    """Of these people those who may still see requests: active, with the permission. A fixed number of reads each."""
    wanted = list(dict.fromkeys(names))
    accounts = get_user_model().objects.filter(username__in=wanted, is_active=True)
    people = [one for one in accounts.prefetch_related("groups") if one.has_perm(SEE)]
    own = {row.subject: row for row in NoticePreference.objects.filter(is_group=False, subject__in=wanted)}
    groups = {row.subject: row for row in NoticePreference.objects.filter(is_group=True)}
    known = queries.confirmed(wanted)
    found: dict[str, Reachable] = {}
    for person in people:
        name = person.get_username()
        row = own.get(name)
        given = row if row is not None else _of_groups(person, groups)
        wants = read(given.wants) if given is not None else Preference()
        found[name] = Reachable(name, known.get(name, ""), wants)
    return found


@dataclass(frozen=True)
class Stated:
    """How somebody is told now, and who said so: themselves, a group by name, or nobody."""

    preference: Preference
    address: str
    source: str


def of_person(person: Any) -> Stated:
    """How this person is told now, and at which confirmed address."""
    name = person.get_username()
    row = NoticePreference.objects.filter(is_group=False, subject=name).first()
    address = queries.confirmed([name]).get(name, "")
    if row is not None:
        return Stated(read(row.wants), address, "own")
    groups = {row.subject: row for row in NoticePreference.objects.filter(is_group=True)}
    given = _of_groups(person, groups)
    if given is not None:
        return Stated(read(given.wants), address, given.subject)
    return Stated(Preference(), address, "")


def of_group(group: str) -> Stated:
    """How whoever is in this group is told unless they say otherwise. Raises UnknownGroup."""
    if not Group.objects.filter(name=group).exists():
        raise UnknownGroup(group=group)
    row = NoticePreference.objects.filter(is_group=True, subject=group).first()
    return Stated(read(row.wants) if row else Preference(), "", group if row else "")


def groups() -> list[str]:
    """Every group that a word can be said for."""
    return list(Group.objects.order_by("name").values_list("name", flat=True))


def save(*, subject: str, wants: Preference, is_group: bool = False) -> None:
    """Keep how a person or a group wants to be told. Raises UnreadableTimes."""
    if (wants.quiet_from is None) != (wants.quiet_until is None):
        raise UnreadableTimes(field="quiet_from" if wants.quiet_from is None else "quiet_until")
    NoticePreference.objects.update_or_create(
        is_group=is_group,
        subject=subject,
        defaults={"wants": msgspec.to_builtins(wants)},
    )


def forget(*, subject: str, is_group: bool = False) -> None:
    """Back to what the groups or the default say."""
    NoticePreference.objects.filter(is_group=is_group, subject=subject).delete()


def read(wants: Any) -> Preference:
    """A stored preference; the default when this version cannot read it, because silence would be worse."""
    try:
        return msgspec.convert(wants, Preference)
    except msgspec.ValidationError:
        return Preference()


def _of_groups(person: Any, groups: dict[str, NoticePreference]) -> NoticePreference | None:
    names = sorted(group.name for group in person.groups.all())
    return next((groups[name] for name in names if name in groups), None)
