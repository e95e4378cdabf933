"""What an administrator may do to people: invite, give roles, a new password, deactivate, sign out everywhere, and take
off a second factor that somebody lost.

Nobody may lock everybody out: the last active administrator stays one, and nobody changes their own standing. Every
change is a fact on the person's own stream, in the same transaction.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import secrets
from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.paginator import Page, Paginator
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from config import people_record
from config.people import User
from config.roles import ROLES
from orchestrator.domain import errors
from orchestrator.domain.soundness import hidden_characters

RESERVED = frozenset({"system", "new", "groups"})
PER_PAGE = 50
FACTORS = {"webauthn": "a passkey", "totp": "an authenticator app", "recovery_codes": "recovery codes"}
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
# Letters and digits that are not mistaken for each other when read aloud.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Unacceptable(errors.Refused):
    """One of the fields cannot be used. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message, field=field)


class LastAdministrator(errors.Refused):
    """This is the last active administrator. Make somebody else one first, so that nobody is locked out."""


class OwnStanding(errors.Refused):
    """You cannot change your own roles, groups or standing here. Ask another administrator."""


class NoSecondFactor(errors.Refused):
    """There is no second factor to take off. Nothing was changed."""


@dataclasses.dataclass(frozen=True)
class PersonCard:
    """One person. `groups` are those beside the roles; `factors` say by what else they sign in, never more than
    that; `sessions` counts where they are signed in now."""

    username: str
    name: str
    roles: list[str]
    groups: list[str]
    factors: list[str]
    is_active: bool
    last_login: dt.datetime | None
    sessions: int


def people(*, words: str = "", page: int | str = 1) -> tuple[Page[User], list[PersonCard]]:
    """A page of everybody, active first, whose name, username, role or group holds each of the words."""
    found = User.objects.order_by("-is_active", "username")
    for word in words.split()[:8]:
        named = Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        grouped = Group.objects.filter(name__icontains=word)
        found = found.filter(named | Q(groups__in=grouped)).distinct()
    paged = Paginator(found, PER_PAGE).get_page(page)
    return paged, _cards(User.objects.filter(pk__in=[person.pk for person in paged]))


def active() -> list[tuple[str, str]]:
    """Everybody who may sign in: username and name."""
    return [
        (person.username, str(person)) for person in User.objects.filter(is_active=True).order_by("username")
    ]


def find_person(username: str) -> PersonCard:
    """Raises NotFound."""
    cards = _cards(User.objects.filter(username=username))
    if not cards:
        raise _unknown(username)
    return cards[0]


def invite_person(*, username: str, name: str, roles: Sequence[str], by: User, now: dt.datetime) -> str:
    """Create a person with an initial password, which is returned once and kept nowhere. Raises Unacceptable."""
    if not _USERNAME.fullmatch(username) or username in RESERVED:
        raise Unacceptable("username", "Use 2 to 60 small letters, digits, dots, - or _, as in rosa.weber.")
    first, _, last = name.strip().partition(" ")
    if not first or len(name) > 150:
        raise Unacceptable("name", "Say how they are called, in at most 150 characters.")
    if hidden_characters(name):
        raise Unacceptable("name", "The name holds characters that nobody can see. Take them out.")
    groups = _groups(roles)
    password = new_password()
    try:
        with transaction.atomic():
            person = User(
                username=username, first_name=first, last_name=last.strip(), is_staff="admin" in roles
            )
            person.set_password(password)
            person.save()
            person.groups.set(groups)
            people_record.note_person(username, "invited", by=by.username, now=now, roles=sorted(set(roles)))
    except IntegrityError:
        raise Unacceptable("username", "Somebody here has this username already. Choose another.") from None
    return password


def set_roles(*, username: str, roles: Sequence[str], by: User, now: dt.datetime) -> None:
    """Give exactly these roles; other groups stay. Raises OwnStanding, LastAdministrator, Unacceptable."""
    groups = _groups(roles)
    with transaction.atomic():
        person = locked(username, by)
        if "admin" not in roles:
            _someone_must_stay(person)
        held = list(person.groups.all())
        before = sorted(group.name for group in held if group.name in ROLES)
        if before == sorted(set(roles)):
            return
        person.groups.set([*groups, *(group for group in held if group.name not in ROLES)])
        person.is_staff = "admin" in roles
        person.save(update_fields=["is_staff"])
        people_record.note_person(
            username, "roles_set", by=by.username, now=now, roles=sorted(set(roles)), before=before
        )


def reset_password(*, username: str, by: User, now: dt.datetime) -> str:
    """Give a new password, returned once; every session ends. Raises NotFound."""
    password = new_password()
    with transaction.atomic():
        person = locked(username, None)
        person.set_password(password)
        person.save(update_fields=["password"])
        ended = _end_sessions(person)
        people_record.note_person(username, "password_reset", by=by.username, now=now, sessions=ended)
    return password


