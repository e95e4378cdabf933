"""Where a person's mail goes: an address gets nothing but one confirmation link until it is confirmed.

Addresses and their links are allauth's: a link is signed, ends after MAIL_LINK_HOURS, and confirms one address of one
person once. Whoever changes theirs has none until the new one is confirmed. The facts on the person's stream name the
server part alone, because what can be taken off the record later must not be on it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from config import people_record
from config.people import User
from orchestrator.domain import errors


class LinkSpent(errors.NotFound):
    """This link was used, has ended, or is somebody else's. Sign in as who wrote the address, and ask for a new one."""


class AddressTaken(errors.Refused):
    """Another person here has confirmed this address. Choose one that is yours alone."""


class NothingToConfirm(errors.Refused):
    """There is no address that waits to be confirmed. Write yours first."""


@dataclass(frozen=True)
class MailAddress:
    """An address as its person sees it. Nothing but the link is sent to one that is not confirmed."""

    address: str
    is_confirmed: bool


def address_of(username: str) -> MailAddress | None:
    """The address that this person gave; None when there is none."""
    row = EmailAddress.objects.filter(user__username=username).order_by("-verified", "-pk").first()
    return None if row is None else MailAddress(row.email, row.verified)


def give(*, person: User, address: str, now: dt.datetime) -> MailAddress | None:
    """Take an address in place of the one before, which it returns when it was confirmed.

    The same address again changes nothing.
    """
    address = address.strip().lower()
    with transaction.atomic():
        _lock(person)
        before = address_of(person.username)
        if before is not None and before.address == address:
            return None
        _forget(person)
        EmailAddress.objects.create(user=person, email=address)
        _note(person, "mail_address_given", address, now)
    return before if before is not None and before.is_confirmed else None


def forget(*, person: User, now: dt.datetime) -> MailAddress | None:
    """Send this person no mail any more; returns the address that is gone."""
    with transaction.atomic():
        _lock(person)
        before = address_of(person.username)
        if before is not None:
            _forget(person)
            _note(person, "mail_address_removed", before.address, now)
    return before


def link_key(person: User) -> str:
    """What the link to confirm this person's address ends with. Raises NothingToConfirm."""
    row = _rows(person).filter(verified=False).first()
    if row is None:
        raise NothingToConfirm()
    return str(EmailConfirmationHMAC.create(row).key)


def waiting(*, person: User, key: str) -> MailAddress:
    """The address that this link would confirm for this person. Asking does not use it. Raises LinkSpent."""
    return MailAddress(_linked(person, key).email, is_confirmed=False)


def confirm(*, person: User, key: str, now: dt.datetime) -> MailAddress:
    """Let mail go there from now on. Raises LinkSpent, AddressTaken."""
    try:
        with transaction.atomic():
            _lock(person)
            row = _linked(person, key)
            if not row.set_verified():
                raise AddressTaken()
            row.set_as_primary()
            _note(person, "mail_address_confirmed", row.email, now)
    except IntegrityError:
        # Two people confirmed the same address at the same moment: the database lets one of them.
        raise AddressTaken() from None
    return MailAddress(row.email, is_confirmed=True)


def note_test(*, person: User, outcome: str, now: dt.datetime) -> None:
    """Write down that somebody sent themselves a test mail, and what came of it."""
    people_record.note_person(person.username, "mail_tested", by=person.username, now=now, outcome=outcome)


def _linked(person: User, key: str) -> EmailAddress:
    found = EmailConfirmationHMAC.from_key(key)
    if found is None or found.email_address.user_id != person.pk or not person.is_active:
        raise LinkSpent()
    return found.email_address


def _rows(person: User) -> QuerySet[EmailAddress]:
    return EmailAddress.objects.filter(user=person).order_by("-verified", "-pk")


def _forget(person: User) -> None:
    _rows(person).delete()
    User.objects.filter(pk=person.pk).update(email="")


def _lock(person: User) -> None:
    """One change of a person's address at a time."""
    list(User.objects.select_for_update().filter(pk=person.pk).values_list("pk"))


def _note(person: User, fact: str, address: str, now: dt.datetime) -> None:
    server = address.rpartition("@")[2]
    people_record.note_person(person.username, fact, by=person.username, now=now, server=server)
