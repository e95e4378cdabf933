"""What an administrator may do to people: invite, give roles, give a new password, deactivate, sign out everywhere.

Nobody may lock everybody out: the last active administrator stays one, and nobody changes their own standing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import secrets
from collections.abc import Sequence

import structlog
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.people import User
from config.roles import ROLES
from orchestrator.domain import errors
from orchestrator.domain.soundness import hidden_characters

log = structlog.get_logger(__name__)

RESERVED = frozenset({"system", "new"})
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
    """You cannot change your own roles or deactivate yourself. Ask another administrator."""


@dataclasses.dataclass(frozen=True)
class PersonCard:
    """One person for the list. `sessions` counts where they are signed in now."""

    username: str
    name: str
    roles: list[str]
    is_active: bool
    last_login: dt.datetime | None
    sessions: int


def people() -> list[PersonCard]:
    """Everybody, active first."""
    sessions = _sessions()
    found = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    return [
        PersonCard(
            username=person.username,
            name=str(person),
            roles=sorted(group.name for group in person.groups.all()),
            is_active=person.is_active,
            last_login=person.last_login,
            sessions=len(sessions.get(str(person.pk), [])),
        )
        for person in found
    ]


def find_person(username: str) -> PersonCard:
    """Raises NotFound."""
    found = next((card for card in people() if card.username == username), None)
    if found is None:
        raise errors.NotFound(f"There is no person {username[:60]!r} here.")
    return found


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
    except IntegrityError:
        raise Unacceptable("username", "Somebody here has this username already. Choose another.") from None
    log.info("person.invited", username=username, roles=sorted(roles), by=by.username)
    return password


def set_roles(*, username: str, roles: Sequence[str], by: User, now: dt.datetime) -> None:
    """Give exactly these roles. Raises OwnStanding, LastAdministrator, Unacceptable."""
    groups = _groups(roles)
    with transaction.atomic():
        person = _locked(username, by)
        if "admin" not in roles:
            _someone_must_stay(person)
        person.groups.set(groups)
        person.is_staff = "admin" in roles
        person.save(update_fields=["is_staff"])
    log.info("person.roles_set", username=username, roles=sorted(roles), by=by.username)


def reset_password(*, username: str, by: User, now: dt.datetime) -> str:
    """Give a new password, returned once; every session ends. Raises NotFound."""
    password = new_password()
    with transaction.atomic():
        person = _locked(username, None)
        person.set_password(password)
        person.save(update_fields=["password"])
    sign_out_everywhere(username=username, by=by, now=now)
    log.info("person.password_reset", username=username, by=by.username)
    return password


def set_active(*, username: str, is_active: bool, by: User, now: dt.datetime) -> None:
    """Let a person in again, or keep them out and end their sessions. Raises OwnStanding, LastAdministrator."""
    with transaction.atomic():
        person = _locked(username, by)
        if not is_active:
            _someone_must_stay(person)
        person.is_active = is_active
        person.save(update_fields=["is_active"])
    if not is_active:
        sign_out_everywhere(username=username, by=by, now=now)
    log.info("person.activated" if is_active else "person.deactivated", username=username, by=by.username)


def sign_out_everywhere(*, username: str, by: User, now: dt.datetime) -> int:
    """End every session of a person; returns how many there were."""
    person = User.objects.filter(username=username).first()
    if person is None:
        raise errors.NotFound(f"There is no person {username[:60]!r} here.")
    keys = _sessions().get(str(person.pk), [])
    Session.objects.filter(session_key__in=keys).delete()
    log.info("person.signed_out", username=username, sessions=len(keys), by=by.username)
    return len(keys)


def new_password() -> str:
    """Four groups of five characters: 98 bits, and readable over a telephone."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


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


def _locked(username: str, by: User | None) -> User:
    """The person's row, locked with those of all administrators, so that two cannot remove each other at once."""
    list(User.objects.select_for_update().filter(groups__name="admin").order_by("pk"))
    person = User.objects.select_for_update().filter(username=username).first()
    if person is None:
        raise errors.NotFound(f"There is no person {username[:60]!r} here.")
    if by is not None and person.pk == by.pk:
        raise OwnStanding()
    return person


def _someone_must_stay(person: User) -> None:
    others = User.objects.filter(groups__name="admin", is_active=True).exclude(pk=person.pk)
    if person.groups.filter(name="admin").exists() and not others.exists():
        raise LastAdministrator()