def set_active(*, username: str, is_active: bool, by: User, now: dt.datetime) -> None:
    """Let a person in again, or keep them out and end their sessions. Raises OwnStanding, LastAdministrator."""
    with transaction.atomic():
        person = locked(username, by)
        if person.is_active == is_active:
            return
        if not is_active:
            _someone_must_stay(person)
        person.is_active = is_active
        person.save(update_fields=["is_active"])
        if is_active:
            people_record.note_person(username, "activated", by=by.username, now=now)
        else:
            ended = _end_sessions(person)
            people_record.note_person(username, "deactivated", by=by.username, now=now, sessions=ended)


def sign_out_everywhere(*, username: str, by: User, now: dt.datetime, but: str = "") -> int:
    """End every session of a person, save that with the key `but`; returns how many there were."""
    with transaction.atomic():
        person = locked(username, None)
        ended = _end_sessions(person, but)
        people_record.note_person(username, "signed_out", by=by.username, now=now, sessions=ended)
    return ended


def reset_second_factor(*, username: str, by: User | None, now: dt.datetime) -> None:
    """Take off passkeys, authenticator app and recovery codes, unseen, and end every session.

    `by` is None when the machine's own command does it; for oneself there are the ways to sign in, which ask for the
    password first. Raises NotFound, OwnStanding, NoSecondFactor.
    """
    with transaction.atomic():
        person = locked(username, by)
        held = Authenticator.objects.select_for_update().filter(user=person)
        factors = _factors(list(held))
        if not factors:
            raise NoSecondFactor()
        held.delete()
        ended = _end_sessions(person)
        by_name = by.username if by is not None else ""
        people_record.note_person(
            username, "second_factor_reset", by=by_name, now=now, factors=factors, sessions=ended
        )


def new_password() -> str:
    """Four groups of five characters: 98 bits, and readable over a telephone."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def locked(username: str, by: User | None) -> User:
    """The person's row, locked with those of all administrators, so that two cannot remove each other at once.

    Raises OwnStanding when that is who asks.
    """
    list(User.objects.select_for_update().filter(groups__name="admin").order_by("pk"))
    person = User.objects.select_for_update().filter(username=username).first()
    if person is None:
        raise _unknown(username)
    if by is not None and person.pk == by.pk:
        raise OwnStanding()
    return person


def _cards(found: QuerySet[User]) -> list[PersonCard]:
    rows = list(found.prefetch_related("groups").order_by("-is_active", "username"))
    sessions = _sessions()
    held: dict[int, list[Authenticator]] = {}
    for one in Authenticator.objects.filter(user__in=rows).defer("data"):
        held.setdefault(one.user_id, []).append(one)
    cards = []
    for person in rows:
        names = sorted(group.name for group in person.groups.all())
        cards.append(
            PersonCard(
                username=person.username,
                name=str(person),
                roles=[name for name in names if name in ROLES],
                groups=[name for name in names if name not in ROLES],
                factors=_factors(held.get(person.pk, [])),
                is_active=person.is_active,
                last_login=person.last_login,
                sessions=len(sessions.get(str(person.pk), [])),
            )
        )
    return cards


def _factors(held: Sequence[Authenticator]) -> list[str]:
    """In words, what somebody has beside the password: kinds and how many, nothing of the secrets."""
    kinds = [one.type for one in held]
    keys = kinds.count("webauthn")
    many = [f"{keys} passkeys"] if keys > 1 else [FACTORS["webauthn"]] if keys else []
    return many + [words for kind, words in FACTORS.items() if kind != "webauthn" and kind in kinds]


def _end_sessions(person: User, but: str = "") -> int:
    keys = [key for key in _sessions().get(str(person.pk), []) if key != but]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _sessions() -> dict[str, list[str]]:
    """The keys of the sessions that are open now, by the id of the person who is signed in."""
    found: dict[str, list[str]] = {}
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        person = session.get_decoded().get("_auth_user_id")
        if person is not None:
            found.setdefault(str(person), []).append(session.session_key)
    return found


def _groups(roles: Sequence[str]) -> list[Group]:
    if not roles:
        raise Unacceptable("roles", "Choose at least one role; without one they see nothing.")
    if unknown := set(roles) - set(ROLES):
        raise Unacceptable("roles", f"There is no role {sorted(unknown)[0][:40]!r}.")
    return list(Group.objects.filter(name__in=roles))


def _unknown(username: str) -> errors.NotFound:
    return errors.NotFound(f"There is no person {username[:60]!r} here.")


def _someone_must_stay(person: User) -> None:
    others = User.objects.filter(groups__name="admin", is_active=True).exclude(pk=person.pk)
    if person.groups.filter(name="admin").exists() and not others.exists():
        raise LastAdministrator()
