"""One-use sign-in links, printed at each start for the seeded sign-ins. Only the hash of a token is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction

if TYPE_CHECKING:
    from config.people import User

LIFETIME = timedelta(hours=12)


class SignInLink(models.Model):
    """A token that lets one person in once. Used and outdated ones go when new ones are made."""

    digest = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "config_sign_in_link"

    def __str__(self) -> str:
        return f"link for {self.person}"


def make_links(*, usernames: list[str], now: datetime) -> dict[str, str]:
    """New tokens by username; every earlier link ends. People who are inactive get none."""
    from config.people import User

    tokens: dict[str, str] = {}
    with transaction.atomic():
        SignInLink.objects.all().delete()
        for person in User.objects.filter(username__in=usernames, is_active=True):
            tokens[person.username] = token = secrets.token_urlsafe(32)
            SignInLink.objects.create(digest=_digest(token), person=person, expires_at=now + LIFETIME)
    return {username: tokens[username] for username in usernames if username in tokens}


def person_of(*, token: str, now: datetime) -> User | None:
    """Whom an unused link would let in. Asking does not use it."""
    link = _usable(token, now).select_related("person").first()
    return link.person if link else None


def use_link(*, token: str, now: datetime) -> User | None:
    """Use the link up and say whom it lets in; None when it was used, has ended or never was."""
    if not _usable(token, now).update(used_at=now):
        return None
    return SignInLink.objects.select_related("person").get(digest=_digest(token)).person


def _usable(token: str, now: datetime) -> models.QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=now, person__is_active=True
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
